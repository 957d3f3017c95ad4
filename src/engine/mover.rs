//! Writes a tag: reads where it stands, writes the bytes it is to name, and reads again when the answer was lost.

use std::time::Duration;

use futures_util::future::{join, join_all, try_join_all};

use super::budget::GRACE;
use super::target::Target;
use crate::base::complaint::Complaint;
use crate::io::clock::{self, Instant};
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::io::stop::Signal;
use crate::model::digest::Digest;
use crate::model::moves::{Move, Plan};
use crate::model::reference::Reference;
use crate::policy::repair::Direction;

/// Tries of one PUT, each after reading where the tag stands.
const TRIES: u32 = 4;
/// A look at a tag is as good as one right before the PUT for so long: about two round trips to a slow registry.
const FRESH: Duration = Duration::from_millis(400);

/// A plan that is being carried out.
pub struct Mover<'a, 'w> {
    pub client: &'a Client<'w>,
    pub plan: &'a Plan,
    pub direction: Direction,
    /// What a repair command has to mean.
    pub target: &'a Target,
}

pub enum Trouble {
    Registry(RegistryError),
    /// Somebody else moved the tag: what was expected and what was found, in words.
    Conflict(String),
    /// Somebody asked to stop.
    Signal(Signal),
}

/// Where a tag stood, and when that was read.
#[derive(Clone, Debug)]
pub struct Seen {
    at: Instant,
    digest: Option<Digest>,
}

/// How the try to move one tag ended.
pub struct Attempt {
    /// Whether a PUT was sent, and so whether the tag may have moved.
    pub sent: bool,
    /// Whether the tag names what it should.
    pub result: Result<(), Trouble>,
}

impl Trouble {
    /// What happened, in words and with what to do; and the signal, if it was one.
    pub fn told(self) -> (Complaint, Option<Signal>) {
        match self {
            Self::Registry(error) => (Complaint::new(error.to_string(), error.hint()), None),
            Self::Conflict(message) => {
                let hint = "somebody else moves this tag: wait until they are done, look with `release-status`, then decide again";
                (Complaint::new(message, hint), None)
            }
            Self::Signal(signal) => {
                let message = format!("stopped by {}", signal.name());
                (Complaint::new(message, "run the same command again to finish"), Some(signal))
            }
        }
    }
}

impl Mover<'_, '_> {
    /// Looks where the tags stand that move first: all but the last. What the first read got wrong, or somebody else
    /// moved since, then costs no putting back, and in a promotion no anchor.
    ///
    /// # Errors
    /// In a promotion a tag stands elsewhere; a tag cannot be read, or a signal came.
    pub async fn look_again(&self) -> Result<Vec<Seen>, Trouble> {
        try_join_all(self.plan.moves.iter().map(|m| self.look_at(m))).await
    }

    async fn look_at(&self, m: &Move) -> Result<Seen, Trouble> {
        let from = m.from.as_ref().map(|manifest| &manifest.digest);
        let looked = self.client.context().stop.unless(self.look(m)).await.map_err(Trouble::Signal)?;
        let digest = looked.map_err(Trouble::Registry)?;
        let expected = digest.as_ref() == from || digest.as_ref() == Some(&m.to.digest);
        if expected || self.direction == Direction::Rollback {
            return Ok(Seen { at: clock::instant(), digest });
        }
        Err(Trouble::Conflict(conflict(m, from, digest.as_ref())))
    }

