//! Whether the set-up works: one line for each thing, and what to do.

mod records;

use futures_util::future::{join, join_all, join3};
use serde::Serialize;

use crate::io::context::Context;
use crate::io::env::items;
use crate::io::registry::client::{Access, Client};
use crate::io::registry::credentials::{self, Destination};
use crate::model::reference::Reference;
use crate::model::repository::{Registry, Repository};
use crate::policy::cloud::{self, Cloud};
use crate::tool::failure::Failure;
use crate::tool::options::RegistryOptions;
use crate::tool::settings::Settings;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Good,
    /// Works, but should be looked at.
    Odd,
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub subject: String,
    pub health: Health,
    pub found: String,
    /// What to do; empty when there is nothing.
    pub hint: String,
}

impl Finding {
    fn new(
        subject: impl Into<String>,
        health: Health,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { subject: subject.into(), health, found: found.into(), hint: hint.into() }
    }
}

/// Looks at everything. Nothing that is wrong keeps it from looking at the rest.
pub async fn examine(options: &RegistryOptions, images: &[Repository], context: &Context) -> Vec<Finding> {
    let mut findings = tenants(context);
    let settings = match Settings::find(options, images, &context.env) {
        Ok(settings) => settings,
        Err(failure) => {
            findings.insert(0, wrong_configuration(&failure));
            return findings;
        }
    };
    let from = settings
        .file
        .as_ref()
        .map_or_else(|| "the command line or environment".to_owned(), |file| file.display().to_string());
    let names: Vec<String> = settings.target.images.iter().map(ToString::to_string).collect();
    findings.insert(
        0,
        Finding::new("configuration", Health::Good, format!("{} from {from}", names.join(", ")), ""),
    );
    findings.extend(password(context, &settings));
    match settings.client(context, Access::PullPush) {
        Ok(client) => {
            let target = &settings.target;
            let images = target.images.iter().map(|image| async {
                let (mut found, back) =
                    join(registry(&client, &settings, image), records::way_back(&client, target, image))
                        .await;
                found.extend(back);
                found
            });
            let (images, home, history) =
                join3(join_all(images), records::home(&client, target), records::history(&client, target))
                    .await;
            findings.extend(images.into_iter().flatten().chain(home).chain(history));
            findings.extend(clouds(&settings, context).await);
        }
        Err(_) => findings.push(Finding::new(
            "TLS",
            Health::Bad,
            "cannot be set up",
            "check the system's certificates",
        )),
    }
    findings
}

fn wrong_configuration(failure: &Failure) -> Finding {
    let (found, hint) = match failure {
        Failure::Usage(error) => (error.message.clone(), error.hint.clone()),
        Failure::Mistake(mistakes) => {
            let first = mistakes.first();
            let (line, column) = first.position();
            let more = match mistakes.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more mistakes"),
            };
            (
                format!("{}:{line}:{column}: {}{more}", first.file, first.message),
                first.hint.clone().unwrap_or_default(),
            )
        }
        Failure::File(error) => (error.to_string(), error.hint().to_owned()),
        Failure::Source(_) | Failure::Fetch(_) | Failure::Engine(_) => {
            ("cannot be put together".to_owned(), String::new())
        }
    };
    Finding::new("configuration", Health::Bad, found, hint)
}

/// The lists of canary tenants, which have to be of equal length. The tokens themselves are not looked at.
fn tenants(context: &Context) -> Vec<Finding> {
    let count = |name: &str| context.env.get(name).map_or(0, |list| items(list).count());
    let (urls, tokens) = (count("CANARY_TENANT_URLS"), count("CANARY_ADMIN_TOKENS"));
    let finding = match (urls, tokens) {
        (0, 0) => Finding::new(
            "canary tenants",
            Health::Odd,
            "none are set",
            "set CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS where canary-smoke runs",
        ),
        (urls, tokens) if urls == tokens => {
            Finding::new("canary tenants", Health::Good, format!("{urls} URLs, {tokens} tokens"), "")
        }
        (urls, tokens) => Finding::new(
            "canary tenants",
            Health::Bad,
            format!("{urls} URLs, {tokens} tokens"),
            "CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS are one list each, in the same order, separated by newlines, commas or spaces",
        ),
    };
    vec![finding]
}

