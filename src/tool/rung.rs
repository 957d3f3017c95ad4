//! The ring that a promotion is a step into: what it asks for, and what is known of the rings.

use std::fmt;

use jiff::Timestamp;

use super::failure::Failure;
use super::rings::Declared;
use super::settings::Settings;
use crate::engine::failure::EngineError;
use crate::io::clock;
use crate::io::registry::client::Client;
use crate::ledger::recall::Recalled;
use crate::ledger::rings::{Look, Survey, survey};
use crate::model::commit::CommitSha;
use crate::model::key::Key;
use crate::model::record::Kind;
use crate::model::refusal::{Guard, Refusal};
use crate::policy::gates::evidence::{Demand, judge};
use crate::policy::gates::ring::{Step, from, kinds, stopped, unearned};
use crate::policy::rings::bucket::Share;
use crate::policy::rings::outlook::View;
use crate::policy::rings::state::Proof;

/// A ring, and the rings around it.
pub(crate) struct Rung {
    pub(crate) declared: Declared,
    /// The place of the ring, from 0.
    pub(crate) place: usize,
    pub(crate) survey: Survey,
    /// Who is in it; `None` where no list says so.
    pub(crate) affected: Option<Affected>,
    /// Why its gates are skipped, in somebody's words.
    pub(crate) skip: Option<String>,
    require: Vec<Kind>,
    kinds: Vec<Kind>,
    suites: Vec<Option<String>>,
    max_age: std::time::Duration,
    now: Timestamp,
}

/// Who a step is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// The tenants of the ring.
    pub tenants: Vec<Key>,
    /// How many there are in all rings.
    pub all: usize,
    /// The configured share, together with the rings before.
    pub share: Option<Share>,
}

impl fmt::Display for Affected {
    /// `3 of 60 tenants (share 10 %): acme, ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = self.share.map(|share| format!(" (up to {share})")).unwrap_or_default();
        let names: Vec<&str> = self.tenants.iter().take(SHOWN).map(Key::as_str).collect();
        let more = if self.tenants.len() > SHOWN { ", ..." } else { "" };
        write!(f, "{} of {} tenants{share}: {}{more}", self.tenants.len(), self.all, names.join(", "))
    }
}

/// Tenants that a line names.
const SHOWN: usize = 8;

/// What the rings say of a step.
#[derive(Default)]
pub(crate) struct Judged {
    pub(crate) refusals: Vec<Refusal>,
    /// The gates that were skipped and would have refused, in words.
    pub(crate) skipped: Vec<String>,
}

impl Rung {
    /// Reads where the rings stand.
    ///
    /// # Errors
    /// Nobody is in a ring; a file, or the history, cannot be read.
    pub(crate) async fn read(
        client: &Client<'_>,
        settings: &Settings,
        declared: Declared,
        place: usize,
        skip: Option<String>,
    ) -> Result<Self, Failure> {
        let suites = declared.suites()?;
        let affected = declared.deal()?.map(|rows| Affected {
            all: rows.iter().map(|row| row.keys.len()).sum(),
            tenants: rows[place].keys.clone(),
            share: rows[place].share,
        });
        let (target, places) = (&settings.target, settings.target.places());
        let images: Vec<_> = target.images.iter().cloned().collect();
        let tags = declared.rings.rings.iter().map(|ring| &ring.tag).collect();
        let look = Look { places: &places, images: &images, staging: &target.staging, tags };
        let survey = client.context().stop.unless(survey(client, &look)).await?.map_err(EngineError::from)?;
        let kinds = match &skip {
            Some(_) => vec![Kind::Smoke],
            None => kinds(&declared.rings, place, &settings.require),
        };
        Ok(Self {
            declared,
            place,
            survey,
            affected,
            skip,
            require: settings.require.clone(),
            kinds,
            suites,
            max_age: settings.evidence_max_age,
            now: clock::now(),
        })
    }

    /// The same about another ring, without a reason to skip anything.
    pub(crate) fn at(mut self, place: usize) -> Result<Self, Failure> {
        let rows = self.declared.deal()?;
        self.affected = self.affected.map(|affected| Affected {
            tenants: rows.as_ref().map(|rows| rows[place].keys.clone()).unwrap_or_default(),
            share: self.declared.rings.rings[place].share,
            all: affected.all,
        });
        self.place = place;
        if self.skip.is_none() {
            self.kinds = kinds(&self.declared.rings, place, &self.require);
        }
        Ok(self)
    }

    /// All that is known.
    pub(crate) fn view(&self) -> View<'_> {
        View {
            rings: &self.declared.rings,
            states: &self.survey.states,
            history: &self.survey.history.history,
            require: &self.require,
            suites: &self.suites,
            max_age: self.max_age,
            now: self.now,
        }
    }

    /// What the step asks of the evidence. Whoever skips the rings is asked for a smoke verdict from anywhere.
    pub(crate) fn demand(&self) -> Demand<'_> {
        let before = self.place.checked_sub(1).and_then(|place| from(&self.declared.rings, place));
        let (suite, ring) = match self.skip {
            Some(_) => (None, None),
            None => (self.suites[self.place].as_deref(), before),
        };
        Demand { kinds: &self.kinds, max_age: self.max_age, suite, ring, now: self.now }
    }

    /// What the rings say of the step. `lifts`: somebody says that this very release is meant, whatever is held.
    pub(crate) fn judge(&self, sha: &CommitSha, recalled: Option<&Recalled>, lifts: bool) -> Judged {
        let proof = recalled.and_then(|recalled| {
            let kept = recalled.kept.as_ref()?;
            let (name, record) = (kept.name.clone(), kept.record.clone());
            Some(Proof { name, record, pieces: recalled.pieces.clone() })
        });
        let view = self.view();
        let step = Step { sha: Some(sha), ..view.step(self.place, proof.as_ref()) };
        let mut refusals = stopped(&step);
        refusals.retain(|refusal| !lifts || !matches!(refusal.guard, Guard::Hold | Guard::Rejected));
        let earned = unearned(&step);
        if self.skip.is_none() {
            refusals.extend(earned);
            return Judged { refusals, skipped: Vec::new() };
        }
        let asked = kinds(&self.declared.rings, self.place, &self.require);
        let lacking =
            proof.as_ref().map(|proof| judge(&proof.record, &proof.pieces, &view.demand(self.place, &asked)));
        let skipped = earned.into_iter().chain(lacking.into_iter().flatten()).map(|refusal| refusal.expected);
        Judged { refusals, skipped: skipped.collect() }
    }
}
