//! After a move: every tag is read until it names what it has to.

use std::time::Duration;

use futures_util::future::try_join_all;

use super::moving::{Mover, Trouble, conflict};
use crate::io::clock;
use crate::model::manifest::Manifest;
use crate::model::moves::Move;
use crate::model::repository::Repository;
use crate::policy::repair::Direction;

/// How long a tag may take to show its new digest: registries with several replicas lag behind their writes.
const VERIFY: Duration = Duration::from_secs(60);
/// How often a rollback writes a tag again that somebody else has moved meanwhile.
const PASSES: u32 = 5;
/// First wait between two looks at a tag; doubled up to the longest.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(2);

impl Mover<'_, '_> {
    /// Reads every tag until it shows the wanted digest; those that stood there before, too: the release is all of
    /// them. What a rollback had to write again is followed by another look at all: two of them at once could
    /// otherwise each see the other's image in its place, and leave a mix.
    pub(super) async fn verify(&self) -> Result<(), Trouble> {
        let stayed = self.stayed();
        for _ in 0..PASSES {
            let all = self.plan.moves.iter().chain(&stayed);
            let written = try_join_all(all.map(|m| self.verify_one(m))).await?;
            if !written.contains(&true) {
                return Ok(());
            }
        }
        Err(Trouble::Conflict(format!("conflict: somebody else keeps moving {}", self.plan.tag)))
    }

    /// Whether the tag had to be written again before it showed the wanted digest.
    async fn verify_one(&self, m: &Move) -> Result<bool, Trouble> {
        let from = m.from.as_ref().map(|manifest| &manifest.digest);
        let until = clock::instant() + VERIFY.min(self.client.remaining());
        let mut passes = match self.direction {
            Direction::Promotion => 0,
            Direction::Rollback => PASSES,
        };
        let (mut wait, mut written) = (FIRST_LOOK, false);
        loop {
            let seen = self.client.context().stop.unless(self.look(m)).await.map_err(Trouble::Signal)?;
            let last = match seen {
                Ok(Some(digest)) if digest == m.to.digest => return Ok(written),
                Ok(Some(digest)) if Some(&digest) != from && passes == 0 => {
                    return Err(Trouble::Conflict(conflict(m, Some(&m.to.digest), Some(&digest))));
                }
                Ok(seen) => Trouble::Conflict(conflict(m, Some(&m.to.digest), seen.as_ref())),
                Err(error) => Trouble::Registry(error),
            };
            if clock::instant() + wait >= until {
                return Err(last);
            }
            self.client.context().stop.unless(clock::sleep(wait)).await.map_err(Trouble::Signal)?;
            wait = (wait * 2).min(LONGEST_LOOK);
            if passes > 0 && matches!(last, Trouble::Conflict(_)) {
                // Lag or somebody else's write: the same bytes once more are right for both.
                passes -= 1;
                let (sent, moved) = self.move_one(m).await;
                written |= sent;
                moved?;
            }
        }
    }

    /// The images that stood there before, as moves from where they are to where they are.
    pub(super) fn stayed(&self) -> Vec<Move> {
        let stay = |(repository, to): &(Repository, Manifest)| Move {
            repository: repository.clone(),
            from: Some(to.clone()),
            to: to.clone(),
        };
        self.plan.already.iter().map(stay).collect()
    }
}
