//! What the tests stand on: registries, programs, a runner, faults and what must be true after them.

pub(crate) mod docker_registry;
pub(crate) mod eavesdropper;
pub(crate) mod faults;
pub(crate) mod fixture;
pub(crate) mod invariants;
pub(crate) mod issue_server;
pub(crate) mod programs;
pub(crate) mod runner;
pub(crate) mod scenario;
pub(crate) mod site;
pub(crate) mod token_server;
pub(crate) mod workflow;

pub(crate) use fixture::{Fixture, IMAGES, ONE, THREE, TWO, digests, release, single};
pub(crate) use programs::{Done, Program};
