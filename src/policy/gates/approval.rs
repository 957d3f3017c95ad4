//! Whether somebody who may has approved a release for a ring.

use crate::base::text;
use crate::model::commit::CommitSha;
use crate::model::history::{Event, Proven};
use crate::model::refusal::{Guard, Refusal};
use crate::policy::history::History;
use crate::policy::rings::state::Proof;
use crate::policy::rings::{Approve, Ring};

/// The refusal, where `ring` asks for an approval of `sha` and the history has none that counts. The newest one that counts
/// is enough; why an older one does not is told.
pub fn check(
    ring: &Ring,
    sha: Option<&CommitSha>,
    proof: Option<&Proof>,
    history: &History,
) -> Option<Refusal> {
    let approve = ring.approve.as_ref()?;
    let mut found = "none".to_owned();
    for entry in
        history.entries().rev().filter(|entry| entry.tag == ring.tag.as_str() && entry.sha.as_ref() == sha)
    {
        let Event::Approval { record, proven } = &entry.event else { continue };
        let login = proven.as_ref().map(|proven| proven.login.as_str());
        let who = login.or(entry.by.as_deref()).unwrap_or("nobody named");
        match lacks(approve, proof, record, proven.as_ref(), who) {
            None => return None,
            Some(lacks) => found = format!("one by {}, {lacks}", text::escape(who, 80)),
        }
    }
    let whose =
        if approve.by.is_empty() { String::new() } else { format!(" by {}", approve.by.join(" or ")) };
    let sha = sha.map_or("the release", CommitSha::as_str);
    Some(Refusal {
        guard: Guard::Approval,
        image: None,
        expected: format!("an approval of {sha} for ring {}{whose}", ring.name),
        found,
        hint: format!("`release-status approve {sha} --ring {} --reason TEXT`", ring.name),
    })
}

/// Why an approval by `who` of `record` does not count; `None`: it does.
fn lacks(
    approve: &Approve,
    proof: Option<&Proof>,
    record: &str,
    proven: Option<&Proven>,
    who: &str,
) -> Option<&'static str> {
    if proof.is_none_or(|proof| proof.name.to_string() != record) {
        return Some("of another record of this release");
    }
    if !approve.by.is_empty() {
        let Some(proven) = proven else { return Some("which GitHub did not confirm") };
        if !approve.by.iter().any(|by| proven.is(by)) {
            return Some("who is not one of them");
        }
    }
    if !approve.not_self {
        return None;
    }
    match proof.and_then(|proof| proof.record.run.as_ref()?.actor.as_deref()) {
        None => Some("and the record does not say who published it"),
        Some(publisher) => publisher.eq_ignore_ascii_case(who).then_some("who published it"),
    }
}
