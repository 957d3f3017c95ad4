//! A pretend tenant: follows a tag in a registry, runs what it finds and serves the API of the example smoke
//! suites, well or badly.
//!
//! It "runs" an image by reading the revision label of its config; nothing is executed.

mod api;
mod balancer;
mod call;
mod chat;
mod fault;
mod files;
mod follow;
mod graphql;
mod inject;
mod instance;
mod items;
mod login;
mod oauth;
mod pull;
mod service;
mod setup;
mod socket;
mod state;

pub use self::balancer::Balancer;
pub use self::fault::{ParseTenantFault, TenantFault};
pub use self::instance::Tenant;
pub use self::setup::{Follow, Reach, TenantSetup, USER};
pub use self::state::{Asked, Leftovers, Running};
