//! `publish-staging`: every image of the release gets the tag `staging-<sha>`, by digest, byte for byte.

mod origins;
mod parts;

use clap::Parser;
use futures_util::future::try_join_all;
use futures_util::stream::{StreamExt as _, TryStreamExt as _, iter};

use self::origins::Prepared;
use super::Tool;
use super::failure::Failure;
use super::options::{OutputOptions, RegistryOptions};
use super::settings::Settings;
use crate::base::list::NonEmpty;
use crate::engine::failure::EngineError;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::io::registry::error::{Problem, RegistryError};
use crate::io::registry::upload::{Arrival, Transfer};
use crate::model::bundle::Pins;
use crate::model::commit::CommitSha;
use crate::model::reference::Reference;
use crate::model::release::{ImageRecord, Release};
use crate::model::repository::Repository;
use crate::model::source::ImageSource;
use crate::model::tag::Tag;
use crate::policy::staging::Staging;

/// Blobs under way at once for each image: enough to fill a line, few enough that each makes progress.
const BLOBS_AT_ONCE: usize = 4;
/// Tries of a staging tag's PUT, each after reading where the tag stands.
const TRIES: u32 = 4;

/// Tags every image of a release as `staging-<sha>`, and records the release
///
/// Uploads what the registry does not have yet, for every platform of an index. Never changes a byte of a manifest, and
/// never writes `latest`.
///
/// Exit codes: 0 published, or published already; 1 refused or failed; 2 usage, or a source that is incomplete.
#[derive(Parser, Clone, Debug)]
#[command(name = "publish-staging", version)]
pub struct Args {
    /// Commit of the release: 7 to 64 hex digits, used exactly as typed
    #[arg(value_name = "SHA")]
    pub sha: CommitSha,
    /// An image and where to take it from (repeatable, in order). SOURCE is one of `oci:DIR[:REF]`,
    /// `oci-archive:FILE[:REF]`, `docker-archive:FILE`, `bundle:DIR`, `docker://REPOSITORY:TAG`, `docker://REPOSITORY@DIGEST`, or
    /// `sha256:...` for a digest that was pushed to this repository before
    #[arg(long = "image", value_name = "REPOSITORY=SOURCE", required = true)]
    pub images: Vec<ImageSource>,
    /// Replace a staging tag that names another digest
    #[arg(long)]
    pub force_restage: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

pub struct PublishStaging;

#[derive(Clone, Debug)]
pub struct Outcome {
    pub release: Release,
    pub tag: Tag,
    /// For each image, in order: what it took.
    pub images: Vec<Published>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The release record, as `repository@sha256:...`; `None` where none is kept.
    pub record: Option<String>,
    /// Images of the release that are not published yet: it cannot be promoted before they are.
    pub missing: Vec<Repository>,
}

/// What it took to publish one image.
#[derive(Clone, Debug)]
pub struct Published {
    /// Whether the tag named this content before.
    pub already: bool,
    pub blobs: Blobs,
    pub sent_bytes: u64,
}

/// How many blobs came to the repository in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blobs {
    pub there: usize,
    /// Mounted from another repository of the registry.
    pub mounted: usize,
    pub sent: usize,
}

impl Tool for PublishStaging {
    const NAME: &'static str = "publish-staging";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        let repositories: Vec<Repository> =
            args.images.iter().map(|image| image.repository.clone()).collect();
        let settings = Settings::find(&args.registry, &repositories, &context.env)?;
        let settings = parts::whole(settings, &context.env)?;
        let tag = settings.target.staging.tag(&args.sha);
        let opening = origins::open_local(&args.images, &context.console.secrets);
        let local = context.stop.unless(opening).await??;
        let client = settings.client(context, Access::PullPush)?;
        context.stop.unless(publish(&client, &settings, &args, local, tag)).await?
    }
}

