//! What a run through some steps knows: values by the names of their placeholders, and cookies.

use serde_json::Value;
use url::Url;

use super::session::{Pace, Session};
use crate::base::secret::Secret;
use crate::io::clock;
use crate::model::check::Answer;
use crate::model::digest::Digest;
use crate::model::tenant::Tenant;
use crate::policy::smoke::cookies::Jar;
use crate::policy::smoke::suite::template::Variables;
use crate::policy::smoke::suite::values::Origin;

/// What the steps of one check, or of a setup, know.
#[derive(Clone)]
pub(super) struct Memory {
    pub(super) variables: Variables,
    /// `None`: cookies are neither kept nor sent.
    pub(super) cookies: Option<Jar>,
}

impl Session<'_> {
    /// What is known at the beginning of `check`, which belongs to the suite's part number `part`. The nonce is unique for
    /// run, tenant, check and sample.
    pub(super) fn memory(&self, tenant: &Tenant, part: usize, check: &str, sample: u32) -> Memory {
        let place = format!("{}\n{check}\n{sample}", tenant.name);
        let nonce = format!("{}-{}", self.nonce, &Digest::of(place.as_bytes()).hex()[..8]);
        let built_in = [
            ("sha", self.sha.to_string()),
            ("tenant", tenant.name.to_string()),
            ("tenant_host", tenant.url.host()),
            ("tenant_url", tenant.url.to_string()),
            ("nonce", nonce),
        ];
        let mut variables: Variables =
            built_in.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text))).collect();
        variables.extend(self.of_release.clone());
        for named in self.suite.parts.get(part).into_iter().flat_map(|part| &part.values) {
            let value = match &named.origin {
                Origin::Fixed(value) => Some(value.clone()),
                Origin::Env(name) => tenant.variables.get(name).map(|value| Value::from(value.expose())),
            };
            variables.extend(value.map(|value| (named.name.clone(), value)));
        }
        Memory { variables, cookies: None }
    }

    /// Keeps the cookies that an answer sets. Their values may be credentials, and are told to nobody.
    pub(super) fn keep_cookies(&self, memory: &mut Memory, answer: &Answer, url: &Url) {
        let Some(jar) = &mut memory.cookies else { return };
        let values = jar.take(&answer.headers, url, clock::now());
        if self.pace != Pace::Replay {
            values.iter().for_each(|value| self.hide(&Secret::new(value.as_str())));
        }
    }

    /// Keeps `secret` out of everything that is told from now on, unless it could be a word or a number.
    pub(super) fn hide(&self, secret: &Secret) {
        if secret.weakness().is_none() && self.context.console.secrets.learn_new(secret) {
            self.context.console.mask(secret);
        }
    }
}
