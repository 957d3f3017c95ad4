//! `canary-smoke --list`: the checks that a run would take, without any request.

use super::args::Args;
use super::suite::load;
use crate::policy::smoke::suite::choice::{Choice, choose};
use crate::tool::failure::Failure;

/// The checks of a suite.
#[derive(Clone, Debug)]
pub struct ListOutcome {
    /// Every check that is chosen, in order.
    pub checks: Vec<Listed>,
}

/// One check.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// File and line.
    pub place: String,
}

/// Lists what `args` choose.
///
/// # Errors
/// A suite cannot be read or has a mistake, or nothing is chosen.
pub(super) fn list(args: &Args) -> Result<ListOutcome, Failure> {
    let (mut suite, file) = load(&args.suite)?;
    choose(&mut suite, Choice { only: &args.only, labels: &args.label }).map_err(Failure::Usage)?;
    let checks = suite.checks.iter().map(|check| Listed {
        name: check.name.clone(),
        labels: check.labels.clone(),
        place: format!("{}:{}", file.of_part(check.part), check.line),
    });
    Ok(ListOutcome { checks: checks.collect() })
}
