//! `canary-smoke` against pretend tenants.

pub(crate) mod fixture;
mod hostile;
mod mistakes;
mod prove;
mod reports;
mod secrets;
mod stopping;
mod usage;
mod verdicts;
