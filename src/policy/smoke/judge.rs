//! Results to a verdict. RED outranks inconclusive, inconclusive outranks green, and nothing is green because it is
//! empty.

use super::suite::FlakyRule;
use crate::model::check::{Build, CheckResult, Outcome, Repeat, Sample, StepResult, TenantResult};
use crate::model::commit::CommitSha;
use crate::model::verdict::Verdict;

/// What a sample came to, from its steps: the worst of them. Without any it is not known.
pub fn sample(steps: &[StepResult]) -> Outcome {
    steps.iter().map(|step| step.outcome).max().unwrap_or(Outcome::Inconclusive)
}

/// What a check came to, from its samples. A sample that is missing, or could not be told, might have passed as well
/// as failed.
pub fn check(samples: &[Sample], repeat: Repeat) -> Outcome {
    let count = |wanted: Outcome| samples.iter().filter(|sample| sample.outcome == wanted).count();
    let (passed, flaky) = (count(Outcome::Passed), count(Outcome::Flaky));
    let (times, pass) = (repeat.times as usize, repeat.pass as usize);
    let open = count(Outcome::Inconclusive) + times.saturating_sub(samples.len());
    if passed >= pass && !samples.is_empty() {
        Outcome::Passed
    } else if passed + flaky >= pass && !samples.is_empty() {
        Outcome::Flaky
    } else if passed + flaky + open >= pass {
        Outcome::Inconclusive
    } else {
        Outcome::Failed
    }
}

pub fn tenant(tenant: &TenantResult) -> Outcome {
    let checks = tenant.checks.iter().map(|check| check.outcome).max().unwrap_or(Outcome::Inconclusive);
    match tenant.build.astray() {
        None => checks,
        Some(_) => checks.max(Outcome::Inconclusive),
    }
}

/// The verdict on a fleet in which every tenant has a result for each of `checks` checks.
pub fn fleet(tenants: &[TenantResult], checks: usize, flaky: FlakyRule) -> Verdict {
    let outcomes: Vec<Outcome> = tenants.iter().map(tenant).collect();
    let red = |outcome: &Outcome| match (outcome, flaky) {
        (Outcome::Failed, _) | (Outcome::Flaky, FlakyRule::Fail) => true,
        (Outcome::Flaky, FlakyRule::Warn) | (Outcome::Passed | Outcome::Inconclusive, _) => false,
    };
    let flaky_fails = flaky == FlakyRule::Fail
        && tenants.iter().flat_map(|t| &t.checks).any(|check| check.outcome == Outcome::Flaky);
    if outcomes.iter().any(red) || flaky_fails {
        return Verdict::Red;
    }
    let complete = checks > 0 && tenants.iter().all(|tenant| tenant.checks.len() == checks);
    if tenants.is_empty() || !complete || outcomes.iter().any(|outcome| !outcome.is_pass()) {
        return Verdict::Inconclusive;
    }
    Verdict::Green
}

/// The other build that tenants serve instead of `sha`, if those that do not serve it agree on one.
pub fn instead(tenants: &[TenantResult], sha: &CommitSha) -> Option<CommitSha> {
    let mut others = tenants.iter().filter_map(|tenant| other_build(tenant.build.astray()?, sha));
    let first = others.next()?;
    others.all(|other| other == first).then_some(first)
}

/// The build that took the place of `sha` while it was tested: every tenant that does not serve it any more has served it
/// before the checks, and serves this one now. Then nothing is known against `sha`, and its time is over.
pub fn superseded(tenants: &[TenantResult], sha: &CommitSha) -> Option<CommitSha> {
    let mut astray = tenants.iter().filter(|tenant| tenant.build.astray().is_some());
    astray.all(|tenant| matches!(tenant.build, Build::Changed(_))).then(|| instead(tenants, sha))?
}

/// The sha in what a tenant said of its build, if it is another one.
fn other_build(said: &str, sha: &CommitSha) -> Option<CommitSha> {
    let words = said.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter_map(|word| word.parse::<CommitSha>().ok())
        .find(|other| !sha.begins(other) && !other.begins(sha))
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// At once.
    pub passed: usize,
    /// In the end.
    pub flaky: usize,
    pub failed: usize,
    /// Nobody knows.
    pub inconclusive: usize,
}