    /// Moves all images at once, but the last one, which moves when the others have. `seen`: where they stood just now;
    /// `touched` takes the moves that a PUT was sent for.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub async fn move_all(&self, seen: &[Seen], touched: &mut Vec<usize>) -> Result<(), Trouble> {
        let Some((last, first)) = self.plan.moves.split_last() else { return Ok(()) };
        let moved = join_all(first.iter().enumerate().map(|(i, m)| self.move_from(m, seen.get(i).cloned())));
        // The last one is looked at while the others move: it is written right after them.
        let looks =
            async { if first.is_empty() { seen.last().cloned() } else { self.look_at(last).await.ok() } };
        let (results, seen) = join(moved, looks).await;
        let mut trouble = None;
        for (index, Attempt { sent, result }) in results.into_iter().enumerate() {
            if sent {
                touched.push(index);
            }
            trouble = trouble.or(result.err());
        }
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        let Attempt { sent, result } = self.move_from(last, seen).await;
        if sent {
            touched.push(first.len());
        }
        result
    }

    pub async fn move_one(&self, m: &Move) -> Attempt {
        self.move_from(m, None).await
    }

    /// Moves one tag. `seen`: where it stood just now, if that was read.
    async fn move_from(&self, m: &Move, seen: Option<Seen>) -> Attempt {
        let (mut sent, mut seen) = (false, seen);
        let tried = self
            .client
            .retry(TRIES, RegistryError::is_transient, async || {
                self.look_and_put(m, seen.take(), &mut sent).await
            })
            .await;
        let result = match tried {
            Ok(result) => result,
            // The answer to the last PUT may have been lost, and not the PUT.
            Err(error) => match self.look(m).await {
                Ok(Some(digest)) if digest == m.to.digest => Ok(()),
                _ => Err(Trouble::Registry(error)),
            },
        };
        Attempt { sent, result }
    }

    /// Reads the tag, and writes it if it stands where it may be moved from. The outer error is that of a PUT, which may
    /// have arrived all the same.
    async fn look_and_put(
        &self,
        m: &Move,
        seen: Option<Seen>,
        sent: &mut bool,
    ) -> Result<Result<(), Trouble>, RegistryError> {
        let from = m.from.as_ref().map(|manifest| &manifest.digest);
        let stop = &self.client.context().stop;
        let seen = match seen.filter(|seen| seen.at.elapsed() < FRESH && stop.signal().is_none()) {
            Some(seen) => seen.digest,
            None => match stop.unless(self.look(m)).await {
                Ok(Ok(seen)) => seen,
                Ok(Err(error)) => return Ok(Err(Trouble::Registry(error))),
                Err(signal) => return Ok(Err(Trouble::Signal(signal))),
            },
        };
        let console = &self.client.context().console;
        match seen {
            // Put there by an answer that was lost, or by somebody who wants the same.
            Some(digest) if digest == m.to.digest => return Ok(Ok(())),
            // A registry that fails in the middle of a write may drop the tag (zot): that is no conflict.
            seen if seen.as_ref() == from || (*sent && seen.is_none()) => {}
            // Whoever rolls back has decided what must not be live. A promotion that began earlier does not know.
            seen if self.direction == Direction::Rollback => {
                let words = conflict(m, from, seen.as_ref());
                console.warn(&format!("{words}; the rollback overwrites it"));
            }
            seen => return Ok(Err(Trouble::Conflict(conflict(m, from, seen.as_ref())))),
        }
        console.detail(&format!("{}:{} -> {}", m.repository, self.plan.tag, m.to.digest));
        *sent = true;
        self.put(m).await.map_or_else(|signal| Ok(Err(Trouble::Signal(signal))), |put| put.map(Ok))
    }

    async fn put(&self, m: &Move) -> Result<Result<(), RegistryError>, Signal> {
        let put = self.client.put_tag(&m.repository, &self.plan.tag, &m.to);
        tokio::pin!(put);
        tokio::select! {
            biased;
            done = &mut put => Ok(done),
            signal = self.client.context().stop.wait() => {
                let _ = tokio::time::timeout(GRACE, put).await;
                Err(signal)
            }
        }
    }

    pub async fn look(&self, m: &Move) -> Result<Option<Digest>, RegistryError> {
        let reference = Reference::Tagged(m.repository.clone(), self.plan.tag.clone());
        let seen = self.client.digest(&reference).await?;
        let from = m.from.as_ref().map(|manifest| &manifest.digest);
        if seen.as_ref() == from || seen.as_ref() == Some(&m.to.digest) {
            return Ok(seen);
        }
        // Neither: before somebody is blamed, the bytes are hashed.
        Ok(self.client.manifest(&reference).await?.map(|manifest| manifest.digest))
    }
}

/// What was found where something else was expected, in words.
pub fn conflict(m: &Move, expected: Option<&Digest>, found: Option<&Digest>) -> String {
    let show = |digest: Option<&Digest>| digest.map_or_else(|| "no such tag".to_owned(), ToString::to_string);
    format!("conflict: {}: expected the tag to name {}, found {}", m.repository, show(expected), show(found))
}
