//! `fetch-bundle`: brings a bundle to this machine by digest, whole or not at all.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::Tool;
use super::failure::Failure;
use super::options::{OutputOptions, RegistryOptions};
use crate::base::complaint::Complaint;
use crate::base::duration;
use crate::engine::failure::EngineError;
use crate::io::bundle_folder::{BundleFolder, standing};
use crate::io::clock;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::io::unpack::{self, NotUnpacked};
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::model::repository::Repository;

/// How often a lock is tried that another program holds.
const LOCKED: Duration = Duration::from_millis(100);

/// Brings a bundle from a registry to a folder
///
/// Pulls by digest, verifies every byte, unpacks into DIR/sha256:... and points the link DIR/TAG there in one step. A
/// reader that follows the link once never sees half a bundle, or files of two.
///
/// Exit codes: 0 it is there; 1 the registry failed or the bundle is not usable: what was there is left as it was;
/// 2 usage.
#[derive(Parser, Clone, Debug)]
#[command(name = "fetch-bundle", version)]
pub struct Args {
    /// The bundle: with a tag, with a digest, or with neither for the tag `latest`
    #[arg(value_name = "REPOSITORY[:TAG|@DIGEST]", value_parser = wanted)]
    pub bundle: Reference,
    /// The folder that bundles are unpacked into; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Go on for ever, and look again this long after each look
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub watch: Option<Duration>,
    /// How many bundles stay in the folder; those that a tag names always do
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub keep: usize,
    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

fn wanted(text: &str) -> Result<Reference, String> {
    if let Ok(repository) = text.parse::<Repository>() {
        return Ok(Reference::Tagged(repository, "latest".parse().map_err(|e| format!("{e}"))?));
    }
    text.parse()
}

/// The binary.
pub struct FetchBundle;

/// What is there now.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was asked for.
    pub bundle: Reference,
    /// What that is.
    pub digest: Digest,
    /// The folder with its files.
    pub folder: PathBuf,
    /// The link to it; `None`: it was asked for by digest.
    pub link: Option<PathBuf>,
    /// Whether it was there before.
    pub already: bool,
    /// Whether the link named something else before.
    pub moved: bool,
    /// Bundles that were removed.
    pub removed: Vec<Digest>,
    /// Whether nothing was written.
    pub dry_run: bool,
}

impl Tool for FetchBundle {
    const NAME: &'static str = "fetch-bundle";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        let Some(pause) = args.watch else {
            return context.stop.unless(look(&args, context)).await?;
        };
        if let Reference::Pinned(..) = args.bundle {
            return Err(Failure::usage("a digest never changes", "leave --watch out, or name a tag"));
        }
        loop {
            match context.stop.unless(look(&args, context)).await? {
                Ok(done) if done.moved => {
                    context.console.say(&format!("{} is {}", args.bundle, done.digest));
                }
                Ok(_) => {}
                Err(Failure::Engine(EngineError::Registry(error))) => {
                    context.console.warn(&error.to_string());
                }
                Err(Failure::Fetch(complaint)) => context.console.warn(&complaint.message),
                Err(other) => return Err(other),
            }
            context.stop.unless(clock::sleep(pause)).await?;
        }
    }
}

/// One look at the registry, and what follows of it. After a failure it tells what is there, and how old that is.
async fn look(args: &Args, context: &Context) -> Result<Outcome, Failure> {
    let done = bring(args, context).await;
    if done.is_err()
        && let Reference::Tagged(_, tag) = &args.bundle
    {
        let link = args.to.join(tag.as_str());
        let told = match standing(&args.to, tag) {
            Some((digest, Some(age))) => {
                let age = duration::show(Duration::from_secs(age.as_secs()));
                format!("`{}` is left at {digest}, which the registry confirmed {age} ago", link.display())
            }
            Some((digest, None)) => {
                format!("`{}` is left at {digest}, nobody knows since when", link.display())
            }
            None => format!("`{}` is not there: nothing was fetched yet", link.display()),
        };
        context.console.warn(&told);
    }
    done
}

async fn bring(args: &Args, context: &Context) -> Result<Outcome, Failure> {
    let repository = args.bundle.repository();
    let until = clock::instant() + args.registry.deadline;
    let (own, plain) = (vec![repository.registry().clone()], args.registry.place.plain_http.clone());
    let client = Client::new(context, Access::Pull, own, plain, until)?;
    let Some(manifest) = client.manifest(&args.bundle).await? else {
        let message = format!("failed to read {}: there is no such bundle", args.bundle);
        return Err(Failure::Fetch(Complaint::new(message, "check the name, and that it was published")));
    };
    let digest = manifest.digest.clone();
    let tag = match &args.bundle {
        Reference::Tagged(_, tag) => Some(tag),
        Reference::Pinned(..) => None,
    };
    let link = tag.map(|tag| args.to.join(tag.as_str()));
    let place = args.to.join(digest.to_string());
    let (already, dry_run) = (place.is_dir(), args.registry.dry_run);
    let mut outcome = Outcome {
        bundle: args.bundle.clone(),
        digest: digest.clone(),
        folder: place,
        link,
        already,
        moved: false,
        removed: Vec::new(),
        dry_run,
    };
    if dry_run {
        return Ok(outcome);
    }
    let folder = locked(args, until).await?;
    if !folder.place(&digest).is_dir() {
        let unfinished = folder.unfinished().map_err(disk)?;
        let fetched = unpack::fetch(&client, repository, &manifest, unfinished.path()).await;
        let tree = fetched.map_err(|error| match error {
            NotUnpacked::Registry(error) => error.into(),
            NotUnpacked::Disk(error) => disk(error),
            NotUnpacked::Unfit(complaint) => Failure::Fetch(complaint),
        })?;
        folder.keep(&tree, &digest).map_err(disk)?;
    }
    if let Some(tag) = tag {
        outcome.moved = folder.point(tag, &digest).map_err(disk)?;
    }
    outcome.removed = folder.prune(args.keep, &digest).map_err(disk)?;
    Ok(outcome)
}

async fn locked(args: &Args, until: clock::Instant) -> Result<BundleFolder, Failure> {
    loop {
        if let Some(folder) = BundleFolder::lock(&args.to).map_err(disk)? {
            return Ok(folder);
        }
        if clock::instant() >= until {
            let message =
                format!("failed to write to `{}`: another program is writing there", args.to.display());
            return Err(Failure::Fetch(Complaint::new(message, "let it finish, then try again")));
        }
        clock::sleep(LOCKED).await;
    }
}

/// What the disk did: nothing that was there before was touched.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn disk(error: crate::io::files::FileError) -> Failure {
    let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
    Failure::Fetch(Complaint::new(format!("{error}{cause}"), error.hint()))
}
