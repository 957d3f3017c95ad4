//! `--ring`: the release that a ring's tag names, and the tenants that must serve it.

use std::time::Duration;

use super::args::Args;
use crate::base::list::NonEmpty;
use crate::engine::failure::EngineError;
use crate::io::context::Context;
use crate::io::registry::client::Access;
use crate::ledger::rings::{Look, survey};
use crate::model::commit::CommitSha;
use crate::model::key::Key;
use crate::model::refusal::{Guard, Refusal};
use crate::model::tenant::Tenant;
use crate::tool::failure::Failure;
use crate::tool::options::RegistryOptions;
use crate::tool::rings::Declared;
use crate::tool::settings::Settings;

/// Bound on reading what the ring runs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A ring whose tenants are asked.
pub(super) struct OfRing {
    pub(super) name: String,
    /// What its tag names.
    pub(super) sha: CommitSha,
    keys: Vec<Key>,
}

impl OfRing {
    /// Reads who is in the ring, and what its tag names.
    ///
    /// # Errors
    /// There is no such ring, nobody knows who is in it, or what it runs cannot be told.
    pub(super) async fn find(args: &Args, name: &str, context: &Context) -> Result<Self, Failure> {
        let options = RegistryOptions { place: args.place.clone(), dry_run: false, deadline: PATIENCE };
        let settings = Settings::find(&options, &args.images.images, &context.env)?;
        let declared = Declared::of(settings.rings.clone(), settings.file.as_deref())?;
        let place = declared.place(name)?;
        let ring = &declared.rings.rings[place];
        let keys = match declared.deal()? {
            Some(mut rows) => rows.swap_remove(place).keys,
            None if ring.share.is_none() && place < declared.rings.last() => ring.tenants.clone(),
            None => {
                let hint = "write `tenants = \"FILE\"` into `[rings]`, with one tenant a line";
                return Err(Failure::usage(format!("nobody knows who is in ring {}", ring.name), hint));
            }
        };
        let client = settings.client(context, Access::Pull)?;
        let (target, places) = (&settings.target, settings.target.places());
        let images: Vec<_> = target.images.iter().cloned().collect();
        let look = Look { places: &places, images: &images, staging: &target.staging, tags: vec![&ring.tag] };
        let mut read = context.stop.unless(survey(&client, &look)).await?.map_err(EngineError::from)?;
        let (found, hint) = match read.states.swap_remove(0).release {
            Ok(Some(sha)) => return Ok(Self { name: ring.name.clone(), sha, keys }),
            Ok(None) => {
                (format!("no tag {}", ring.tag), format!("`promote-ring SHA --to {}` first", ring.name))
            }
            Err(why) => (why.message, why.hint),
        };
        let expected = format!("one release that ring {} runs", ring.name);
        let refusal = Refusal { guard: Guard::Ring, image: None, expected, found, hint };
        Err(EngineError::refused(None, NonEmpty::one(refusal)).into())
    }

    /// The tenants of the ring.
    ///
    /// # Errors
    /// Some of them are not among `tenants`: nobody would see whether they serve the release.
    pub(super) fn of(&self, tenants: Vec<Tenant>) -> Result<Vec<Tenant>, Failure> {
        let is = |tenant: &Tenant, key: &Key| tenant.name.as_str() == key.as_str();
        let missing: Vec<&str> = self
            .keys
            .iter()
            .filter(|key| !tenants.iter().any(|tenant| is(tenant, key)))
            .map(Key::as_str)
            .collect();
        if !missing.is_empty() {
            return Err(Failure::usage(
                format!("no URL is given for tenants of ring {}: {}", self.name, missing.join(", ")),
                "name every tenant of the ring, with `--tenant NAME=URL` or by the host in CANARY_TENANT_URLS",
            ));
        }
        Ok(tenants.into_iter().filter(|tenant| self.keys.iter().any(|key| is(tenant, key))).collect())
    }
}
