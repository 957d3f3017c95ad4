//! Whether the release record is there and names what the staging tags name.

use crate::model::commit::CommitSha;
use crate::model::facts::ImageFacts;
use crate::model::record::ReleaseRecord;
use crate::model::refusal::{Guard, Refusal};

/// Whether the staging tags still name what was published.
pub fn check_record(sha: &CommitSha, record: Option<&ReleaseRecord>, facts: &[ImageFacts]) -> Vec<Refusal> {
    let Some(record) = record else {
        return vec![Refusal {
            guard: Guard::Record,
            image: None,
            expected: format!("the record release-{sha}, which publish-staging writes"),
            found: "no such record".to_owned(),
            hint: "publish the release with publish-staging, or set `records = false` to go by tags alone"
                .to_owned(),
        }];
    };
    let mut refusals = Vec::new();
    for image in facts {
        let Ok(Some(staged)) = &image.wanted else { continue };
        let recorded = record.release.images.iter().find(|recorded| recorded.repository == image.repository);
        let (expected, hint) = match recorded {
            Some(recorded) if recorded.digest == staged.manifest.digest => continue,
            Some(recorded) => (
                recorded.digest.to_string(),
                "the tag was moved after publication: publish again under a new sha, or restore the tag",
            ),
            None => (
                "no such image in the release record".to_owned(),
                "publish the release again with every image",
            ),
        };
        refusals.push(Refusal {
            guard: Guard::Record,
            image: Some(image.repository.clone()),
            expected: format!("{} to name {expected}, as recorded", image.source),
            found: staged.manifest.digest.to_string(),
            hint: hint.to_owned(),
        });
    }
    refusals
}
