//! What is allowed and weak: where a suite could be green although something is wrong.

use super::expectation::{Predicate, Status, Wanted};
use super::worst_case::worst_case;
use super::{Auth, Check, Step, Suite};
use crate::base::duration;

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
    if let Some(ready) = &suite.ready
        && let Some(statuses) = takes_errors(&ready.step)
    {
        say(Some(ready.step.line), format!("`[ready]` takes {statuses}: a tenant that fails may be ready"));
    }
    for check in suite.checks.iter() {
        of_check(check, &mut say);
    }
    found
}

fn of_check(check: &Check, say: &mut impl FnMut(Option<usize>, String)) {
    let name = &check.name;
    if looks_only_at_status(check) {
        let message = format!("`{name}` looks only at the status: an error page with that status passes");
        say(Some(check.line), message);
    } else if says_only_what_is_not(check) {
        let message = format!("`{name}` says only what the answer is not: an empty page passes");
        say(Some(check.line), message);
    }
    for step in check.steps.iter() {
        if let Some(statuses) = takes_errors(step) {
            say(Some(step.line), format!("`{name}` takes {statuses}: an answer that failed passes"));
        }
    }
    if let Some(step) = check.steps.iter().find(|step| makes(step)).filter(|_| check.cleanup.is_empty()) {
        let what = &step.request;
        let message = format!(
            "`{name}` has no `[[check.cleanup]]` for `{what}`: every run leaves something behind; write `idempotent = true` if it only reads"
        );
        say(Some(step.line), message);
    }
}

/// Success and failure side by side: a status 5xx beside others, or, of a read, a 4xx beside a 2xx.
fn takes_errors(step: &Step) -> Option<String> {
    let class = |status: &Status| match status {
        Status::Code(code) => code / 100,
        Status::Class(digit) => *digit,
    };
    let has = |wanted: u16| step.expect.status.iter().any(|status| class(status) == wanted);
    let fails = has(5) && step.expect.status.iter().any(|status| class(status) != 5);
    let missing = has(4) && has(2) && step.request.is_read();
    let words: Vec<String> = step.expect.status.iter().map(ToString::to_string).collect();
    (fails || missing).then(|| words.join(" and "))
}

/// Whether the request makes something that is there afterwards, unless it is to be refused.
fn makes(step: &Step) -> bool {
    let refused = |status: &Status| matches!(status, Status::Code(300..=599) | Status::Class(3..=5));
    step.writes() && step.request.method != "DELETE" && !step.expect.status.iter().all(refused)
}

fn expects_refusal(auth: &Auth, statuses: &[Status]) -> bool {
    let refusal = |status: &Status| matches!(status, Status::Code(401 | 403));
    !matches!(auth, Auth::Own(_)) && statuses.iter().all(refusal)
}

/// A refusal has nothing else to look at, nor has an answer without content.
fn has_content(step: &Step) -> bool {
    let bare =
        |status: &Status| matches!(status, Status::Code(204 | 205 | 304 | 400..=599) | Status::Class(4 | 5));
    !step.expect.status.iter().all(bare)
}

fn looks_only_at_status(check: &Check) -> bool {
    check.steps.iter().all(|step| {
        let looks = step.expect.assertions.iter().any(|a| !a.predicates.iter().all(is_absence));
        !looks && step.captures.is_empty() && has_content(step)
    })
}

fn says_only_what_is_not(check: &Check) -> bool {
    let mut predicates =
        check.steps.iter().flat_map(|step| &step.expect.assertions).flat_map(|a| &a.predicates);
    let captures = check.steps.iter().any(|step| !step.captures.is_empty());
    !captures && check.steps.iter().any(has_content) && predicates.all(is_negative)
}

fn is_absence(predicate: &Predicate) -> bool {
    matches!(predicate, Predicate::Exists(Wanted::No))
}

fn is_negative(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Exists(wanted)
        | Predicate::Equals(wanted, _)
        | Predicate::Contains(wanted, _)
        | Predicate::Matches(wanted, _) => *wanted == Wanted::No,
        Predicate::Type(_)
        | Predicate::MinLen(_)
        | Predicate::MaxLen(_)
        | Predicate::Affix(..)
        | Predicate::Compare(..)
        | Predicate::OneOf(_) => false,
    }
}
