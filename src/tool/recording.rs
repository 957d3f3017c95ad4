//! The verdict in the registry, for whoever promotes. A registry that cannot be reached makes no verdict red.

use std::time::Duration;

use super::options::{ImageOptions, PlaceOptions, RegistryOptions};
use crate::io::clock;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::io::registry::error::RegistryError;
use crate::ledger::{evidence, releases};
use crate::model::commit::CommitSha;
use crate::model::release::Release;
use crate::model::repository::Repository;
use crate::model::verdict::Verdict;
use crate::tool::failure::Failure;
use crate::tool::settings::Settings;

/// Bound on reading the release record, and on writing the verdict: the canary itself takes minutes.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Where the verdicts of a command are recorded.
pub(super) struct Recording<'a> {
    /// Whether the command line refuses it.
    pub(super) no_record: bool,
    pub(super) place: &'a PlaceOptions,
    pub(super) images: &'a ImageOptions,
    pub(super) context: &'a Context,
}

impl Recording<'_> {
    /// Where records are kept, if that is said anywhere and wanted.
    ///
    /// # Errors
    /// The configuration is wrong.
    pub(super) fn settings(&self) -> Result<Option<Settings>, Failure> {
        if self.no_record {
            return Ok(None);
        }
        let options = RegistryOptions { place: self.place.clone(), dry_run: false, deadline: PATIENCE };
        let settings = Settings::find_if_named(&options, &self.images.images, &self.context.env)?;
        Ok(settings.filter(|settings| settings.target.home.is_some()))
    }

    /// The release that `sha` means, with its digests, by its record: what binds the verdict to what was published.
    /// `None`, with a warning, if there is no such record or it cannot be read.
    ///
    /// # Errors
    /// The configuration is wrong.
    pub(super) async fn release(&self, sha: &CommitSha) -> Result<Option<Release>, Failure> {
        let Some(settings) = self.settings()? else { return Ok(None) };
        let client = settings.client(self.context, Access::Pull)?;
        let Some(home) = &settings.target.home else { return Ok(None) };
        let found = self.context.stop.unless(find(&client, home, sha)).await?;
        let complain =
            |why: String| self.context.console.warn(&format!("the verdict names no digests: {why}"));
        match found {
            Ok(Some(release)) => return Ok(Some(release)),
            Ok(None) => complain(format!("there is no unique record of {sha} in {home}")),
            Err(error) => complain(error.to_string()),
        }
        Ok(None)
    }

    /// Attaches the document of a run to the record of its release.
    pub(super) async fn keep(&self, release: Option<&CommitSha>, verdict: Verdict, document: &str) {
        let (Some(sha), true) = (release, is_judged(verdict)) else { return };
        // A wrong configuration was told before the run began.
        let Ok(Some(settings)) = self.settings() else { return };
        let Some(home) = &settings.target.home else { return };
        let console = &self.context.console;
        match attach(&settings, home, sha, document, self.context).await {
            Ok(true) => console.say(&format!("the verdict is attached to the record of {sha}")),
            Ok(false) => console.warn(&format!("the verdict is not recorded: {home} has no record of {sha}")),
            Err(why) => {
                console.warn(&format!("the verdict is not recorded: {why}"));
                console.hint("hand the result file to `promote-latest --evidence`, or use --no-record");
            }
        }
    }
}

/// Whether a run came to a verdict that is worth keeping.
pub(super) fn is_judged(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Green | Verdict::Red | Verdict::Inconclusive)
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

async fn attach(
    settings: &Settings,
    home: &Repository,
    sha: &CommitSha,
    document: &str,
    context: &Context,
) -> Result<bool, String> {
    let until = clock::instant() + PATIENCE;
    let client = settings
        .client(context, Access::PullPush)
        .map_err(|_| "TLS cannot be set up".to_owned())?
        .until(until);
    let kept = releases::read(&client, home, sha).await.map_err(|e| e.to_string())?;
    let Some(kept) = kept else { return Ok(false) };
    evidence::attach(&client, &kept, document.as_bytes().to_vec()).await.map_err(|e| e.to_string())?;
    Ok(true)
}
