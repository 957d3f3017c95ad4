//! A folder, a suite, tenants, and the binary run among them.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use coalmine_sandbox::{Tenant, TenantFault, TenantSetup};
use serde_json::Value;
use tempfile::TempDir;

/// The build that tenants run unless a test says otherwise. It looks like a number in every notation.
pub(crate) const SHA: &str = "12e4567";
/// A token that a URL, JSON and base64 each write in their own way.
pub(crate) const TOKEN: &str = "s3cr3t/+tok\"en=%canary-Z9";
/// Longest wait for a tenant to boot; far more than it needs.
const PATIENCE: Duration = Duration::from_secs(20);

const PROGRAM: &str = env!("CARGO_BIN_EXE_canary-smoke");

/// The example suite as it stands.
pub(crate) const EXAMPLE: &str = include_str!("../../../docs/examples/smoke-tenant.toml");
/// The other example as it stands.
pub(crate) const CONVERSATION: &str = include_str!("../../../docs/examples/smoke-conversation.toml");

/// The example suite with every wait shortened: `within` is how long `[ready]` may take.
pub(crate) fn example(within: &str) -> String {
    let mut text = EXAMPLE.to_owned();
    for (long, short) in [
        ("every  = \"10s\"", "every = \"20ms\"".to_owned()),
        ("within = \"7m\"", format!("within = \"{within}\"")),
        ("within = \"10s\", every = \"500ms\"", "within = \"200ms\", every = \"50ms\"".to_owned()),
        ("timeout  = \"10s\"", "timeout = \"1s\"".to_owned()),
    ] {
        assert!(text.contains(long), "the example has changed: {long}");
        text = text.replace(long, &short);
    }
    text
}

/// A tenant of [`SHA`] with [`TOKEN`], booted.
pub(crate) fn tenant(fault: Option<TenantFault>) -> Tenant {
    start(TenantSetup { fault, token: TOKEN.into(), ..TenantSetup::fixed(SHA) })
}

/// A tenant, booted unless its fault keeps it from that.
pub(crate) fn start(setup: TenantSetup) -> Tenant {
    let boots = setup.fault.is_none();
    let tenant = Tenant::start(setup).expect("a free port");
    // With some faults it never reports the build, and it has booted all the same.
    let booted = tenant.runs(SHA, if boots { PATIENCE } else { Duration::from_millis(200) });
    assert!(booted || !boots, "the tenant boots");
    tenant
}

/// A folder with a suite in it.
pub(crate) struct Fixture {
    folder: TempDir,
    vars: Vec<(String, String)>,
}

/// What a run of the binary came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Fixture {
    /// `suite` is written to `smoke.toml`; the tenants go into the lists of the environment.
    pub(crate) fn new(suite: &str, tenants: &[&Tenant]) -> Self {
        let fixture = Self { folder: tempfile::tempdir().expect("a folder"), vars: Vec::new() };
        fixture.write("smoke.toml", suite);
        let list =
            |item: fn(&Tenant) -> String| tenants.iter().map(|t| item(t)).collect::<Vec<_>>().join("\n");
        fixture
            .var("CANARY_TENANT_URLS", &list(Tenant::url))
            .var("CANARY_ADMIN_TOKENS", &list(|tenant| tenant.token().to_owned()))
    }

    /// With this variable, in place of an earlier one of the name.
    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.retain(|(known, _)| known != name);
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As a step of a GitHub workflow.
    pub(crate) fn on_github(self) -> Self {
        let (output, summary) = (self.path("output"), self.path("summary"));
        self.var("GITHUB_ACTIONS", "true")
            .var("GITHUB_OUTPUT", &output.display().to_string())
            .var("GITHUB_STEP_SUMMARY", &summary.display().to_string())
            .var("GITHUB_RUN_ID", "77")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the folder is writable");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).expect("a JSON document")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs(self.vars.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().expect("the binary runs").into()
    }

    /// Runs the binary to its end, by a command that takes the program and its arguments as its own last ones.
    pub(crate) fn run_by(&self, command: &mut Command, arguments: &[&str]) -> Ran {
        command.arg(PROGRAM).args(arguments).current_dir(self.folder.path());
        command.envs(self.vars.iter().map(|(name, value)| (name, value)));
        command.output().expect("the command runs").into()
    }

    /// Runs the suite on [`SHA`].
    pub(crate) fn smoke(&self) -> Ran {
        self.run(&["--sha", SHA, "--result", "verdict.json", "--junit", "junit.xml"])
    }

    /// Starts the binary and lets it run.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs")
    }

    /// Everything that was written by a run, in one text.
    pub(crate) fn everything(&self, ran: &Ran) -> String {
        let files = ["verdict.json", "junit.xml", "output", "summary"].map(|name| self.read(name)).join("\n");
        format!("{}\n{}\n{files}", ran.stdout, ran.stderr)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl Ran {
    /// Fails unless the run ended with `code`, and shows all of it.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless stdout has `words`.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.stdout.contains(words), "no `{words}` in\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless stderr has `words`.
    #[track_caller]
    pub(crate) fn complains(&self, words: &str) -> &Self {
        assert!(self.stderr.contains(words), "no `{words}` in\n{}\n--- stdout\n{}", self.stderr, self.stdout);
        self
    }
}
