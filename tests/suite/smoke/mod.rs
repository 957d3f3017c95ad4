//! `canary-smoke` against pretend tenants.

mod hostile;
mod mistakes;
mod prove;
mod reports;
mod secrets;
pub(crate) mod stage;
mod stopping;
mod usage;
mod verdicts;
