//! Documents of the registry: what parses is written so that it parses to the same. A history keeps the bytes of its
//! entries; taking in the entries of another one loses none and does nothing the second time; an appended entry breaks
//! no chain. A release is not proven by a verdict on another one.
#![no_main]

use std::fmt::Debug;
use std::time::Duration;

use coalmine::ledger::evidence::piece;
use coalmine::model::history::{Entry, Event};
use coalmine::model::record::{Kind, ReleaseRecord};
use coalmine::model::release::Release;
use coalmine::model::verdict::Verdict;
use coalmine::policy::gates::evidence::{Demand, judge};
use coalmine::policy::history::History;
use coalmine::policy::release_document;
use coalmine_fuzz::one_line;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What stands between two documents of one input.
const BETWEEN: &[u8] = b"\n====\n";

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(document: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(document).ok()?;
    let written = serde_json::to_vec(&value).expect("JSON");
    let read = serde_json::from_slice::<T>(&written);
    assert_eq!(read.as_ref().ok(), Some(&value), "{}", String::from_utf8_lossy(&written));
    Some(value)
}

fn entries(history: &History) -> Vec<Entry> {
    history.entries().cloned().collect()
}

fn history(document: &[u8]) -> Option<History> {
    let history = match History::read(document) {
        Ok(history) => history,
        Err(why) => {
            one_line(&why);
            return None;
        }
    };
    let again = History::read(&history.write()).expect("what was written");
    assert_eq!((entries(&again), again.write()), (entries(&history), history.write()));
    assert_eq!((again.verify(), again.before()), (history.verify(), history.before()));
    assert_eq!(history.rollback_since(&again, "latest"), None);
    assert!(history.verify().is_some() || history.verify_since_resume().is_none());
    for entry in history.entries() {
        one_line(&entry.told());
    }
    Some(history)
}

/// Takes in what `other` has and `into` has not, as a reader does with entries that have no place yet.
fn take_in(into: &mut History, other: &History) {
    for entry in other.entries() {
        if !into.has(&entry.id) {
            into.append(entry.clone());
        }
    }
}

fn merge(a: &History, b: &History) {
    let mut merged = a.clone();
    take_in(&mut merged, b);
    assert!(a.entries().chain(b.entries()).all(|entry| merged.has(&entry.id)), "an entry is lost");
    assert!(entries(&merged).starts_with(&entries(a)), "an entry changed its place");
    assert_eq!(merged.verify(), a.verify(), "appending broke the chain");
    let once = merged.write();
    take_in(&mut merged, b);
    assert_eq!(merged.write(), once);
    let mut other = b.clone();
    take_in(&mut other, a);
    assert!(merged.entries().all(|entry| other.has(&entry.id)), "it matters who writes first");
    let mut looked_at = a.clone();
    if let Some(last) = entries(a).pop() {
        looked_at.append(Entry { id: "resume".to_owned(), event: Event::Resume, ..last });
        take_in(&mut looked_at, b);
        assert_eq!(looked_at.verify_since_resume(), None, "what was appended is no chain");
    }
    let holds = |h: &History| h.standing("latest").hold.is_some();
    let reread = History::read(&once).expect("what was written");
    assert_eq!(holds(&merged), holds(&reread));
}

fn evidence(record: &ReleaseRecord, document: &[u8]) {
    let verdict = piece("a file".to_owned(), document);
    if let Err(why) = &verdict.verdict {
        one_line(why);
    }
    let max_age = Duration::from_secs(24 * 3_600);
    let demand = Demand { kinds: &[Kind::Smoke], max_age, suite: None, ring: None, now: record.published };
    let refusals = judge(record, std::slice::from_ref(&verdict), &demand);
    if refusals.is_empty() {
        let verdict = verdict.verdict.expect("no evidence without a verdict");
        assert!(verdict.verdict == Verdict::Green && verdict.tool == "canary-smoke" && verdict.format == 1);
        assert!(verdict.sha == record.release.sha && verdict.proves_build != Some(false));
        assert!(
            record.release.images.iter().all(|image| verdict.images.iter().any(|judged| judged.is(image)))
        );
    }
}

fuzz_target!(|data: &[u8]| {
    let middle = data.windows(BETWEEN.len()).position(|window| window == BETWEEN);
    let (first, second) = middle.map_or((data, &[][..]), |at| (&data[..at], &data[at + BETWEEN.len()..]));
    if let (Some(a), Some(b)) = (history(first), history(second)) {
        merge(&a, &b);
    }
    same::<Entry>(first);
    same::<Release>(first);
    if let Some(record) = same::<ReleaseRecord>(first) {
        evidence(&record, second);
    }
    if let Ok(text) = std::str::from_utf8(first) {
        match release_document::read(text) {
            Ok(release) => assert!(!release.images.is_empty()),
            Err(why) => one_line(&why),
        }
    }
});