/// Counts the outcomes of checks.
pub fn tally<'a>(checks: impl IntoIterator<Item = &'a CheckResult>) -> Tally {
    let mut tally = Tally::default();
    for check in checks {
        match check.outcome {
            Outcome::Passed => tally.passed += 1,
            Outcome::Flaky => tally.flaky += 1,
            Outcome::Failed => tally.failed += 1,
            Outcome::Inconclusive => tally.inconclusive += 1,
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::{check, fleet, instead, superseded};
    use crate::model::check::{Build, CheckResult, Outcome, Places, Repeat, Sample, TenantResult};
    use crate::model::commit::CommitSha;
    use crate::model::verdict::Verdict;
    use crate::policy::smoke::suite::FlakyRule;
    use Outcome::{Failed, Flaky, Inconclusive, Passed};

    fn result(outcome: Outcome) -> CheckResult {
        CheckResult {
            name: "c".to_owned(),
            why: None,
            line: 1,
            outcome,
            elapsed_ms: 0,
            repeat: Repeat { times: 1, pass: 1 },
            samples: Vec::new(),
            skipped: None,
        }
    }

    fn tenant(build: Build, outcomes: &[Outcome]) -> TenantResult {
        TenantResult {
            name: "t".parse().unwrap(),
            url: "http://t".parse().unwrap(),
            build,
            places: Places::default(),
            checks: outcomes.iter().copied().map(result).collect(),
        }
    }

    #[test]
    fn a_build_is_superseded_where_every_tenant_went_on_from_it() {
        let sha: CommitSha = "4c1d56e".parse().unwrap();
        let said = |sha: &str| format!("at 10.0.0.1: json $.sha is \"{sha}\"");
        let changed = |other: &str| tenant(Build::Changed(said(other)), &[Passed]);
        let served = || tenant(Build::Served, &[Passed]);
        let by = |tenants: &[TenantResult]| superseded(tenants, &sha).map(|other| other.to_string());
        assert_eq!(by(&[changed("7be3f9c"), changed("7be3f9c")]).as_deref(), Some("7be3f9c"));
        assert_eq!(by(&[changed("7be3f9c"), served()]).as_deref(), Some("7be3f9c"));
        for tenants in [
            vec![served()],
            vec![changed("7be3f9c"), changed("9999999")],
            vec![changed("4c1d56e00aa")],
            vec![tenant(Build::Changed("no answer: status is 503".to_owned()), &[Passed])],
            vec![changed("7be3f9c"), tenant(Build::Never(said("7be3f9c")), &[])],
            vec![],
        ] {
            assert_eq!(by(&tenants), None, "{tenants:?}");
        }
        assert_eq!(instead(&[tenant(Build::Never(said("7be3f9c")), &[])], &sha).unwrap().as_str(), "7be3f9c");
    }

    #[test]
    fn nothing_is_green_that_is_not_wholly_proven() {
        let changed = || Build::Changed("x".to_owned());
        let served = || Build::Served;
        for (tenants, verdict) in [
            (vec![tenant(served(), &[Passed, Passed])], Verdict::Green),
            (vec![], Verdict::Inconclusive),
            (vec![tenant(served(), &[])], Verdict::Inconclusive),
            (vec![tenant(served(), &[Passed])], Verdict::Inconclusive),
            (vec![tenant(served(), &[Passed, Inconclusive])], Verdict::Inconclusive),
            (vec![tenant(served(), &[Failed, Inconclusive])], Verdict::Red),
            (
                vec![tenant(served(), &[Passed, Passed]), tenant(changed(), &[Passed, Passed])],
                Verdict::Inconclusive,
            ),
            (vec![tenant(changed(), &[Failed, Passed])], Verdict::Red),
            (vec![tenant(Build::Never("x".to_owned()), &[Passed, Passed])], Verdict::Inconclusive),
            (vec![tenant(Build::Unknown("x".to_owned()), &[Passed, Passed])], Verdict::Inconclusive),
            (
                vec![tenant(served(), &[Inconclusive, Passed]), tenant(served(), &[Failed, Passed])],
                Verdict::Red,
            ),
            (vec![tenant(served(), &[Flaky, Passed])], Verdict::Red),
            (vec![tenant(served(), &[Flaky, Inconclusive])], Verdict::Red),
        ] {
            assert_eq!(fleet(&tenants, 2, FlakyRule::Fail), verdict, "{tenants:?}");
        }
        let flaky = [tenant(served(), &[Flaky, Passed])];
        assert_eq!(fleet(&flaky, 2, FlakyRule::Warn), Verdict::Green);
        assert_eq!(fleet(&[tenant(served(), &[])], 0, FlakyRule::Fail), Verdict::Inconclusive);
    }

    #[test]
    fn a_sample_that_nobody_knows_counts_neither_way() {
        let samples = |outcomes: &[Outcome]| -> Vec<Sample> {
            outcomes.iter().map(|o| Sample { outcome: *o, steps: Vec::new(), cleanup: Vec::new() }).collect()
        };
        let of_three = Repeat { times: 3, pass: 2 };
        for (outcomes, expected) in [
            (&[Passed, Passed, Failed][..], Passed),
            (&[Passed, Failed, Failed], Failed),
            (&[Passed, Failed, Inconclusive], Inconclusive),
            (&[Failed, Failed, Inconclusive], Failed),
            (&[Passed, Flaky, Failed], Flaky),
            (&[Passed, Flaky, Passed], Passed),
            (&[Passed], Inconclusive),
            (&[], Inconclusive),
        ] {
            assert_eq!(check(&samples(outcomes), of_three), expected, "{outcomes:?}");
        }
    }
}
