//! How a tenant learns what to run: a look at the registry on a short cycle.

use std::collections::BTreeSet;
use std::sync::Arc;

use hyper::Method;
use serde_json::Value;

use super::fault::TenantFault;
use super::pull::Pull;
use super::setup::Follow;
use super::state::{Running, State};
use crate::clock;
use crate::image::{FAULT_LABEL, REVISION_LABEL};

/// Follows for ever. A registry that fails is asked again next time; the tenant keeps what it runs.
pub(super) async fn follow(state: Arc<State>) {
    if let Some(sha) = state.fixed() {
        clock::sleep(state.setup.boot_delay).await;
        state.run(Running { sha, digest: String::new(), fault: None });
        return;
    }
    let mut registry = Look { pull: Pull::new(&state.setup), state: &state, known: BTreeSet::new() };
    loop {
        let found = match &state.setup.follow {
            Follow::Tag(tag) => registry.at(tag).await.map(|(running, _)| running),
            Follow::NewestStaging => registry.newest().await,
            Follow::Fixed(_) => None,
        };
        if let Some(found) = found
            && state.running().is_none_or(|running| running != found)
        {
            clock::sleep(state.setup.boot_delay).await;
            state.run(found);
        }
        clock::sleep(state.setup.every).await;
    }
}

struct Look<'a> {
    pull: Pull<'a>,
    state: &'a State,
    known: BTreeSet<String>,
}

impl Look<'_> {
    /// The newest of the staging tags not seen before, by created label.
    async fn newest(&mut self) -> Option<Running> {
        let list = self.pull.json("tags/list").await?;
        let tags = list["tags"].as_array()?.iter().filter_map(Value::as_str);
        let unseen: Vec<String> = tags
            .filter(|tag| tag.starts_with("staging-") && !self.known.contains(*tag))
            .map(str::to_owned)
            .collect();
        let mut newest: Option<(Running, String)> = None;
        for tag in unseen {
            let Some((running, created)) = self.read(&tag).await else { continue };
            self.known.insert(tag);
            if newest.as_ref().is_none_or(|(_, best)| created >= *best) {
                newest = Some((running, created));
            }
        }
        newest.map(|(running, _)| running)
    }

    /// What the tag points at, or `None` if that is what runs already.
    async fn at(&self, tag: &str) -> Option<(Running, String)> {
        let answer = self.pull.ask(Method::HEAD, &format!("manifests/{tag}")).await?;
        let digest = answer.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        let running = self.state.running();
        if !answer.status().is_success() || running.is_some_and(|now| Some(now.digest.as_str()) == digest) {
            return None;
        }
        self.read(tag).await
    }

    /// Reads the image behind a tag: revision label (empty if it has none), fault, created label.
    async fn read(&self, tag: &str) -> Option<(Running, String)> {
        let bytes = self.pull.get(&format!("manifests/{tag}")).await?;
        let digest = crate::digest::sha256(&bytes);
        let mut manifest: Value = serde_json::from_slice(&bytes).ok()?;
        if let Some(children) = manifest["manifests"].as_array() {
            let first = children.iter().find(|child| child["platform"]["os"] != "unknown")?;
            manifest = self.pull.json(&format!("manifests/{}", first["digest"].as_str()?)).await?;
        }
        let config = self.pull.json(&format!("blobs/{}", manifest["config"]["digest"].as_str()?)).await?;
        let labels = &config["config"]["Labels"];
        let sha = labels[REVISION_LABEL].as_str().unwrap_or_default().to_owned();
        let fault = labels[FAULT_LABEL].as_str().and_then(|text| text.parse::<TenantFault>().ok());
        let created = labels["org.opencontainers.image.created"].as_str().unwrap_or_default().to_owned();
        Some((Running { sha, digest, fault }, created))
    }
}
