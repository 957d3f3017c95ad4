//! After a move that did not come to its end because somebody else moved the tags: do the images agree all the same?

use futures_util::future::join_all;

use crate::base::complaint::Complaint;
use crate::base::list::NonEmpty;
use crate::engine::failure::MoveFailure;
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::ledger::staged;
use crate::model::commit::CommitSha;
use crate::model::digest::Digest;
use crate::model::moves::Ended;
use crate::model::reference::Reference;
use crate::model::repository::Repository;

/// `failure`, without its repair commands if every image stands at one published release, to which somebody else
/// moved them: that is no split, and "repairing" it would undo what they did.
pub async fn settle(client: &Client<'_>, target: &Target, mut failure: Box<MoveFailure>) -> Box<MoveFailure> {
    let foreign = failure.receipts.iter().any(|receipt| matches!(receipt.ended, Ended::Foreign { .. }));
    if failure.repair.is_empty() || !foreign || failure.signal.is_some() {
        return failure;
    }
    let stands = failure.receipts.iter().map(|receipt| {
        let digest = match &receipt.ended {
            Ended::Foreign { found } => Some(found.clone()),
            Ended::PutBack | Ended::Untouched => receipt.from.clone(),
            Ended::Moved | Ended::Already | Ended::Stranded => Some(receipt.to.clone()),
            Ended::WouldMove | Ended::Gone | Ended::Unknown { .. } => None,
        };
        Some((receipt.repository.clone(), digest?))
    });
    let Some(stands) = stands.collect::<Option<Vec<_>>>() else { return failure };
    if let Some(sha) = release_of(client, target, &stands).await {
        failure.repair.clear();
        let cause = Complaint::new(
            format!("somebody else moved every image to {sha}, so the images agree"),
            "look with `release-status`, then decide again",
        );
        failure.causes = NonEmpty::one(cause);
    }
    failure
}

/// The published release that names exactly these digests.
async fn release_of(
    client: &Client<'_>,
    target: &Target,
    stands: &[(Repository, Digest)],
) -> Option<CommitSha> {
    let (repository, digest) = stands.first()?;
    let shas = staged::shas_of(client, &target.staging, repository, digest, usize::MAX).await.ok()??;
    for sha in shas {
        let others = stands.iter().map(|(repository, digest)| async {
            let reference = Reference::Tagged(repository.clone(), target.staging.tag(&sha));
            client.digest(&reference).await.is_ok_and(|found| found.as_ref() == Some(digest))
        });
        if join_all(others).await.into_iter().all(|same| same) {
            return Some(sha);
        }
    }
    None
}
