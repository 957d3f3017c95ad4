//! A part of a suite, for whoever works on it. What a part comes to is no evidence.

use super::Suite;
use crate::base::complaint::Complaint;
use crate::base::diagnostic::nearest;
use crate::base::list::NonEmpty;

/// Which checks are wanted; empty lists: all.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// Names of checks, or parts of names.
    pub only: &'a [String],
    /// Labels.
    pub labels: &'a [String],
}

/// Leaves in `suite` the checks that `choice` wants, and the setups that they need.
///
/// # Errors
/// A name or label fits no check, or no check is left.
pub fn choose(suite: &mut Suite, choice: Choice<'_>) -> Result<(), Complaint> {
    let fits = |name: &str, wanted: &str| name.to_lowercase().contains(&wanted.to_lowercase());
    for wanted in choice.only {
        if !suite.checks.iter().any(|check| fits(&check.name, wanted)) {
            let names: Vec<&str> = suite.checks.iter().map(|check| check.name.as_str()).collect();
            return Err(unknown("name has", wanted, &names));
        }
    }
    for wanted in choice.labels {
        if !suite.checks.iter().any(|check| check.labels.contains(wanted)) {
            let labels: Vec<&str> =
                suite.checks.iter().flat_map(|check| &check.labels).map(String::as_str).collect();
            return Err(unknown("label is", wanted, &labels));
        }
    }
    let chosen = suite.checks.iter().filter(|check| {
        let named = choice.only.is_empty() || choice.only.iter().any(|wanted| fits(&check.name, wanted));
        let labelled = choice.labels.is_empty() || choice.labels.iter().any(|l| check.labels.contains(l));
        named && labelled
    });
    let hint = "a check is chosen if a name of --only and a label of --label both fit it";
    let none = || Complaint::new("no check has both such a name and such a label", hint);
    let chosen = NonEmpty::from_vec(chosen.cloned().collect()).ok_or_else(none)?;
    for (number, part) in suite.parts.iter_mut().enumerate() {
        if !chosen.iter().any(|check| check.part == number) {
            part.setup.clear();
        }
    }
    suite.checks = chosen;
    Ok(())
}

fn unknown(what: &str, wanted: &str, known: &[&str]) -> Complaint {
    let hint = match nearest(wanted, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "`canary-smoke --list` shows the names and labels".to_owned(),
    };
    Complaint::new(
        format!("there is no check whose {what} `{}`", crate::base::text::escape(wanted, 80)),
        hint,
    )
}
