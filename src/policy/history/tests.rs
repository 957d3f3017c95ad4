use super::{ENTRIES, History};
use crate::model::digest::Digest;
use crate::model::facts::Stand;
use crate::model::history::{Entry, Event, Moved};

pub(crate) fn entry(id: &str, event: Event, sha: &str) -> Entry {
    let moved = Moved {
        repository: "ghcr.io/a/b".parse().unwrap(),
        from: Some(Digest::of(b"from")),
        to: Digest::of(sha.as_bytes()),
    };
    Entry {
        id: id.to_owned(),
        at: "2026-11-21T00:00:00Z".parse().unwrap(),
        by: Some("ann".to_owned()),
        run: None,
        event,
        tag: "latest".to_owned(),
        sha: Some(sha.parse().unwrap()),
        moved: vec![moved],
        reason: None,
        prev: None,
    }
}

pub(crate) fn promotion() -> Event {
    Event::Promotion { evidence: Vec::new(), skipped: Vec::new() }
}

pub(crate) fn rollback(left: &str) -> Event {
    Event::Rollback { left: Some(left.parse().unwrap()), hold: true, partial: None }
}

fn of(events: &[(Event, &str)]) -> History {
    let mut history = History::default();
    for (i, (event, sha)) in events.iter().enumerate() {
        history.append(entry(&format!("e{i}"), event.clone(), sha));
    }
    history
}

#[test]
fn a_changed_byte_in_the_middle_is_found_and_named() {
    let history = of(&[(promotion(), "1111111"), (promotion(), "2222222"), (promotion(), "3333333")]);
    assert_eq!(history.verify(), None);
    let text = String::from_utf8(history.write()).unwrap();
    let forged = History::read(text.replace("2222222", "2222223").as_bytes()).unwrap();
    let found = forged.verify().unwrap();
    assert_eq!((found.number, found.id.as_str()), (2, "e1"));
    assert_eq!(History::read(text.as_bytes()).unwrap().verify(), None);
    assert!(History::read(&text.as_bytes()[..text.len() / 2]).is_err());
}

#[test]
fn a_history_that_cannot_be_read_is_told_harmlessly() {
    let hostile = r#"{"format":1,"entries":[{"event":{"kind":"\u001b[2J\n::error::x"}}]}"#;
    let error = History::read(hostile.as_bytes()).unwrap_err();
    assert!(error.contains(r"\u{1b}[2J\n::error::x"), "{error:?}");
}

