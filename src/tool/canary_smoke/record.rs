//! The verdict in the registry, for whoever promotes. A registry that cannot be reached makes no verdict red.

use std::path::Path;
use std::time::Duration;

use super::args::Args;
use crate::base::list::NonEmpty;
use crate::engine::failure::EngineError;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::io::registry::error::RegistryError;
use crate::io::{clock, files};
use crate::ledger::{evidence, releases};
use crate::model::commit::CommitSha;
use crate::model::refusal::{Guard, Refusal};
use crate::model::release::Release;
use crate::model::repository::Repository;
use crate::model::verdict::Verdict;
use crate::policy::gates::evidence::mismatch;
use crate::tool::failure::Failure;
use crate::tool::options::RegistryOptions;
use crate::tool::settings::Settings;

/// Bound on reading the release record, and on writing the verdict: the canary itself takes minutes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where records are kept, if that is said anywhere and wanted.
fn settings(args: &Args, context: &Context) -> Result<Option<Settings>, Failure> {
    if args.no_record {
        return Ok(None);
    }
    let options = RegistryOptions { place: args.place.clone(), dry_run: false, deadline: PATIENCE };
    let settings = Settings::find_if_named(&options, &args.images.images, &context.env)?;
    Ok(settings.filter(|settings| settings.target.home.is_some()))
}

/// The release that `sha` means, with its digests, by its record: what binds the verdict to what was published.
/// `None`, with a warning, if there is no such record or it cannot be read.
pub(super) async fn release(
    args: &Args,
    sha: &CommitSha,
    context: &Context,
) -> Result<Option<Release>, Failure> {
    let Some(settings) = settings(args, context)? else { return Ok(None) };
    let client = settings.client(context, Access::Pull)?;
    let Some(home) = &settings.target.home else { return Ok(None) };
    let found = context.stop.unless(find(&client, home, sha)).await?;
    let complain = |why: String| context.console.warn(&format!("the verdict names no digests: {why}"));
    match found {
        Ok(Some(release)) => return Ok(Some(release)),
        Ok(None) => complain(format!("there is no unique record of {sha} in {home}")),
        Err(error) => complain(error.to_string()),
    }
    Ok(None)
}

/// The release recorded under `sha`, or under the only sha that begins with it.
async fn find(
    client: &Client<'_>,
    home: &Repository,
    sha: &CommitSha,
) -> Result<Option<Release>, RegistryError> {
    if let Some(kept) = releases::read(client, home, sha).await? {
        return Ok(Some(kept.record.release));
    }
    let tags = client.tags(home).await?;
    let shas = tags.iter().filter_map(|tag| tag.strip_prefix("release-")?.parse::<CommitSha>().ok());
    let candidates: Vec<CommitSha> = shas.filter(|published| sha.begins(published)).collect();
    let [only] = candidates.as_slice() else { return Ok(None) };
    Ok(releases::read(client, home, only).await?.map(|kept| kept.record.release))
}

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
    let Some(settings) = settings(args, context)? else {
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

fn is_judged(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Green | Verdict::Red | Verdict::Inconclusive)
}

/// Attaches the document of a run to the record of its release.
pub(super) async fn keep(
    args: &Args,
    release: Option<&Release>,
    verdict: Verdict,
    document: &str,
    context: &Context,
) {
    let (Some(release), true) = (release, is_judged(verdict)) else { return };
    // A wrong configuration was told before the run began.
    let Ok(Some(settings)) = settings(args, context) else { return };
    let Some(home) = &settings.target.home else { return };
    let kept = attach(&settings, home, release, document, context).await;
    match kept {
        Ok(true) => context.console.say(&format!("the verdict is attached to the record of {}", release.sha)),
        Ok(false) => {
            context
                .console
                .warn(&format!("the verdict is not recorded: {home} has no record of {}", release.sha));
        }
        Err(why) => {
            context.console.warn(&format!("the verdict is not recorded: {why}"));
            context.console.hint("hand the result file to `promote-latest --evidence`, or use --no-record");
        }
    }
}

async fn attach(
    settings: &Settings,
    home: &Repository,
    release: &Release,
    document: &str,
    context: &Context,
) -> Result<bool, String> {
    let until = clock::instant() + PATIENCE;
    let client = settings
        .client(context, Access::PullPush)
        .map_err(|_| "TLS cannot be set up".to_owned())?
        .until(until);
    let kept = releases::read(&client, home, &release.sha).await.map_err(|e| e.to_string())?;
    let Some(kept) = kept else { return Ok(false) };
    evidence::attach(&client, &kept, document.as_bytes().to_vec()).await.map_err(|e| e.to_string())?;
    Ok(true)
}
