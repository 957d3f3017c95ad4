//! The embedded registry: an OCI distribution store, strict where real registries are strict.
//!
//! Own code rather than `ferro-oci-server` 1.0.0 (source read 2026-11): there a request body is buffered whole
//! and refused above 512 MiB, which a 2 GiB layer in one PUT exceeds; blobs are visible from every
//! repository, so a publisher that forgets to send or mount one would go unnoticed; it never mounts; and it
//! cannot delete a tag. Here blobs are linked per repository, mounted on request, streamed while hashed, and
//! kept in a temporary file once they are large.
//!
//! No access control and no misbehaviour: both belong to [`crate::registry`].
//! Follows the OCI Distribution Specification 1.1
//! (<https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md>, read 2026-11).

mod answer;
mod content;
mod manifest;
mod query;
mod reply;
mod route;
mod state;
mod upload;

pub(crate) use self::query::{pairs, query};
pub(crate) use self::reply::{oci_error, reply};
pub(crate) use self::route::{Reference, Route};
pub(crate) use self::state::{Abilities, Store};
