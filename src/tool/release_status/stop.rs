//! `hold`: stops promotions without a rollback. The same tags and the same entry as those of a rollback, so that everybody
//! who promotes sees it.

use futures_util::future::join_all;

use crate::engine::failure::EngineError;
use crate::engine::target::Target;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::io::{clock, run};
use crate::ledger::{history, hold};
use crate::model::history::{Entry, Event};
use crate::model::hold::{HeldImage, Hold};
use crate::model::reference::Reference;
use crate::tool::failure::Failure;
use crate::tool::rings::Declared;
use crate::tool::settings::Settings;

/// What a hold and its lifting are about: the tag of every ring, or `latest` where no rings are declared.
pub(super) fn targets(settings: &Settings) -> Vec<Target> {
    let tags = match &settings.rings {
        Some(rings) => rings.rings.iter().map(|ring| ring.tag.clone()).collect(),
        None => vec![settings.target.tag.clone()],
    };
    tags.into_iter().map(|tag| Target { tag, ..settings.target.clone() }).collect()
}

/// Holds `ring` alone, or everything. The entries that were written, and what should be known.
///
/// # Errors
/// There is no such ring, no records are kept, or the registry cannot be written to.
pub(super) async fn hold(
    settings: &Settings,
    context: &Context,
    ring: Option<&str>,
    reason: &str,
) -> Result<(Vec<Entry>, Vec<String>), Failure> {
    let mut targets = targets(settings);
    if let Some(name) = ring {
        let place = Declared::of(settings.rings.clone(), settings.file.as_deref())?.place(name)?;
        targets = vec![targets.swap_remove(place)];
    }
    let client = settings.client(context, Access::PullPush)?;
    let places = settings.target.places();
    if places.is_empty() {
        let hint = "keep records to have holds and a history";
        return Err(Failure::usage("there is no history with `records = false`", hint));
    }
    let (home, _) = context.stop.unless(history::find(&client, &places)).await?.map_err(EngineError::from)?;
    let (mut entries, mut warnings) = (Vec::new(), Vec::new());
    for target in targets {
        let entry = history::entry(
            &context.env,
            Event::Hold { alone: ring.is_some() },
            &target.tag,
            None,
            &[],
            Some(reason),
        );
        if !target.dry_run {
            warnings.extend(place(&client, &target, reason, &home).await?);
            history::append::append(&client, &home, &entry).await.map_err(EngineError::from)?;
        }
        entries.push(entry);
    }
    warnings.iter().for_each(|words| context.console.warn(words));
    Ok((entries, warnings))
}

async fn place(
    client: &Client<'_>,
    target: &Target,
    reason: &str,
    home: &crate::model::repository::Repository,
) -> Result<Vec<String>, Failure> {
    let reads = target.images.iter().map(|image| async move {
        let digest = client.digest(&Reference::Tagged(image.clone(), target.tag.clone())).await?;
        Ok(HeldImage { repository: image.clone(), digest })
    });
    let images = join_all(reads).await.into_iter().collect::<Result<Vec<_>, EngineError>>()?;
    let (env, at) = (&client.context().env, clock::now());
    let held = Hold {
        format: 1,
        id: history::new_id(at),
        at,
        by: run::who(env),
        run: run::of(env),
        reason: Some(reason.to_owned()),
        tag: target.tag.to_string(),
        to: None,
        images,
        home: Some(home.clone()),
        lifted: false,
    };
    let placed = hold::place(client, &target.tag, &held).await.into_iter();
    Ok(placed.filter_map(|(image, placed)| Some(format!("{image} is not held: {}", placed.err()?))).collect())
}
