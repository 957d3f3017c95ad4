//! After a move: every tag is read until it names what it has to.

use std::time::Duration;

use futures_util::future::try_join_all;

use super::budget::VERIFY;
use super::mover::{Mover, Trouble, conflict};
use crate::io::clock;
use crate::model::moves::Move;
use crate::policy::repair::Direction;

/// How often a rollback writes a tag again that somebody else has moved meanwhile.
const PASSES: u32 = 5;
/// First wait between two looks at a tag; doubled up to the longest.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// Reads every tag until it shows the wanted digest; those that stood there before, too: the release is all of
/// them. What a rollback had to write again is followed by another look at all: two of them at once could
/// otherwise each see the other's image in its place, and leave a mix.
pub async fn verify(mover: &Mover<'_, '_>) -> Result<(), Trouble> {
    let stayed = mover.plan.stayed();
    for _ in 0..PASSES {
        let all = mover.plan.moves.iter().chain(&stayed);
        let written = try_join_all(all.map(|m| verify_one(mover, m))).await?;
        if !written.contains(&true) {
            return Ok(());
        }
    }
    Err(Trouble::Conflict(format!("conflict: somebody else keeps moving {}", mover.plan.tag)))
}

/// Whether the tag had to be written again before it showed the wanted digest.
async fn verify_one(mover: &Mover<'_, '_>, m: &Move) -> Result<bool, Trouble> {
    let from = m.from.as_ref().map(|manifest| &manifest.digest);
    let until = clock::instant() + VERIFY.min(mover.client.remaining());
    let mut passes = match mover.direction {
        Direction::Promotion => 0,
        Direction::Rollback => PASSES,
    };
    let (mut wait, mut written) = (FIRST_LOOK, false);
    loop {
        let seen = mover.client.context().stop.unless(mover.look(m)).await.map_err(Trouble::Signal)?;
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
        mover.client.context().stop.unless(clock::sleep(wait)).await.map_err(Trouble::Signal)?;
        wait = (wait * 2).min(LONGEST_LOOK);
        if passes > 0 && matches!(last, Trouble::Conflict(_)) {
            // Lag or somebody else's write: the same bytes once more are right for both.
            passes -= 1;
            let attempt = mover.move_one(m).await;
            written |= attempt.sent;
            attempt.result?;
        }
    }
}
