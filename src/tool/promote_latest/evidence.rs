//! Evidence of the command line: what was handed over, and what is asked for.

use std::time::Duration;

use jiff::Timestamp;

use super::args::Args;
use crate::io::{clock, files};
use crate::ledger::evidence::piece;
use crate::model::digest::Digest;
use crate::model::record::Kind;
use crate::policy::gates::evidence::{Demand, From, Piece};
use crate::tool::failure::Failure;
use crate::tool::rung::Rung;
use crate::tool::settings::Settings;

/// Evidence that was handed over, and what is asked for.
pub(super) struct Handed<'a> {
    kinds: Vec<Kind>,
    /// The bytes of each verdict.
    pub(super) documents: Vec<Vec<u8>>,
    /// The same, read.
    pub(super) pieces: Vec<Piece>,
    suite: Option<String>,
    ring: Option<From<'a>>,
    max_age: Duration,
    now: Timestamp,
}

impl<'a> Handed<'a> {
    /// Reads what the command line and the configuration say about evidence.
    ///
    /// # Errors
    /// A file cannot be read, or evidence is asked for where no records are kept.
    pub(super) fn read(args: &Args, settings: &Settings, rung: Option<&'a Rung>) -> Result<Self, Failure> {
        let demand = rung.map(Rung::demand);
        let kinds = match (args.no_require, args.require.is_empty()) {
            _ if demand.is_some() => demand.as_ref().map(|demand| demand.kinds.to_vec()).unwrap_or_default(),
            (true, _) => Vec::new(),
            (false, true) => settings.require.clone(),
            (false, false) => args.require.clone(),
        };
        if settings.target.home.is_none() && !(kinds.is_empty() && args.evidence.is_empty()) {
            return Err(Failure::usage(
                "evidence is required, but `records = false`",
                "without a release record nobody knows which digests the evidence is about: keep records, or require no evidence",
            ));
        }
        let (mut documents, mut pieces) = (Vec::new(), Vec::new());
        for path in &args.evidence {
            let text = files::read(path)?;
            pieces.push(piece(path.display().to_string(), text.as_bytes()));
            documents.push(text.into_bytes());
        }
        let suite = args.suite.as_ref().map(|path| files::read(path)).transpose()?;
        let asked = demand.as_ref().and_then(|demand| demand.suite.map(str::to_owned));
        let suite = asked.or(suite.map(|text| Digest::of(text.as_bytes()).hex()));
        let ring = demand.and_then(|demand| demand.ring);
        Ok(Self {
            kinds,
            documents,
            pieces,
            suite,
            ring,
            max_age: settings.evidence_max_age,
            now: clock::now(),
        })
    }

    /// What `policy` asks of the evidence.
    pub(super) fn demand(&self) -> Demand<'_> {
        let (suite, ring) = (self.suite.as_deref(), self.ring);
        Demand { kinds: &self.kinds, max_age: self.max_age, suite, ring, now: self.now }
    }
}
