//! Several files as one suite: their checks one after the other, each with what its own file shares.

use super::{Suite, TenantSource, twice};
use crate::base::complaint::Complaint;

/// Joins suites. Who is asked, and with which certificates, may be said once; the first `[ready]` is the one that is asked;
/// the longest deadline holds.
///
/// # Errors
/// Two checks have one name, or two files say different things of the tenants or the certificates.
pub fn join(first: Suite, others: Vec<Suite>) -> Result<Suite, Complaint> {
    let mut whole = first;
    for other in others {
        let (before, name, known) = (whole.parts.len(), file(&other), file(&whole));
        let clash = |table: &str| {
            let message = format!("`{known}` and `{name}` differ in `[{table}]`");
            Complaint::new(message, "a run has one fleet: say it in one of the files")
        };
        let source = |suite: &Suite| TenantSource { min: 1, ..suite.tenants.clone() };
        let tenants = said(&source(&whole), &source(&other)).ok_or_else(|| clash("tenants"))?;
        let min = whole.tenants.min.max(other.tenants.min);
        whole.tenants = TenantSource { min, ..tenants };
        whole.tls = said(&whole.tls, &other.tls).ok_or_else(|| clash("tls"))?;
        whole.deadline = whole.deadline.max(other.deadline);
        if whole.ready.is_none() {
            whole.ready = other.ready.map(|ready| super::Ready { part: ready.part + before, ..ready });
        }
        for mut check in other.checks.iter().cloned() {
            if whole.checks.iter().any(|known| known.name == check.name) {
                return Err(Complaint::new(twice(&check.name), format!("rename the one in `{name}`")));
            }
            check.part += before;
            whole.checks.push(check);
        }
        whole.parts.extend(other.parts);
        whole.body_files.extend(other.body_files);
        whole.of_release.extend(other.of_release);
    }
    Ok(whole)
}

/// What one of two says, or both; `None`: they say different things.
fn said<T: Clone + Default + PartialEq>(one: &T, other: &T) -> Option<T> {
    match (*one == T::default(), *other == T::default()) {
        (true, _) => Some(other.clone()),
        (false, true) => Some(one.clone()),
        (false, false) => (one == other).then(|| one.clone()),
    }
}

fn file(suite: &Suite) -> String {
    suite.parts.first().map(|part| part.file.clone()).unwrap_or_default()
}
