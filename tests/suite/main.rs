//! The one integration test binary: the real programs against real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod beside;
mod budgets;
mod bundles;
mod cli;
mod credentials;
mod docs;
mod duels;
mod failures;
mod formats;
mod holds;
mod hooks;
mod hostile_sources;
mod install;
mod journey;
mod kills;
mod matrix;
mod metrics;
mod network;
mod publishing;
mod records;
mod refusals;
mod release_set;
mod releasing;
mod resources;
mod rings;
mod secrets;
mod smoke;
mod snapshots;
pub(crate) mod soak;
mod status;
mod support;
mod way_back;
mod workflows;
