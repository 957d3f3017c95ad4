//! What the doctor finds of the records and of the way back.

use super::{Finding, Health, write};
use crate::engine::inspect::inspect;
use crate::engine::overview::read_overview;
use crate::engine::target::Target;
use crate::io::registry::client::Client;
use crate::ledger::history;
use crate::model::reference::Reference;
use crate::model::repository::Repository;

/// What a clean-up has to spare.
const SPARE: &str = "a clean-up of untagged versions takes the platforms of an index that has a tag: it has to spare them, and all tags that begin with `latest-`; see docs/anchors.md";

/// Whether `rollback-latest --previous` could go back on this image; nothing to say where it cannot be read at all.
pub(super) async fn way_back(client: &Client<'_>, target: &Target, image: &Repository) -> Option<Finding> {
    let (subject, tag) = (format!("{image}: way back"), target.tag.previous());
    let found = inspect(client, Reference::Tagged(image.clone(), tag.clone())).await;
    Some(match found.ok()? {
        None => Finding::new(
            subject,
            Health::Odd,
            format!("there is no {tag}"),
            "a promotion over a live release writes it",
        ),
        Some(staged) if staged.missing.is_empty() => {
            let index = !staged.manifest.children().is_empty();
            // Deleting untagged versions is what its own action offers (actions/delete-package-versions).
            let advice = if index && image.registry().host() == "ghcr.io" { SPARE } else { "" };
            let found = format!("{tag} is {}, whole", staged.manifest.digest.short());
            Finding::new(subject, Health::Good, found, advice)
        }
        Some(staged) => {
            let missing: Vec<String> = staged.missing.iter().map(ToString::to_string).collect();
            let found = format!("{tag} is broken: {}", missing.join("; "));
            Finding::new(subject, Health::Bad, found, SPARE)
        }
    })
}

/// Whether the repository of the records can be read and written, where it is not one of the images.
pub(super) async fn home(client: &Client<'_>, target: &Target) -> Vec<Finding> {
    let home = target.home.as_ref().filter(|home| !target.images.iter().any(|image| image == *home));
    let Some(home) = home else { return Vec::new() };
    let subject = format!("{home}: read");
    let read = match client.tags(home).await {
        Ok(tags) if tags.is_empty() => Finding::new(
            subject,
            Health::Odd,
            "there are no records yet, or no such repository",
            "a first publish-staging makes it; check how `home` is spelled",
        ),
        Ok(tags) => Finding::new(subject, Health::Good, format!("records ({} tags)", tags.len()), ""),
        Err(error) => {
            return vec![Finding::new(subject, Health::Bad, error.to_string(), error.hint())];
        }
    };
    vec![read, write(client, home).await]
}

/// Whether the history can be read, is as it was written, and matches the tags.
pub(super) async fn history(client: &Client<'_>, target: &Target) -> Option<Finding> {
    let places = target.places();
    if places.is_empty() {
        return None;
    }
    let restart = "if it is lost for good, `release-status restart-history --reason TEXT` begins a new one";
    let bad = |found: String, hint: &str| Finding::new("history", Health::Bad, found, hint);
    let (home, stored) = match history::find(client, &places).await {
        Ok(found) => found,
        Err(error) => return Some(bad(error.to_string(), &error.hint())),
    };
    if let Some(trouble) = stored.trouble() {
        return Some(bad(trouble, restart));
    }
    if let Some(broken) = stored.history.verify_since_resume() {
        let found = format!("entry {} ({}) is not what was written", broken.number, broken.id);
        let hint = "find out who changed it, then `release-status resume --reason TEXT` goes on from here";
        return Some(bad(found, hint));
    }
    let stands = read_overview(client, target).await.map(|overview| overview.stands()).unwrap_or_default();
    if let Some(doubt) = stored.history.doubt(target.tag.as_str(), &stands) {
        return Some(Finding::new("history", Health::Odd, doubt, restart));
    }
    let found = format!("{} entries in {home}", stored.history.entries().count());
    Some(Finding::new("history", Health::Good, found, ""))
}
