//! What the tests stand on: registries, programs, a runner, faults and what must be true after them.

pub(crate) mod caller;
pub(crate) mod cloud_server;
pub(crate) mod docker_registry;
pub(crate) mod eavesdropper;
pub(crate) mod faults;
pub(crate) mod fixture;
pub(crate) mod github_server;
pub(crate) mod invariants;
pub(crate) mod programs;
pub(crate) mod records;
pub(crate) mod runner;
pub(crate) mod scenario;
pub(crate) mod site;
pub(crate) mod token_server;
pub(crate) mod workflow;

/// Whether this is the full run (`scripts/test --full`): everything that is thinned otherwise.
pub(crate) fn is_full() -> bool {
    std::env::vars().any(|(name, value)| name == "COALMINE_FULL_MATRIX" && value == "1")
}

pub(crate) use fixture::{Fixture, IMAGES, ONE, THREE, TWO, digests, release, single};
pub(crate) use programs::{Done, PROGRAMS, Program, peak_memory};
