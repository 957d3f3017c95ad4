//! `canary-smoke` against pretend tenants.

pub(crate) mod fixture;
mod hostile;
mod leftovers;
mod mistakes;
mod parts;
mod prove;
mod replicas;
mod reports;
mod secrets;
mod stopping;
mod usage;
mod verdicts;
mod words;
