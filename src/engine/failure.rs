//! Why the engine did not do its work.

use super::target::Target;
use crate::base::complaint::Complaint;
use crate::base::exit::Exit;
use crate::base::list::NonEmpty;
use crate::io::registry::error::RegistryError;
use crate::io::stop::Signal;
use crate::model::commit::CommitSha;
use crate::model::moves::{Ended, Plan, Receipt};
use crate::model::refusal::Refusal;
use crate::policy::repair::{Direction, remark, repair};

/// Everything that can end a move early.
#[derive(Debug)]
pub enum EngineError {
    /// One or more guards said no. Nothing was moved.
    Refused {
        /// The release, once it was known.
        sha: Option<CommitSha>,
        refusals: NonEmpty<Refusal>,
    },
    /// The registry failed before anything was moved.
    Registry(RegistryError),
    /// A move failed. Every image is named, with where it stands now.
    Moving(Box<MoveFailure>),
    /// A signal came before anything was moved.
    Stopped(Signal),
}

/// A move that did not come to its end.
#[derive(Debug)]
pub struct MoveFailure {
    /// The release, if it has a name.
    pub sha: Option<CommitSha>,
    /// What went wrong, first cause first.
    pub causes: NonEmpty<Complaint>,
    /// Every image of the release, in order.
    pub receipts: Vec<Receipt>,
    /// The commands that make the images agree again, word for word; empty unless they disagree.
    pub repair: Vec<String>,
    /// The signal that asked to stop, if that was the cause.
    pub signal: Option<Signal>,
}

impl EngineError {
    pub fn refused(sha: Option<&CommitSha>, refusals: NonEmpty<Refusal>) -> Self {
        Self::Refused { sha: sha.cloned(), refusals }
    }

    /// The signal that asked to stop, if that was the cause.
    pub fn signal(&self) -> Option<Signal> {
        match self {
            Self::Refused { .. } | Self::Registry(_) => None,
            Self::Moving(failure) => failure.signal,
            Self::Stopped(signal) => Some(*signal),
        }
    }

    /// Whether every tag is known to be where it was.
    pub fn moved_nothing(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Registry(_) | Self::Stopped(_) => true,
            Self::Moving(failure) => failure.receipts.iter().all(|receipt| receipt.ended.is_as_before()),
        }
    }

    /// The exit code. A new variant does not compile until its code is chosen.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Refused { .. } | Self::Registry(_) => Exit::No,
            Self::Moving(failure) => failure.exit(),
            Self::Stopped(signal) => signal.exit(),
        }
    }
}

impl MoveFailure {
    /// The failure that names `problem`, every image, and the command that repairs what is left.
    pub fn of(
        target: &Target,
        direction: Direction,
        plan: &Plan,
        (problem, signal): (Complaint, Option<Signal>),
        receipts: Vec<Receipt>,
    ) -> Self {
        let mut causes = vec![problem];
        causes.extend(
            receipts
                .iter()
                .filter_map(remark)
                .map(|message| Complaint::new(message, "run the printed commands, then `release-status`")),
        );
        let causes = NonEmpty::from_vec(causes).expect("the first cause is always there");
        let repair = repair(direction, plan, &receipts).map(|repair| {
            let repeated = if repair.again { target.repeated.as_str() } else { "" };
            let images = target.images.iter().filter(|image| repair.images.contains(image));
            let words = repair.words.replacen("promote-latest", target.promoter, 1);
            target.command(&format!("{words} {repeated}"), images)
        });
        Self { sha: plan.sha.clone(), causes, receipts, repair: repair.into_iter().collect(), signal }
    }

    /// After a promotion over what was broken: there is no way back to that, so the repair leads on.
    pub fn lead_on(&mut self, target: &Target, plan: &Plan) {
        let Some(sha) = plan.sha.as_ref().filter(|_| !self.repair.is_empty()) else { return };
        let words = format!("promote-latest {sha} {}", target.repeated);
        self.repair = vec![target.command(&words, target.images.iter())];
    }

    /// Whether every image is where it was, but for those that could not be read.
    pub fn is_unread(&self) -> bool {
        let known = |ended: &Ended| ended.is_as_before() || matches!(ended, Ended::Unknown { .. });
        self.receipts.iter().all(|receipt| known(&receipt.ended))
    }

    /// Split outranks everything: a person has to act. Otherwise every image is as before.
    pub fn exit(&self) -> Exit {
        if !self.repair.is_empty() {
            return Exit::Split;
        }
        self.signal.map_or(Exit::No, Signal::exit)
    }
}

impl From<RegistryError> for EngineError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl From<Signal> for EngineError {
    fn from(signal: Signal) -> Self {
        Self::Stopped(signal)
    }
}
