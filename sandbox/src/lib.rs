//! A registry on loopback that misbehaves on request, images to put into it and tenants that run them.
//!
//! For the tests and the demo of coalmine; never shipped. Three parts, each usable alone:
//!
//! - [`Registry`]: an OCI registry (embedded, or a real one behind the same proxy) with [`Rule`]s that
//!   break chosen requests, a log of every request, and side admin that bypass both.
//! - [`Image`]: deterministic OCI and Docker images, written as layout, archive or pushed.
//! - [`Tenant`]: a pretend tenant that follows a tag, reports the sha it runs and serves the API the example
//!   smoke suites ask for, well or badly.
//!
//! Everything runs on one runtime of its own, so a test may block (on a child process, say)
//! while the sandbox keeps answering, and may itself be sync or async. Dropping a [`Registry`] or a
//! [`Tenant`] stops it.
//!
//! ```
//! use coalmine_sandbox::{Fault, Image, Registry, Setup, Tenant, TenantSetup, When};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Registry::start(Setup::default())?;
//! let (old, new) = (Image::single("1111111", "app"), Image::single("2222222", "app"));
//! registry.push("team/app", "latest", &old)?;
//! registry.push("team/app", "staging-2222222", &new)?;
//!
//! // The first PUT of `latest` is applied and its answer lost.
//! let lost = registry.rule(When::any().method("PUT").reference("latest").nth(1).then(Fault::CutAfter));
//! // ... run the program under test against registry.host() ...
//! assert_eq!(registry.played(lost), 0);
//!
//! let tenant = Tenant::start(TenantSetup::follow_tag(&registry.host(), "team/app", "latest"))?;
//! assert!(tenant.runs("1111111", Duration::from_secs(10)));
//! registry.move_tag("team/app", "latest", new.digest())?;
//! assert!(tenant.runs("2222222", Duration::from_secs(10)));
//! assert_eq!(registry.digest_of("team/app", "latest").as_deref(), Some(new.digest()));
//! # Ok(())
//! # }
//! ```

mod body;
mod clock;
mod digest;
mod exporter;
pub mod image;
pub mod registry;
mod runtime;
mod store;
pub mod tenant;
mod wire;

pub use crate::digest::sha256;
pub use crate::exporter::Exporter;
pub use crate::image::Image;
pub use crate::registry::{
    Access, Action, Auth, Bearer, Fault, Immutability, Kind, Registry, RetryAfter, Rule, RuleId, Seen, Setup,
    TokenKey, User, When,
};
pub use crate::tenant::{
    Asked, Balancer, Follow, Leftovers, Reach, Running, Tenant, TenantFault, TenantSetup,
};
