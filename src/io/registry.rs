//! The registry over HTTP: OCI distribution specification 1.1 (read 2026-11).
//!
//! Requests go out through one `reqwest` client with retries, credentials and deadlines of our own; grammar,
//! manifest types and error envelopes are those of `oci-client`. Why not its client too: see
//! `docs/decisions/0002-dependencies.md`. No other module names either crate's HTTP.

pub mod artifacts;
pub mod blobs;
pub mod call;
pub mod challenge;
pub mod client;
mod content;
pub mod credentials;
pub mod decode;
pub mod error;
mod exchange;
pub mod fetch;
pub mod manifests;
pub mod referrers;
pub(crate) mod retry;
pub mod tags;
pub mod token;
pub mod upload;
