//! Which build a tenant serves: before the first check until it is the right one, and again after the last.

use super::session::{Haste, Pace, Place, READY_EXCHANGE, Session};
use crate::io::clock;
use crate::model::check::{Build, Outcome, StepResult};
use crate::model::tenant::Tenant;
use crate::policy::smoke::suite::Ready;

impl Session<'_> {
    /// Waits until `tenant` serves the build, as often in a row as the suite asks for. Gives up when the suite's time
    /// for it is over.
    pub(super) async fn ready(&self, tenant: &Tenant) -> Build {
        let Some(ready) = &self.suite.ready else { return Build::Unasked };
        let give_up = clock::instant() + ready.within;
        let mut in_a_row = 0;
        let mut said = String::new();
        loop {
            let found = match self.which_build(tenant, ready).await {
                Ok(()) => {
                    in_a_row += 1;
                    if in_a_row == ready.streak || self.pace == Pace::Replay {
                        self.say(&format!("{}: serves {}", tenant.name, self.sha));
                        return Build::Served;
                    }
                    format!("{} only {in_a_row} times in a row", self.sha)
                }
                Err((_, found)) => {
                    in_a_row = 0;
                    found
                }
            };
            if in_a_row == 0 && found != said {
                self.say(&format!("{}: waiting for {}: {found}", tenant.name, self.sha));
                said.clone_from(&found);
            }
            if clock::instant() + ready.every > give_up || self.pace == Pace::Replay {
                return Build::Never(found);
            }
            if let Err(interruption) = self.wait(ready.every).await {
                let why = interruption.to_string();
                return Build::Never(if found == why { found } else { format!("{found}; {why}") });
            }
        }
    }

    /// Asks again a tenant that served the build before the checks.
    pub(super) async fn still(&self, tenant: &Tenant, before: Build) -> Build {
        let (Some(ready), Build::Served) = (&self.suite.ready, &before) else { return before };
        for _ in 0..ready.streak {
            if let Err((outcome, found)) = self.which_build(tenant, ready).await {
                let now = if outcome == Outcome::Failed {
                    Build::Changed(found)
                } else {
                    Build::Unconfirmed(found)
                };
                let found = now.astray().unwrap_or_default();
                self.context
                    .console
                    .warn(&format!("{}: is it still {} after the checks? {found}", tenant.name, self.sha));
                return now;
            }
            if self.pace == Pace::Replay {
                break;
            }
        }
        before
    }

    /// # Errors
    /// What it serves instead (failed), or why that is not known (inconclusive).
    async fn which_build(&self, tenant: &Tenant, ready: &Ready) -> Result<(), (Outcome, String)> {
        let place = Place { tenant, step: &ready.step, exchange: READY_EXCHANGE, haste: Haste::Drop };
        let mut variables = self.variables(tenant, "ready", 0);
        let result = self.step(place, &mut variables).await;
        if result.outcome.is_pass() { Ok(()) } else { Err((result.outcome, self.served(&result))) }
    }

    /// What a tenant said of its build, if it said something else than expected.
    fn served(&self, result: &StepResult) -> String {
        let about_build = |m: &&crate::model::check::Mismatch| m.expected.contains(self.sha.as_str());
        let mismatch = result.mismatches.iter().find(about_build).or(result.mismatches.first());
        match (mismatch, &result.trouble) {
            (Some(m), _) => format!("{} is {}", m.subject, m.found),
            (None, Some(trouble)) => trouble.clone(),
            (None, None) => "nothing is known".to_owned(),
        }
    }
}