/// Reading, and an upload that is begun and left: it asks for the right to write, and writes nothing.
async fn registry(client: &Client<'_>, settings: &Settings, image: &Repository) -> Vec<Finding> {
    let live = client.digest(&Reference::Tagged(image.clone(), settings.target.tag.clone())).await;
    let read = match &live {
        Ok(Some(digest)) => Finding::new(
            format!("{image}: read"),
            Health::Good,
            format!("{} is {}", settings.target.tag, digest.short()),
            "",
        ),
        Ok(None) if client.tags(image).await.is_ok_and(|tags| tags.is_empty()) => Finding::new(
            format!("{image}: read"),
            Health::Bad,
            "there is no such repository, or it has no tags",
            "check how it is spelled; a first publish-staging makes it",
        ),
        Ok(None) => Finding::new(
            format!("{image}: read"),
            Health::Odd,
            format!("there is no {}", settings.target.tag),
            "a first promote-latest makes it",
        ),
        Err(error) => Finding::new(format!("{image}: read"), Health::Bad, error.to_string(), error.hint()),
    };
    if live.is_err() {
        return vec![read];
    }
    vec![read, write(client, image).await]
}

/// Whether a repository may be written.
async fn write(client: &Client<'_>, image: &Repository) -> Finding {
    match client.may_push(image).await {
        Ok(()) => Finding::new(
            format!("{image}: write"),
            Health::Good,
            format!("allowed with {}", client.credential_origin(image)),
            "",
        ),
        Err(error) => Finding::new(format!("{image}: write"), Health::Bad, error.to_string(), error.hint()),
    }
}

/// Each registry of a cloud: its credentials are short-lived, and made in the job that needs them.
async fn clouds(settings: &Settings, context: &Context) -> Vec<Finding> {
    let mut hosts: Vec<(&str, Cloud, &Repository)> = Vec::new();
    for image in settings.target.images.iter() {
        let host = image.registry().as_str();
        if let Some(cloud) = Cloud::of(host).filter(|_| !hosts.iter().any(|(known, ..)| *known == host)) {
            hosts.push((host, cloud, image));
        }
    }
    let env = &context.env;
    let oidc = env.is_github_actions().then(|| env.get("ACTIONS_ID_TOKEN_REQUEST_URL").is_some());
    let own = own(settings);
    let looks = hosts.into_iter().map(async |(host, cloud, image)| {
        let subject = format!("{host}: login");
        let origin = match credentials::find(env, &context.console, image, &own).await {
            Ok(found) => found.origin,
            Err(why) => return Finding::new(subject, Health::Bad, why, "see docs/credentials.md"),
        };
        let elsewhere = !origin.starts_with("nowhere") && !origin.starts_with("REGISTRY_USERNAME");
        let oidc = oidc.filter(|_| !elsewhere);
        match cloud::complaint(cloud, env.get("REGISTRY_USERNAME").filter(|_| !elsewhere), oidc) {
            Some((found, hint)) => Finding::new(subject, Health::Bad, found, hint),
            None => {
                let found =
                    format!("{}, with {origin}; lasts {}, and only in this job", cloud.name(), cloud.lasts());
                Finding::new(subject, Health::Good, found, "")
            }
        }
    });
    join_all(looks).await
}

fn own(settings: &Settings) -> Vec<Registry> {
    let images = settings.target.images.iter().chain(&settings.target.home);
    images.map(|image| image.registry().clone()).collect()
}

/// Where REGISTRY_PASSWORD goes; nothing to say where it is not set.
fn password(context: &Context, settings: &Settings) -> Option<Finding> {
    let own = own(settings);
    let subject = "REGISTRY_PASSWORD";
    Some(match credentials::destination(&context.env, &own).transpose()? {
        Ok(Destination::Named(host)) => {
            Finding::new(subject, Health::Good, format!("goes to {host}, which REGISTRY_HOST names"), "")
        }
        Ok(Destination::Only(host)) => Finding::new(
            subject,
            Health::Odd,
            format!("goes to {host}, because all images are there"),
            format!(
                "set REGISTRY_HOST={host} beside it, so that a change of coalmine.toml cannot send it elsewhere"
            ),
        ),
        Ok(Destination::Several(_)) => Finding::new(
            subject,
            Health::Bad,
            "goes nowhere: the images are on several registries",
            "set REGISTRY_HOST to the registry that it is for",
        ),
        Err(why) => {
            Finding::new(subject, Health::Bad, why, "set REGISTRY_HOST to the registry that it is for")
        }
    })
}
