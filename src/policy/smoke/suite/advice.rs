//! What is allowed and weak: where a suite could be green although something is wrong.

use super::expectation::{Predicate, Status};
use super::worst_case::worst_case;
use super::{Auth, Check, Suite};
use crate::base::duration;

/// One weakness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The line that it is about; `None`: the file as a whole.
    pub line: Option<usize>,
    /// What is weak, and what would be better.
    pub message: String,
}

/// Every weakness of `suite`, in the order of the file; those of the whole file first.
pub fn advice(suite: &Suite) -> Vec<Advice> {
    let mut found = Vec::new();
    let mut say = |line, message: String| found.push(Advice { line, message });
    if suite.ready.is_none() {
        say(None, "there is no `[ready]`: nothing proves which build answered".to_owned());
    }
    let refuses = suite.checks.iter().any(|check| {
        check.steps.iter().any(|step| expects_refusal(&step.request.auth, step.expect.status.as_slice()))
    });
    if !refuses {
        say(None, "no check asks without a token: `[isolation] probe = \"GET /...\"` does, and with a wrong one too".to_owned());
    }
    let worst = worst_case(suite).total();
    if worst > suite.deadline {
        let (worst, deadline) = (duration::show(worst), duration::show(suite.deadline));
        say(
            None,
            format!(
                "the longest run takes {worst} and the deadline is {deadline}: such a run ends inconclusive"
            ),
        );
    }
    for check in suite.checks.iter().filter(|check| looks_only_at_status(check)) {
        say(
            Some(check.line),
            format!("`{}` looks only at the status: an error page with that status passes", check.name),
        );
    }
    found
}

fn expects_refusal(auth: &Auth, statuses: &[Status]) -> bool {
    let refusal = |status: &Status| matches!(status, Status::Code(401 | 403));
    !matches!(auth, Auth::Own(_)) && statuses.iter().all(refusal)
}

/// A refusal has nothing else to look at, nor has an answer without content.
fn looks_only_at_status(check: &Check) -> bool {
    let bare =
        |status: &Status| matches!(status, Status::Code(204 | 205 | 304 | 400..=599) | Status::Class(4 | 5));
    check.steps.iter().all(|step| {
        let looks = step.expect.assertions.iter().any(|a| !a.predicates.iter().all(is_absence));
        !looks && step.captures.is_empty() && !step.expect.status.iter().all(bare)
    })
}

fn is_absence(predicate: &Predicate) -> bool {
    matches!(predicate, Predicate::Exists(super::expectation::Wanted::No))
}
