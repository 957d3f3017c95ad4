//! A repository that calls the workflows: its commit, the images of it in a registry, and its canary tenants.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use coalmine_sandbox::{Tenant, TenantFault, TenantSetup};
use serde_json::{Value, json};

use super::docker_registry::is_there;
use super::github_server::GithubServer;
use super::runner::{Job, Workflow};
use super::workflow::read;
use super::{Fixture, IMAGES, ONE, digests, release};

/// A caller's repository, its images in a registry, and its canary tenants.
pub(crate) struct Caller {
    pub(crate) fixture: Fixture,
    pub(crate) sha: String,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) github: GithubServer,
}

impl Caller {
    /// The example repository in one commit; the images of that commit in the registry, by digest; `:latest` at `ONE`;
    /// two tenants that follow the staging tags.
    pub(crate) fn new(fault: Option<&str>) -> Self {
        let fixture = Fixture::new();
        fs::remove_file(fixture.path("coalmine.toml")).unwrap();
        let folder = fixture.path("caller");
        fs::create_dir(&folder).unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/repository");
        let suite = fs::read_to_string(example.join("smoke.toml")).unwrap();
        // The example, in a hurry.
        let hurried = suite.replace("\"10s\"\nwithin = \"7m\"", "\"50ms\"\nwithin = \"3s\"");
        assert_ne!(suite, hurried);
        fs::write(folder.join("smoke.toml"), hurried).unwrap();
        let config = fs::read_to_string(example.join("coalmine.toml")).unwrap();
        fs::write(folder.join("coalmine.toml"), config.replace("ghcr.io", &fixture.registry.host())).unwrap();
        git(&folder, &["init", "-q"]);
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "a build"]);
        git(&folder, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        let sha = git(&folder, &["rev-parse", "HEAD"]);
        let redirected = format!(
            "[url \"file://{}\"]\n\tinsteadOf = https://github.com/acme/platform\n",
            folder.display()
        );
        fs::write(fixture.path("gitconfig"), redirected).unwrap();
        fixture.stage(ONE);
        fixture.stand_at(ONE);
        for (repository, image) in IMAGES.iter().zip(release(&sha)) {
            fixture.registry.push(repository, "build", &image).unwrap();
        }
        let tenant = |number: usize| {
            Tenant::start(TenantSetup {
                name: format!("canary-{number}"),
                follow: coalmine_sandbox::Follow::NewestStaging,
                registry: fixture.registry.host(),
                repository: IMAGES[0].to_owned(),
                token: format!("token-of-canary-{number}-0123456789"),
                fault: fault.map(|fault| fault.parse::<TenantFault>().unwrap()),
                every: std::time::Duration::from_millis(50),
                ..TenantSetup::default()
            })
            .unwrap()
        };
        let tenants = vec![tenant(1), tenant(2)];
        Self { fixture, sha, tenants, github: GithubServer::start() }
    }

    /// Moves the suite, in a commit that is the caller's from now on; its images are those of the commit.
    pub(crate) fn commit_suite_as(&mut self, path: &str) {
        let folder = self.fixture.path("caller");
        fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        fs::rename(folder.join("smoke.toml"), folder.join(path)).unwrap();
        git(&folder, &["add", "--all"]);
        git(&folder, &["commit", "-q", "-m", "a suite elsewhere"]);
        self.sha = git(&folder, &["rev-parse", "HEAD"]);
        for (repository, image) in IMAGES.iter().zip(release(&self.sha)) {
            self.fixture.registry.push(repository, "build", &image).unwrap();
        }
    }

    /// Removes what the jobs of the last run have written.
    pub(crate) fn forget_jobs(&self) {
        fs::read_dir(self.fixture.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("job-"))
            .for_each(|path| fs::remove_dir_all(path).unwrap());
    }

    pub(crate) fn images(&self) -> String {
        let images = self.fixture.repositories().into_iter().zip(release(&self.sha));
        images.map(|(repository, image)| format!("{repository}={}\n", image.digest())).collect()
    }

    pub(crate) fn secrets(&self) -> Vec<(&'static str, String)> {
        let lines = |of: fn(&Tenant) -> String| self.tenants.iter().map(of).collect::<Vec<_>>().join("\n");
        vec![
            ("CANARY_TENANT_URLS", lines(Tenant::url)),
            ("CANARY_ADMIN_TOKENS", lines(|tenant| tenant.token().to_owned())),
        ]
    }

    /// Runs a workflow file with these inputs.
    pub(crate) fn run(
        &self,
        file: &Value,
        programs: &Path,
        inputs: Value,
        secrets: Vec<(&str, String)>,
        before: &dyn Fn(&str),
    ) -> BTreeMap<String, Job> {
        let Value::Object(inputs) = inputs else { panic!("inputs are named") };
        Workflow {
            file,
            inputs,
            secrets,
            programs,
            folder: self.fixture.folder.path(),
            sha: &self.sha,
            gitconfig: &self.fixture.path("gitconfig"),
            before,
            api: &self.github.url(),
        }
        .run()
    }

    pub(crate) fn release(&self, programs: &Path) -> BTreeMap<String, Job> {
        self.run(
            &read(".github/workflows/canary-release.yml"),
            programs,
            json!({ "images": self.images() }),
            self.secrets(),
            &|_| (),
        )
    }

    /// What `:latest` must be if nothing was moved, and what if all was.
    pub(crate) fn unmoved(&self) -> bool {
        self.fixture.latest() == digests(ONE)
    }

    pub(crate) fn moved(&self) -> bool {
        self.fixture.latest() == digests(&self.sha)
    }

    /// Nothing that anybody may read holds a token.
    pub(crate) fn keeps_its_tokens(&self, jobs: &BTreeMap<String, Job>) {
        for (name, job) in jobs {
            for token in self.tenants.iter().map(Tenant::token) {
                let log = job.log.lines().filter(|line| !line.starts_with("::add-mask::"));
                let seen = log.chain(job.summary.lines()).chain(job.outputs.values().map(String::as_str));
                assert!(seen.into_iter().all(|text| !text.contains(token)), "{name} shows a token");
            }
        }
    }
}

/// The folder of the programs; nothing where what the scripts call is not installed.
pub(crate) fn programs() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_BIN_EXE_canary-smoke")).parent().unwrap();
    (is_there("jq") && is_there("git")).then(|| folder.to_owned())
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// How the jobs ended, in the order publish, smoke, promote, gate.
#[track_caller]
pub(crate) fn ended(jobs: &BTreeMap<String, Job>, expected: [&str; 4]) {
    let names = ["publish", "smoke", "promote", "gate"];
    let found = names.map(|name| jobs[name].result.as_str());
    let logs: String = names.iter().map(|name| format!("--- {name}\n{}\n", jobs[*name].log)).collect();
    assert_eq!(found, expected, "\n{logs}");
}

pub(crate) const ALL: [&str; 4] = ["success"; 4];
pub(crate) const STOPPED_AT_SMOKE: [&str; 4] = ["success", "failure", "skipped", "failure"];
pub(crate) const STOPPED_AT_PROMOTE: [&str; 4] = ["success", "success", "failure", "failure"];
