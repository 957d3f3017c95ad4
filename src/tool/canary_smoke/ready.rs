//! Which build a tenant serves: before the first check until it is the right one, and again after the last.
//!
//! Each question goes to every address of the tenant at once, each over a new connection, so that a balancer in between
//! cannot pass them all to one replica.

use std::net::IpAddr;

use futures_util::future::join_all;

use super::session::{Haste, Interruption, Pace, Place, READY_EXCHANGE, Session};
use crate::io::clock;
use crate::io::probe::{Addresses, Connection};
use crate::model::check::{Build, Mismatch, Outcome, Places, StepResult};
use crate::model::tenant::Tenant;
use crate::policy::smoke::suite::Ready;

/// Why a tenant is not known to serve the build.
pub(super) enum Astray {
    /// It serves another one; what it said.
    Other(String),
    /// It gave no answer that says so; why.
    Silent(String),
    /// The run ended before it answered.
    Interrupted(Interruption),
}

impl Session<'_> {
    /// Waits until `tenant` serves the build, as often in a row as the suite asks for. Gives up when the suite's time
    /// for it is over. Adds to `places` who was asked.
    pub(super) async fn ready(&self, tenant: &Tenant, places: &mut Places) -> Build {
        let Some(ready) = &self.suite.ready else { return Build::Unasked };
        let give_up = clock::instant() + ready.within;
        let mut in_a_row = 0;
        let mut said = String::new();
        loop {
            let found = match self.question(tenant, ready, places).await {
                Ok(()) => {
                    in_a_row += 1;
                    if in_a_row == ready.streak || self.pace == Pace::Replay {
                        self.say(&format!("{}: serves {}{}", tenant.name, self.sha, described(places)));
                        return Build::Served;
                    }
                    format!("{} only {in_a_row} times in a row", self.sha)
                }
                Err(Astray::Interrupted(why)) if said.is_empty() && in_a_row == 0 => {
                    return Build::Unknown(why.to_string());
                }
                Err(Astray::Interrupted(why)) if in_a_row > 0 => {
                    return Build::Unknown(format!("{} only {in_a_row} times in a row; {why}", self.sha));
                }
                Err(Astray::Interrupted(why)) => return Build::Never(format!("{said}; {why}")),
                Err(Astray::Other(found) | Astray::Silent(found)) => {
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
            if let Err(why) = self.wait(ready.every).await {
                let found = format!("{found}; {why}");
                return if in_a_row > 0 { Build::Unknown(found) } else { Build::Never(found) };
            }
        }
    }

    /// Asks again a tenant that served the build before the checks.
    pub(super) async fn still(&self, tenant: &Tenant, before: Build, places: &mut Places) -> Build {
        let (Some(ready), Build::Served) = (&self.suite.ready, &before) else { return before };
        for _ in 0..ready.streak {
            let now = match self.question(tenant, ready, places).await {
                Ok(()) => continue,
                Err(Astray::Other(found)) => Build::Changed(found),
                Err(Astray::Silent(found)) => Build::Unconfirmed(found),
                Err(Astray::Interrupted(why)) => Build::Unconfirmed(why.to_string()),
            };
            let found = now.astray().unwrap_or_default();
            let asked =
                format!("{}: asked after the checks whether it still serves {}", tenant.name, self.sha);
            self.context.console.warn(&format!("{asked}: {found}"));
            return now;
        }
        before
    }

    /// Asks each address once, all at the same time.
    ///
    /// # Errors
    /// One of them does not serve the build, or is not known to.
    pub(super) async fn question(
        &self,
        tenant: &Tenant,
        ready: &Ready,
        places: &mut Places,
    ) -> Result<(), Astray> {
        let lookup = self.probe.addresses(tenant.url.as_url());
        let found = tokio::select! {
            found = lookup => found,
            interruption = self.interrupted() => return Err(Astray::Interrupted(interruption)),
            () = clock::sleep(ready.step.timeout) => Err("its name was not resolved in time".to_owned()),
        };
        let routed = match found {
            Err(why) => return Err(Astray::Silent(format!("no answer: {why}"))),
            Ok(Addresses::Proxied) => {
                places.proxied = true;
                return self.which_build(tenant, ready, Connection::New).await;
            }
            Ok(Addresses::Direct { routed, unrouted }) => {
                places.asked.extend(&routed);
                places.no_route.extend(&unrouted);
                routed
            }
        };
        let ask = async |address: IpAddr| self.which_build(tenant, ready, Connection::NewTo(address)).await;
        match routed.as_slice() {
            [] => {
                Err(Astray::Silent(format!("no answer: there is no route to {}", listed(&places.no_route))))
            }
            [only] => ask(*only).await,
            several => {
                let answers = join_all(several.iter().map(|address| ask(*address))).await;
                worst(several.iter().zip(answers))
            }
        }
    }

    async fn which_build(
        &self,
        tenant: &Tenant,
        ready: &Ready,
        connection: Connection,
    ) -> Result<(), Astray> {
        let place = Place {
            tenant,
            step: &ready.step,
            exchange: READY_EXCHANGE,
            haste: Haste::Drop,
            proof: Some(connection),
        };
        let mut variables = self.variables(tenant, "ready", 0);
        let taken = self.step(place, &mut variables).await;
        match (taken.interruption, taken.result.outcome) {
            (Some(interruption), _) => Err(Astray::Interrupted(interruption)),
            (None, Outcome::Passed | Outcome::Flaky) => Ok(()),
            (None, Outcome::Failed) => Err(Astray::Other(self.served(&taken.result))),
            (None, Outcome::Inconclusive) => Err(Astray::Silent(self.served(&taken.result))),
        }
    }

    /// What a tenant said of its build, if it said something else than expected.
    fn served(&self, result: &StepResult) -> String {
        let about_build = |m: &&Mismatch| m.expected.contains(self.sha.as_str());
        let mismatch = result.mismatches.iter().find(about_build).or(result.mismatches.first());
        match (mismatch, &result.trouble) {
            (Some(m), _) => format!("{} is {}", m.subject, m.found),
            (None, Some(trouble)) => trouble.clone(),
            (None, None) => "nothing is known".to_owned(),
        }
    }
}

/// Another build at one address outranks no answer at another; all that are of the worst kind are named.
fn worst<'a>(answers: impl Iterator<Item = (&'a IpAddr, Result<(), Astray>)>) -> Result<(), Astray> {
    let (mut other, mut silent) = (Vec::new(), Vec::new());
    for (address, answer) in answers {
        match answer {
            Ok(()) => {}
            Err(Astray::Other(found)) => other.push(format!("at {address}: {found}")),
            Err(Astray::Silent(found)) => silent.push(format!("at {address}: {found}")),
            Err(interrupted @ Astray::Interrupted(_)) => return Err(interrupted),
        }
    }
    match (other.is_empty(), silent.is_empty()) {
        (false, _) => Err(Astray::Other(other.join("; "))),
        (true, false) => Err(Astray::Silent(silent.join("; "))),
        (true, true) => Ok(()),
    }
}

/// Where that was, if it is not plain: several addresses, one without a route, a proxy.
fn described(places: &Places) -> String {
    let mut text = String::new();
    if places.asked.len() > 1 {
        text.push_str(&format!(" at {}", listed(&places.asked)));
    }
    if !places.no_route.is_empty() {
        text.push_str(&format!(" (not asked, for want of a route: {})", listed(&places.no_route)));
    }
    if places.proxied {
        text.push_str(" (through a proxy)");
    }
    text
}

fn listed<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>) -> String {
    addresses.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