#[test]
fn a_field_that_this_version_does_not_know_breaks_no_chain() {
    let mut history = of(&[(promotion(), "1111111")]);
    let text = String::from_utf8(history.write()).unwrap().replace(r#""id":"e0""#, r#""id":"e0","news":1"#);
    history = History::read(text.as_bytes()).unwrap();
    history.append(entry("e1", promotion(), "2222222"));
    assert_eq!(History::read(&history.write()).unwrap().verify(), None);
}

#[test]
fn a_rollback_holds_and_rejects_until_somebody_resumes_or_means_it() {
    let held = of(&[(promotion(), "1111111"), (promotion(), "2222222"), (rollback("2222222"), "1111111")])
        .standing("latest");
    assert!(held.hold.is_some() && held.rejected.len() == 1);
    let resumed =
        of(&[(promotion(), "2222222"), (rollback("2222222"), "1111111"), (Event::Resume, "1111111")])
            .standing("latest");
    assert!(resumed.hold.is_none() && resumed.rejected.len() == 1);
    let meant = of(&[(rollback("2222222"), "1111111"), (Event::Resume, "1111111"), (promotion(), "2222222")])
        .standing("latest");
    assert!(meant.hold.is_none() && meant.rejected.is_empty());
    assert!(of(&[(rollback("2222222"), "1111111")]).standing("edge").hold.is_none());
}

#[test]
fn a_rollback_that_came_later_is_found_and_one_that_was_known_is_not() {
    let known = of(&[(promotion(), "1111111"), (rollback("2222222"), "1111111")]);
    let mut later = known.clone();
    later.append(entry("r", Event::Resume, "1111111"));
    assert_eq!(later.rollback_since(&known, "latest"), None);
    later.append(entry("b", rollback("3333333"), "1111111"));
    assert_eq!(later.rollback_since(&known, "latest").map(|e| e.id.as_str()), Some("b"));
    assert_eq!(later.rollback_since(&known, "edge"), None);
    later.append(entry("d", rollback("4444444"), "1111111"));
    assert_eq!(later.rollback_since(&known, "latest").map(|e| e.id.as_str()), Some("d"));
}

#[test]
fn a_promotion_that_was_done_before_the_rollback_and_written_after_it_lifts_no_rejection() {
    let mut history = History::default();
    let late = "2026-11-21T00:00:01Z".parse().unwrap();
    history.append(Entry { at: late, ..entry("b", rollback("2222222"), "1111111") });
    history.append(entry("a", promotion(), "2222222"));
    assert_eq!(history.standing("latest").rejected.len(), 1);
    history.append(entry("c", Event::Resume, "1111111"));
    history.append(Entry { at: late, ..entry("d", promotion(), "2222222") });
    assert!(history.standing("latest").rejected.is_empty());
}

#[test]
fn a_full_document_is_continued_in_another_one_and_forgets_nothing_that_matters() {
    let mut history = History::default();
    for i in 0..ENTRIES {
        history.append(entry(&format!("e{i}"), promotion(), "1111111"));
    }
    assert!(history.is_full());
    let next = history.continued(Digest::of(b"manifest"));
    assert_eq!((next.verify(), next.before().is_some(), next.is_full()), (None, true, false));
    assert!(next.has(&format!("e{}", ENTRIES - 1)));
}

#[test]
fn going_back_to_a_rejected_release_takes_its_rejection_away_and_no_other() {
    let history = of(&[
        (promotion(), "2222222"),
        (rollback("2222222"), "1111111"),
        (rollback("1111111"), "2222222"),
        (rollback("2222222"), "3333333"),
        (rollback("3333333"), "1111111"),
    ]);
    let rejected: Vec<String> =
        history.standing("latest").rejected.iter().map(|r| r.sha.as_ref().unwrap().to_string()).collect();
    assert_eq!(rejected, ["2222222", "3333333"]);
    let promoted = |history: History, sha: &str| {
        history.standing("latest").promotion_of(Some(&sha.parse().unwrap())).is_some()
    };
    assert!(promoted(of(&[(promotion(), "2222222")]), "2222222"));
    assert!(!promoted(of(&[(promotion(), "2222222")]), "1111111"));
    assert!(!promoted(of(&[(rollback("2222222"), "1111111")]), "1111111"));
}

#[test]
fn a_promotion_told_after_a_rollback_that_holds_began_before_it() {
    let last = |entries: &[(Event, &str)]| {
        of(entries).standing("latest").last_move.unwrap().sha.unwrap().to_string()
    };
    let late = [(rollback("2222222"), "1111111"), (promotion(), "3333333")];
    assert_eq!(last(&late), "1111111");
    let lifted = [late[0].clone(), (Event::Resume, "1111111"), late[1].clone()];
    assert_eq!(last(&lifted), "3333333");
}

#[test]
fn tags_that_were_moved_since_the_last_entry_are_doubted_whichever_image_they_are_of() {
    let stand = |name: &str, live: Option<&[u8]>, marked: bool| Stand {
        repository: format!("ghcr.io/a/{name}").parse().unwrap(),
        live: live.map(Digest::of),
        marked,
    };
    let history = of(&[(promotion(), "1111111")]);
    let doubt = |history: &History, stands: &[Stand]| history.doubt("latest", stands).is_some();
    for (stands, doubted) in [
        (vec![stand("b", Some(b"1111111"), false)], false),
        (vec![stand("b", Some(b"other"), false)], true),
        (vec![stand("b", Some(b"other"), false), stand("c", None, false)], true),
        (vec![stand("b", None, false)], false),
    ] {
        assert_eq!(doubt(&history, &stands), doubted, "{stands:?}");
    }
    assert!(doubt(&History::default(), &[stand("b", Some(b"x"), false), stand("c", None, true)]));
    assert!(!doubt(&History::default(), &[stand("b", Some(b"x"), false)]));
}

#[test]
fn the_history_knows_what_every_release_stood_at_when_it_was_live() {
    let digest = |seed: &str| Digest::of(seed.as_bytes());
    let moved = |name: &str, to: &str| Moved {
        repository: format!("ghcr.io/a/{name}").parse().unwrap(),
        from: None,
        to: digest(to),
    };
    let with = |id: &str, sha: &str, moved: Vec<Moved>| Entry { moved, ..entry(id, promotion(), sha) };
    let mut history = History::default();
    history.append(with("a", "1111111", vec![moved("x", "x1"), moved("y", "y1")]));
    // The second image did not change.
    history.append(with("b", "2222222", vec![moved("x", "x2")]));
    let lived = history.lived("latest");
    let names = [moved("x", "x2"), moved("y", "y1"), moved("z", "z1")];
    let pairs = || names.iter().map(|moved| (&moved.repository, &moved.to));
    assert!(lived[1].fits(pairs()) && !lived[0].fits(pairs()));
    assert!(!lived[1].fits(pairs().skip(2)), "it knows nothing of that image");
    assert!(history.lived("edge").is_empty());
}

#[test]
fn a_history_is_read_back_over_documents_that_overlap() {
    let mut first = History::default();
    (0..ENTRIES).for_each(|i| first.append(entry(&format!("e{i}"), promotion(), "1111111")));
    let mut second = first.continued(Digest::of(b"first"));
    second.append(entry("last", promotion(), "2222222"));
    let whole = second.after(first);
    assert_eq!((whole.entries().count(), whole.verify(), whole.before()), (ENTRIES + 1, None, None));
}

#[test]
fn resuming_acknowledges_a_break_before_it() {
    let text = String::from_utf8(
        of(&[(promotion(), "1111111"), (promotion(), "2222222"), (promotion(), "3333333")]).write(),
    )
    .unwrap();
    let mut forged = History::read(text.replace("2222222", "2222223").as_bytes()).unwrap();
    assert!(forged.verify_since_resume().is_some());
    forged.append(entry("r", Event::Resume, "1111111"));
    assert!(forged.verify_since_resume().is_none() && forged.verify().is_some());
}