/// Everything here may be dropped at a signal: until its tag is there, an image is not published, and a second run
/// finds what the first one sent.
async fn publish(
    client: &Client<'_>,
    settings: &Settings,
    args: &Args,
    local: Vec<Option<crate::io::source::origin::Origin>>,
    tag: Tag,
) -> Result<Outcome, Failure> {
    let prepared = origins::prepare(client, &args.images, local, &tag, args.force_restage).await?;
    let (mut ready, mut refusals) = (Vec::new(), Vec::new());
    for result in prepared {
        match result {
            Ok(image) => ready.push(image),
            Err(refusal) => refusals.push(refusal),
        }
    }
    refusals.extend(parts::stranger(client, &settings.target, &args.sha).await);
    if let Some(refusals) = NonEmpty::from_vec(refusals) {
        return Err(EngineError::refused(Some(&args.sha), refusals).into());
    }
    let sent = if settings.target.dry_run {
        ready
            .iter()
            .map(|image| Published {
                already: image.staging == Staging::Already,
                blobs: Blobs::default(),
                sent_bytes: 0,
            })
            .collect()
    } else {
        // Content of all images first, tags last: a failure in between leaves nothing that anybody would take.
        let sent = try_join_all(ready.iter().map(|image| send(client, image))).await?;
        try_join_all(
            ready
                .iter()
                .filter(|image| image.staging == Staging::Write)
                .map(|image| name(client, image, &tag)),
        )
        .await?;
        sent
    };
    let release = Release { sha: args.sha.clone(), images: ready.iter().map(record).collect() };
    // Last: the record says that everything it names is there.
    let record = match settings.target.home.as_ref().filter(|_| !settings.target.dry_run) {
        Some(home) => Some(parts::record(client, &settings.target, home, &release).await?),
        None => None,
    };
    let missing = record.as_ref().map(|stored| stored.record.missing.clone()).unwrap_or_default();
    let record = record.map(|stored| stored.name.to_string());
    Ok(Outcome { release, tag, images: sent, dry_run: settings.target.dry_run, record, missing })
}

fn record(image: &Prepared) -> ImageRecord {
    ImageRecord {
        repository: image.repository.clone(),
        digest: image.origin.top.digest.clone(),
        media_type: image.origin.top.media_type,
        platforms: image.platforms.clone(),
        pins: Pins::of_manifest(&image.origin.top.bytes),
    }
}

/// Sends the blobs, then the manifests that an index names: no manifest is put before everything it names.
async fn send(client: &Client<'_>, image: &Prepared) -> Result<Published, RegistryError> {
    let mut published =
        Published { already: image.staging == Staging::Already, blobs: Blobs::default(), sent_bytes: 0 };
    if image.complete {
        return Ok(published);
    }
    let console = &client.context().console;
    let children = match image.origin.children.len() {
        0 => String::new(),
        count => format!(" of {count} manifests"),
    };
    console.say(&format!("{}: {} blobs{children}", image.repository, image.origin.blobs.len()));
    let arrivals: Vec<(Arrival, u64)> = iter(&image.origin.blobs)
        .map(|(digest, (size, content))| async move {
            let transfer = Transfer { repository: &image.repository, digest, size: *size, content };
            let arrival = client.upload(&transfer).await?;
            console.detail(&format!("{} {}: {}", image.repository, digest.short(), said(arrival)));
            Ok::<_, RegistryError>((arrival, *size))
        })
        .buffer_unordered(BLOBS_AT_ONCE)
        .try_collect()
        .await?;
    for (arrival, size) in arrivals {
        match arrival {
            Arrival::There => published.blobs.there += 1,
            Arrival::Mounted => published.blobs.mounted += 1,
            Arrival::Sent => {
                published.blobs.sent += 1;
                published.sent_bytes += size;
            }
        }
    }
    try_join_all(image.origin.children.iter().map(|child| client.put_pinned(&image.repository, child)))
        .await?;
    let Blobs { there, mounted, sent } = published.blobs;
    console.say(&format!("{}: {sent} sent, {mounted} mounted, {there} there already", image.repository));
    Ok(published)
}

fn said(arrival: Arrival) -> &'static str {
    match arrival {
        Arrival::There => "there already",
        Arrival::Mounted => "mounted",
        Arrival::Sent => "sent",
    }
}

/// Writes the staging tag and reads it back. A failed or lost answer is read back before anything is concluded.
async fn name(client: &Client<'_>, image: &Prepared, tag: &Tag) -> Result<(), RegistryError> {
    let reference = Reference::Tagged(image.repository.clone(), tag.clone());
    let wanted = &image.origin.top.digest;
    let read_back = format!("read back {reference}");
    // A write that was confirmed and does not show yet is tried again too: registries lag.
    let again = |error: &RegistryError| error.is_transient() || error.attempted == read_back;
    client
        .retry(TRIES, again, async || {
            let put = client.put_tag(&image.repository, tag, &image.origin.top).await;
            let found = client.digest(&reference).await;
            if matches!(&found, Ok(Some(found)) if found == wanted) {
                return Ok(());
            }
            put?;
            let problem = match found? {
                Some(found) => Problem::WrongDigest { expected: wanted.clone(), found },
                None => Problem::Unfit {
                    expected: "the tag that was just written",
                    found: "no such tag".to_owned(),
                },
            };
            Err(RegistryError::new(read_back.clone(), problem))
        })
        .await
}
