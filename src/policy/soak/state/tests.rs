use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Judged, Measured, State, Subject};
use crate::model::measurement::{Counts, Measurement};
use crate::model::soak::Interval;
use crate::model::verdict::Verdict;
use crate::policy::soak::clock::Serving;
use crate::policy::soak::judge::Reason;
use crate::policy::soak::suite::{Soak, read};
use crate::policy::toml::TomlFile;

/// A soak of 24 hours with one metric of 90 %.
fn soak(more: &str) -> Soak {
    let text = format!(
        "format = 1\n[soak]\nwindow = '24h'\n{more}\n[source.c]\ntype = 'command'\n[[metric]]\nname = 'm'\nkind = 'rate'\n\
         at_least = 0.9\nmin_samples = 30\nsource = 'c'\nrun = ['x', '{{{{ start }}}}']\n"
    );
    read(&TomlFile { name: "soak.toml", text: &text }).unwrap()
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn open() -> State {
    let sha = "1234567".parse().unwrap();
    let gates = String::new();
    State::open(Subject { sha, stable: None, images: Vec::new(), ring: None, gates }, at(0))
}

/// What a source that counts one sample a minute, and a bad one every `nth`, says of these intervals.
fn counted(intervals: &[Interval], nth: i64) -> Counts {
    let minutes = |it: &Interval| it.start.as_second() / 60..it.end.as_second() / 60;
    let all: Vec<i64> = intervals.iter().flat_map(minutes).collect();
    let bad = all.iter().filter(|minute| *minute % nth == 0).count() as u64;
    Counts::of_bad(bad, all.len() as u64).unwrap()
}

/// The verdict of the last of these ticks that found the soak open.
fn play(soak: &Soak, minutes: impl IntoIterator<Item = i64>, nth: i64) -> (State, Judged) {
    let mut state = open();
    let mut judged = state.judge(soak);
    for minute in minutes {
        if state.closed {
            break;
        }
        // What was written is what the next tick reads.
        state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        let intervals = state.look(soak, at(minute), &Serving::Yes);
        let whole = Measured::Whole(Measurement::Counts(counted(&intervals, nth)));
        let answers =
            if intervals.is_empty() { BTreeMap::new() } else { [("m".to_owned(), Ok(whole))].into() };
        judged = state.take(soak, answers);
    }
    (state, judged)
}

#[test]
fn ticks_that_are_missed_late_or_doubled_end_with_the_same_numbers() {
    let soak = soak("");
    let regular = play(&soak, (0..).step_by(15).take(200), 20).1;
    assert_eq!(regular.verdict, Verdict::Green);
    assert_eq!(regular.metrics[0].shown.samples, 24 * 60);
    for minutes in [vec![0, 7, 240, 1_200, 1_446], vec![0, 0, 15, 15, 1_000, 1_000, 1_600], vec![0, 1_500]] {
        let other = play(&soak, minutes.clone(), 20).1;
        assert_eq!(other.metrics[0].shown, regular.metrics[0].shown, "{minutes:?}");
        assert_eq!(other.verdict, Verdict::Green, "{minutes:?}");
    }
}

#[test]
fn a_disproved_target_closes_the_soak_at_once_and_says_since_when() {
    let (state, judged) = play(&soak(""), (0..).step_by(15).take(200), 4);
    assert_eq!((judged.verdict, state.closed), (Verdict::Red, true));
    assert!(state.tick.unwrap().counted < soak("").window / 2);
    assert!(state.metrics["m"].first_breach.is_some());
}

#[test]
fn a_soak_that_ends_by_samples_waits_for_them_and_no_longer() {
    let (state, judged) = play(&soak("ends = 'samples'"), (0..).step_by(5).take(400), 20);
    assert_eq!(judged.verdict, Verdict::Green);
    let samples = judged.metrics[0].shown.samples;
    assert!((30..40).contains(&samples), "{samples}");
    assert!(state.closed);
}

#[test]
fn a_source_that_fails_at_the_last_tick_may_answer_at_the_next() {
    let soak = soak("");
    let mut state = open();
    let mut step = |minute: i64, answer: Result<(), Reason>| {
        let intervals = state.look(&soak, at(minute), &Serving::Yes);
        let whole = Measured::Whole(Measurement::Counts(counted(&intervals, 20)));
        state.take(&soak, [("m".to_owned(), answer.map(|()| whole))].into()).verdict
    };
    let failed = || Err(Reason::Error { what: "refused".to_owned() });
    step(0, Ok(()));
    assert_eq!(step(1_450, failed()), Verdict::Pending);
    assert_eq!(step(1_460, Ok(())), Verdict::Green);
    state = open();
    let mut step = |minute: i64, answer: Result<(), Reason>| {
        let intervals = state.look(&soak, at(minute), &Serving::Yes);
        let whole = Measured::Whole(Measurement::Counts(counted(&intervals, 20)));
        state.take(&soak, [("m".to_owned(), answer.map(|()| whole))].into()).verdict
    };
    step(0, Ok(()));
    assert_eq!(step(1_450, failed()), Verdict::Pending);
    assert_eq!(step(1_700, failed()), Verdict::Inconclusive);
}

#[test]
fn an_undecided_soak_goes_on_for_another_window_as_often_as_it_may() {
    // 1,440 samples, 1 of 10 bad: just at the limit, which no number of samples proves.
    let soak = soak("assure = 'bound'\nextend = 1");
    let (state, judged) = play(&soak, (0..).step_by(15).take(400), 10);
    assert_eq!((judged.verdict, state.extended, state.closed), (Verdict::Inconclusive, 1, true));
    assert_eq!(judged.metrics[0].shown.samples, 2 * 24 * 60);
    assert!(state.metrics["m"].course.len() > 90);
    let (state, judged) = play(&soak, (0..).step_by(15).take(400), 30);
    assert_eq!((judged.verdict, state.extended), (Verdict::Green, 0));
}

#[test]
fn a_release_that_lost_its_ring_is_superseded_and_what_it_broke_stays_red() {
    let soak = soak("");
    let mut state = open();
    state.look(&soak, at(0), &Serving::Yes);
    state.take(&soak, BTreeMap::new());
    state.look(&soak, at(60), &Serving::Superseded("canary names another".to_owned()));
    let judged = state.take(&soak, BTreeMap::new());
    assert_eq!((judged.verdict, judged.reason), (Verdict::Inconclusive, Some(Reason::Superseded)));
    assert!(state.closed && state.on_ring);
}

#[test]
fn a_release_that_is_never_served_ends_inconclusive() {
    let soak = soak("");
    let mut state = open();
    for minute in [0, 600, 1_200] {
        assert!(state.look(&soak, at(minute), &Serving::No("another".to_owned())).is_empty());
        assert_eq!(state.take(&soak, BTreeMap::new()).verdict, Verdict::Pending);
    }
    state.look(&soak, at(1_700), &Serving::No("another".to_owned()));
    let judged = state.take(&soak, BTreeMap::new());
    assert_eq!(judged.verdict, Verdict::Inconclusive);
    assert!(matches!(judged.reason, Some(Reason::Blind { .. })), "{:?}", judged.reason);
}
