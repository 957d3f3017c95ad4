//! What the demo meets: a registry, a canary fleet, a production fleet, and images built for them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use coalmine_sandbox::{Follow, Registry, Setup, Tenant, TenantSetup};
use serde_json::Value;

use super::narrator::Narrator;

/// The images of the release, in order, each with the project's own binaries that are in it.
pub(super) const IMAGES: &[(&str, &str)] =
    &[("acme/platform", "publish-staging"), ("acme/platform-tenant", "release-status")];

/// How long a tenant may take to run what its tag names.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one answer of a tenant may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How often a tenant looks at its tag.
const LOOK: Duration = Duration::from_millis(100);

pub(super) struct Scenario {
    registry: Registry,
    /// They follow `staging-*`.
    pub(super) canary: Vec<Member>,
    /// They follow `latest`.
    pub(super) production: Vec<Member>,
    /// Digests by sha, one for each image.
    built: BTreeMap<String, Vec<Option<String>>>,
}

/// A tenant of one of the fleets.
pub(super) struct Member {
    tenant: Tenant,
    /// The tag that it follows, in words.
    pub(super) follows: String,
}

pub(super) struct Answer {
    /// The sha it runs; `None`: it runs nothing, or did not answer.
    pub(super) sha: Option<String>,
    /// Who said what, in one line.
    pub(super) text: String,
}

impl Scenario {
    /// An empty registry with tenants that wait for something to run.
    pub(super) fn start() -> io::Result<Self> {
        let registry = Registry::start(Setup::default())?;
        let [(platform, _), (tenant, _)] = [IMAGES[0], IMAGES[1]];
        let start = |name: &str, repository: &str, follow: Follow| {
            let tag = if let Follow::Tag(tag) = &follow { tag.clone() } else { "staging-*".to_owned() };
            let tenant = Tenant::start(TenantSetup {
                name: name.to_owned(),
                registry: registry.host(),
                repository: repository.to_owned(),
                follow,
                every: LOOK,
                ..TenantSetup::default()
            })?;
            io::Result::Ok(Member { tenant, follows: format!("{repository}:{tag}") })
        };
        let latest = || Follow::Tag("latest".to_owned());
        let canary = vec![
            start("canary-1", tenant, Follow::NewestStaging)?,
            start("canary-2", tenant, Follow::NewestStaging)?,
        ];
        let production = vec![
            start("platform", platform, latest())?,
            start("tenant-1", tenant, latest())?,
            start("tenant-2", tenant, latest())?,
        ];
        Ok(Self { registry, canary, production, built: BTreeMap::new() })
    }

    /// `127.0.0.1:<port>` of the registry.
    pub(super) fn host(&self) -> String {
        self.registry.host()
    }

    /// The `coalmine.toml` of this release.
    pub(super) fn configuration(&self) -> String {
        let images: Vec<String> =
            IMAGES.iter().map(|(image, _)| format!("  \"{}/{image}\",\n", self.host())).collect();
        format!("format = 1\n\n[release]\nimages = [\n{}]\n", images.concat())
    }

    /// Builds `images` at `sha` as OCI layouts in `<sha>/<image>`, made `age_s` seconds ago; `fault`: what is wrong
    /// with the build.
    pub(super) fn build(
        &mut self,
        narrator: &Narrator,
        sha: &str,
        age_s: u64,
        images: &[(&str, &str)],
        fault: Option<&str>,
    ) -> io::Result<()> {
        let created = created(age_s);
        for (image, binary) in images {
            let program = narrator.bin(binary).display().to_string();
            let out = layout(sha, image);
            let mut words =
                vec!["image", "--out", &out, "--sha", sha, "--created", &created, "--file", &program];
            words.extend(fault.into_iter().flat_map(|fault| ["--fault", fault]));
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            let digest = narrator.answer("coalmine-sandbox", &words)?;
            self.built.entry(sha.to_owned()).or_default().push(Some(digest));
        }
        Ok(())
    }

    /// Where the canary tenants answer, and their tokens, as the environment has them.
    pub(super) fn canaries(&self) -> Vec<(&'static str, String)> {
        let lines = |word: fn(&Member) -> String| self.canary.iter().map(word).collect::<Vec<_>>().join("\n");
        vec![
            ("CANARY_TENANT_URLS", lines(Member::url)),
            ("CANARY_ADMIN_TOKENS", lines(|member| member.tenant.token().to_owned())),
        ]
    }

    /// The arguments of `publish-staging` for `images` at `sha`.
    pub(super) fn publication(&self, sha: &str, images: &[(&str, &str)]) -> Vec<String> {
        let mut words = vec![sha.to_owned()];
        for (image, _) in images {
            words.extend([
                "--image".to_owned(),
                format!("{}/{image}=oci:{}", self.host(), layout(sha, image)),
            ]);
        }
        words
    }

    /// The digests that were built at `sha`, one for each image.
    pub(super) fn built(&self, sha: &str) -> Vec<Option<String>> {
        self.built.get(sha).cloned().unwrap_or_default()
    }

    /// What `tag` names, one digest for each image, asked of the registry's store itself.
    pub(super) fn tagged(&self, tag: &str) -> Vec<Option<String>> {
        IMAGES.iter().map(|(image, _)| self.registry.digest_of(image, tag)).collect()
    }

    /// What `latest` names, one digest for each image.
    pub(super) fn latest(&self) -> Vec<Option<String>> {
        self.tagged("latest")
    }
}

impl Member {
    pub(super) fn name(&self) -> &str {
        self.tenant.name()
    }

    pub(super) fn url(&self) -> String {
        self.tenant.url()
    }

    /// Waits until it runs `sha`, at most [`PATIENCE`], and asks it.
    pub(super) fn serves(&self, sha: &str) -> Answer {
        self.tenant.runs(sha, PATIENCE);
        self.ask()
    }

    /// Asks it over HTTP what it runs.
    pub(super) fn ask(&self) -> Answer {
        let (sha, said) = match health(&self.url()) {
            Ok((status, body)) => (body["sha"].as_str().map(str::to_owned), format!("{status} {body}")),
            Err(error) => (None, error.to_string()),
        };
        Answer { sha, text: format!("{:<8}  GET /health: {said}", self.name()) }
    }
}

/// Status and body of `GET /health`. HTTP/1.0, so that the answer ends with the connection.
fn health(url: &str) -> io::Result<(String, Value)> {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    write!(stream, "GET /health HTTP/1.0\r\nhost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("no HTTP answer"))?;
    let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok((status, serde_json::from_str(body).map_err(io::Error::other)?))
}

/// Directory of a layout, below the narrator's directory.
fn layout(sha: &str, image: &str) -> String {
    format!("{sha}/{}", image.rsplit('/').next().unwrap_or(image))
}

/// The time `age_s` seconds ago, in the form of RFC 3339.
#[expect(clippy::disallowed_methods, reason = "the sandbox is the outside world and reads real time")]
fn created(age_s: u64) -> String {
    // "Sat, 21 Nov 2026 01:44:32 GMT": every field has its fixed place (RFC 9110, section 5.6.7).
    let date = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(age_s));
    let names = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = names.find(&date[8..11]).map_or(1, |at| at / 3 + 1);
    format!("{}-{month:02}-{}T{}Z", &date[12..16], &date[5..7], &date[17..25])
}
