//! The moves of a tag: as planned, and as they ended.

use serde::Serialize;

use super::commit::CommitSha;
use super::digest::Digest;
use super::manifest::Manifest;
use super::repository::Repository;
use super::tag::Tag;

/// One tag that is to name other content. Made by `policy` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub repository: Repository,
    /// What it names now; `None`: it does not exist.
    pub from: Option<Manifest>,
    pub to: Manifest,
}

/// All that is to be written, decided before anything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The release; `None` when only its digests are known, as from `latest-previous`.
    pub sha: Option<CommitSha>,
    pub tag: Tag,
    /// The moves, in order, the last image last; empty when every image is there already.
    pub moves: Vec<Move>,
    /// The images that stand there already, with what they are.
    pub already: Vec<(Repository, Manifest)>,
}

impl Plan {
    /// The images that stood there before, as moves from where they are to where they are.
    pub fn stayed(&self) -> Vec<Move> {
        let stay = |(repository, to): &(Repository, Manifest)| Move {
            repository: repository.clone(),
            from: Some(to.clone()),
            to: to.clone(),
        };
        self.already.iter().map(stay).collect()
    }

    /// A receipt for every image: moves first, in order, then what was there already. `ended` tells how the move with
    /// this index ended.
    pub fn receipts(&self, ended: impl Fn(usize) -> Ended) -> Vec<Receipt> {
        let moved = self.moves.iter().enumerate().map(|(i, m)| Receipt {
            repository: m.repository.clone(),
            from: m.from.as_ref().map(|manifest| manifest.digest.clone()),
            to: m.to.digest.clone(),
            ended: ended(i),
        });
        let already = self.already.iter().map(|(repository, manifest)| Receipt {
            repository: repository.clone(),
            from: Some(manifest.digest.clone()),
            to: manifest.digest.clone(),
            ended: Ended::Already,
        });
        moved.chain(already).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Ended {
    /// The tag was moved, and read back.
    Moved,
    /// The tag named the wanted content before the command began.
    Already,
    /// The tag would be moved (`--dry-run`).
    WouldMove,
    /// The tag was moved and then put back where it was, and read back.
    PutBack,
    Untouched,
    /// The tag names what somebody else has put there meanwhile.
    Foreign {
        /// The digest that the tag names now.
        found: Digest,
    },
    /// The tag still names the new content: it could not be put back.
    Stranded,
    Gone,
    /// The registry did not say what the tag names.
    Unknown {
        /// Why the tag could not be read.
        why: String,
    },
}

/// One image after the command: what was meant, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    pub repository: Repository,
    /// What it named before; `None`: it did not exist.
    pub from: Option<Digest>,
    pub to: Digest,
    /// Where the image stands after the command.
    pub ended: Ended,
}

impl Ended {
    /// Whether the tag names what was wanted.
    pub fn is_there(&self) -> bool {
        matches!(self, Self::Moved | Self::Already)
    }

    /// The same, or `there` where a look found the tag in its place.
    pub fn or_there(self, there: Self) -> Self {
        if self == Self::Untouched { there } else { self }
    }

    /// Whether the tag names what it named before the command.
    pub fn is_as_before(&self) -> bool {
        matches!(self, Self::Already | Self::PutBack | Self::Untouched)
    }
}
