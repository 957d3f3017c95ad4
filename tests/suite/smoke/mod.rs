//! `canary-smoke` against pretend tenants.

mod bodies;
mod commands;
pub(crate) mod fixture;
mod hostile;
mod init;
mod leftovers;
mod mistakes;
mod parts;
mod products;
mod prove;
mod replicas;
mod reports;
mod secrets;
mod stopping;
mod streams;
mod usage;
mod verdicts;
mod words;
