//! A verdict from a file, attached to the record of its release: for jobs that judge without the right to write.

use std::path::Path;

use super::args::Args;
use crate::base::list::NonEmpty;
use crate::engine::failure::EngineError;
use crate::io::context::Context;
use crate::io::registry::client::Access;
use crate::io::{clock, files};
use crate::ledger::{evidence, releases};
use crate::model::commit::CommitSha;
use crate::model::refusal::{Guard, Refusal};
use crate::model::verdict::Verdict;
use crate::policy::gates::evidence::mismatch;
use crate::tool::failure::Failure;
use crate::tool::recording::{PATIENCE, is_judged};

/// A verdict that was attached to its release.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The release.
    pub sha: CommitSha,
    /// What the verdict says.
    pub verdict: Verdict,
    /// The newer release that the tenants served instead, if they did: then nothing is known against this one.
    pub superseded_by: Option<CommitSha>,
}

/// Attaches the verdict in `path` to the record of its release.
///
/// # Errors
/// The file is no verdict, there are no records, or the verdict is not about what was published.
pub(super) async fn attach_file(args: &Args, path: &Path, context: &Context) -> Result<Recorded, Failure> {
    let name = path.display().to_string();
    let document = files::read(path)?;
    let verdict = evidence::piece(name.clone(), document.as_bytes()).verdict.map_err(|why| {
        Failure::usage(
            format!("failed to read a verdict from `{name}`: {why}"),
            "give what `canary-smoke --result` wrote",
        )
    })?;
    if args.no_record || !is_judged(verdict.verdict) {
        let message = format!("a verdict that is {} is not recorded", verdict.verdict.as_str());
        return Err(Failure::usage(message, "record what judged a build, without --no-record"));
    }
    let Some(settings) = args.recording(context).settings()? else {
        return Err(Failure::usage(
            "no images are named, or `records = false`",
            "give --image for each image, or a coalmine.toml",
        ));
    };
    let client = settings.client(context, Access::PullPush)?.until(clock::instant() + PATIENCE);
    let recorded = context.stop.unless(async {
        let kept = releases::find(&client, &settings.target.places(), &verdict.sha).await?;
        let found = match &kept {
            Some(kept) => mismatch(&kept.record, &verdict),
            None => Some("no record of this release".to_owned()),
        };
        let Some(kept) = kept.filter(|_| found.is_none()) else {
            let refusal = Refusal {
                guard: Guard::Evidence,
                image: None,
                expected: format!("a verdict that names {} by the digests of its record", verdict.sha),
                found: found.unwrap_or_default(),
                hint: "record a verdict on what is published; do not edit verdicts".to_owned(),
            };
            return Err(EngineError::refused(Some(&verdict.sha), NonEmpty::one(refusal)));
        };
        evidence::attach(&client, &kept, document.into_bytes()).await?;
        // The job that asked the tenants may read no registry, so it could not tell whether what they serve is newer.
        let superseded_by = match verdict.serves.as_ref().filter(|_| verdict.verdict == Verdict::Inconclusive)
        {
            Some(other) => {
                let other = releases::find(&client, &settings.target.places(), other).await?;
                other
                    .filter(|other| other.record.published > kept.record.published)
                    .map(|other| other.record.release.sha)
            }
            None => None,
        };
        Ok(Recorded { sha: verdict.sha.clone(), verdict: verdict.verdict, superseded_by })
    });
    Ok(recorded.await??)
}
