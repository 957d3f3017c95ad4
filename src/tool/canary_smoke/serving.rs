//! Which build every tenant serves at one moment, for whoever watches a release for longer than a run.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use super::args::FleetOptions;
use super::fleet;
use super::ready::Astray;
use super::run::{of_release, probe};
use super::session::{Pace, Session, random};
use super::suite::load;
use crate::base::secret::Secret;
use crate::io::clock;
use crate::io::context::Context;
use crate::model::check::Places;
use crate::model::commit::CommitSha;
use crate::model::release::Release;
use crate::model::tenant::Tenant;
use crate::policy::smoke::suite::Suite;
use crate::policy::smoke::suite::template::Variables;
use crate::policy::soak::clock::Serving;
use crate::tool::failure::Failure;

/// The tenants, and how each says which build it runs.
pub(in crate::tool) struct Fleet {
    suite: Suite,
    tenants: Vec<Tenant>,
    of_release: Variables,
}

impl Fleet {
    /// Reads the suite at `path` and finds the tenants.
    ///
    /// # Errors
    /// The suite or the tenants are not as they must be, or nothing in the suite proves which build answers.
    pub(in crate::tool) fn find(
        path: &Path,
        options: &FleetOptions,
        context: &Context,
        mask: bool,
    ) -> Result<Self, Failure> {
        let (suite, _) = load(&[path.to_owned()])?;
        if suite.ready.is_none() {
            return Err(Failure::usage(
                format!("`{}` has no `[ready]`: nothing proves which build a tenant serves", path.display()),
                "write `[ready]` as docs/tools/canary-smoke.md shows; a soak counts only while it holds",
            ));
        }
        let tenants = fleet::find(options, &suite, context, mask)?;
        Ok(Self { suite, tenants, of_release: Variables::new() })
    }

    /// Says which release is watched: `[ready]` may ask for its digests and pins.
    ///
    /// # Errors
    /// The suite asks for something that the release does not have.
    pub(in crate::tool) fn bind(&mut self, release: Option<&Release>) -> Result<(), Failure> {
        self.of_release = of_release(&self.suite, release)?;
        Ok(())
    }

    /// Asks every tenant once, at the same time, whether it serves `sha`.
    ///
    /// # Errors
    /// A certificate of the suite cannot be read any more, or the system has no random bytes.
    pub(in crate::tool) async fn serves(
        &self,
        sha: &CommitSha,
        context: &Context,
    ) -> Result<Serving, Failure> {
        let Some(ready) = &self.suite.ready else { return Ok(Serving::Unknown("no `[ready]`".to_owned())) };
        // The lookup of a name and the request each have their own bound.
        let deadline: Duration = 3 * ready.step.timeout;
        let session = Session {
            suite: &self.suite,
            sha: sha.clone(),
            context,
            probe: probe(&self.suite, context, self.tenants.len())?,
            pace: Pace::Full,
            deadline,
            until: clock::instant() + deadline,
            nonce: random()?,
            stranger: Secret::new(random()?),
            tenants: self.tenants.len(),
            of_release: self.of_release.clone(),
            recording: None,
        };
        let asked = self.tenants.iter().map(async |tenant| {
            let mut places = Places::default();
            (tenant, session.question(tenant, ready, &mut places).await)
        });
        let mut unknown = None;
        for (tenant, answer) in join_all(asked).await {
            match answer {
                Ok(()) => {}
                Err(Astray::Other(found)) => return Ok(Serving::No(format!("{}: {found}", tenant.name))),
                Err(Astray::Silent(found)) => unknown = unknown.or(Some(format!("{}: {found}", tenant.name))),
                Err(Astray::Interrupted(why)) => {
                    unknown = unknown.or(Some(format!("{}: {why}", tenant.name)));
                }
            }
        }
        Ok(unknown.map_or(Serving::Yes, Serving::Unknown))
    }
}
