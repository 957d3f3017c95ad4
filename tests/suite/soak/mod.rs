//! `canary-soak` against sandbox tenants and commands as sources: verdicts, the state file, mistakes.

mod preflight;
mod records;
mod recovery;

use std::path::Path;
use std::process::{Command, Stdio};

use coalmine_sandbox::{Tenant, TenantSetup};
use serde_json::Value;

const SHA: &str = "12e4567";
const TOKEN: &str = "s3cr3t-canary-Z9";
const SUITE: &str = "format = 1\n[ready]\nrequest = \"GET /admin/liveness\"\nexpect.status = 200\nexpect.body = { contains = \"{{ sha }}\" }\n[[check]]\nname = \"c\"\nrequest = \"GET /events\"\nexpect.status = 200\n";

struct Fixture {
    folder: tempfile::TempDir,
    url: String,
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
    document: Value,
}

fn tenant(sha: &str) -> Tenant {
    let tenant =
        Tenant::start(TenantSetup { token: TOKEN.into(), ..TenantSetup::fixed(sha) }).expect("a port");
    assert!(tenant.runs(sha, std::time::Duration::from_secs(20)), "the tenant boots");
    tenant
}

/// A soak of `window` with one metric of 90 % that reads the file `counts`.
fn gates(window: &str) -> String {
    format!(
        "format = 1\n[soak]\nwindow = \"{window}\"\ntick = \"100ms\"\nsettle = \"50ms\"\nlag = \"10ms\"\nmin_coverage = 0.3\n\
         [source.c]\ntype = \"command\"\n[[metric]]\nname = \"quality\"\nkind = \"rate\"\nat_least = 0.9\nmin_samples = 30\n\
         source = \"c\"\nrun = [\"sh\", \"-c\", \"cat counts\", \"{{{{ start }}}}\"]\n"
    )
}

impl Fixture {
    fn new(tenant: &Tenant, gates: &str, counts: &str) -> Self {
        let fixture = Self { folder: tempfile::tempdir().unwrap(), url: tenant.url() };
        for (name, text) in [("smoke.toml", SUITE), ("soak.toml", gates), ("counts", counts)] {
            std::fs::write(fixture.path(name), text).unwrap();
        }
        fixture
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_canary-soak"));
        command.args(arguments).args(["--result", "result.json"]).current_dir(self.folder.path()).env_clear();
        command
            .env("CANARY_TENANT_URLS", &self.url)
            .env("CANARY_ADMIN_TOKENS", TOKEN)
            .env("PATH", "/usr/bin:/bin");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        let document = std::fs::read_to_string(self.path("result.json")).unwrap_or_default();
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            document: serde_json::from_str(&document).unwrap_or_default(),
        };
        assert!(!format!("{}{}{document}", ran.stdout, ran.stderr).contains(TOKEN), "a token was told");
        ran
    }

    fn soak(&self) -> Ran {
        self.run(&["--sha", SHA])
    }

    fn once(&self) -> Ran {
        self.run(&["--sha", SHA, "--once"])
    }
}

impl Ran {
    #[track_caller]
    fn ends(&self, code: i32, words: &str) -> &Self {
        let all = format!("{}\n--- stderr\n{}", self.stdout, self.stderr);
        assert!(
            self.code == code && all.contains(words),
            "expected {code} and `{words}`, found {}\n{all}",
            self.code
        );
        self
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process in real time")]
fn pause(milliseconds: u64) {
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
}

#[test]
fn a_soak_whose_metrics_hold_to_the_end_is_green() {
    let tenant = tenant(SHA);
    let fixture = Fixture::new(&tenant, &gates("1500ms"), "{\"good\": 96, \"total\": 100}");
    let ran = fixture.soak();
    ran.ends(0, "GREEN: 12e4567").ends(0, "quality");
    assert_eq!(ran.document["verdict"], "green");
    assert_eq!(ran.document["metrics"][0]["measured"]["counts"]["total"], 100);
    assert_eq!(ran.document["closed"], true);
    fixture.once().ends(0, "GREEN");
    std::fs::write(fixture.path("counts"), "{\"good\": 0, \"total\": 100}").unwrap();
    fixture.once().ends(0, "GREEN");
}

#[test]
fn a_share_that_is_disproved_is_red_before_the_window_is_over() {
    let tenant = tenant(SHA);
    let fixture = Fixture::new(&tenant, &gates("1m"), "{\"good\": 10, \"total\": 60}");
    let ran = fixture.soak();
    ran.ends(1, "RED: 12e4567: quality").ends(1, "has missed its target since");
    assert_eq!(ran.document["metrics"][0]["verdict"], "red");
}

#[test]
fn one_tick_ends_5_while_the_soak_is_open_and_another_run_goes_on_with_it() {
    let tenant = tenant(SHA);
    let fixture = Fixture::new(&tenant, &gates("2s"), "{\"good\": 60, \"total\": 60}");
    fixture.once().ends(5, "PENDING").ends(5, "0ms of 2s counted");
    pause(400);
    let second = fixture.once();
    second.ends(5, "PENDING");
    assert_eq!(second.document["metrics"][0]["samples"], 60);
    pause(2_000);
    fixture.once().ends(0, "GREEN");
}

#[test]
fn no_data_and_a_failed_source_are_never_green_and_never_red() {
    let tenant = tenant(SHA);
    for (counts, words) in [("", "nodata"), ("<html>", "error"), ("{\"good\": 5, \"total\": 5}", "samples")] {
        let fixture = Fixture::new(&tenant, &gates("500ms"), counts);
        let ran = fixture.soak();
        ran.ends(3, &format!("INCONCLUSIVE: 12e4567: {words}"));
        assert_eq!(ran.document["reason"]["word"], words);
    }
}

#[test]
fn a_red_outranks_a_source_that_failed() {
    let tenant = tenant(SHA);
    let text = gates("1m");
    let (_, metric) = text.split_once("[[metric]]").unwrap();
    let broken = metric.replace("\"quality\"", "\"broken\"").replace("cat counts", "exit 7");
    let fixture =
        Fixture::new(&tenant, &format!("{text}[[metric]]{broken}"), "{\"good\": 10, \"total\": 60}");
    fixture.soak().ends(1, "RED: 12e4567: quality");
}

#[test]
fn the_clock_stands_while_a_tenant_serves_another_build() {
    let tenant = tenant("7654321");
    let fixture = Fixture::new(&tenant, &gates("500ms"), "{\"good\": 60, \"total\": 60}");
    let ran = fixture.soak();
    ran.ends(3, "INCONCLUSIVE: 12e4567: blind").ends(3, "the clock stands");
    assert_eq!(ran.document["counted_seconds"], 0.0);
}

#[test]
fn a_state_belongs_to_one_release_and_one_file() {
    let tenant = tenant(SHA);
    let fixture = Fixture::new(&tenant, &gates("1m"), "{\"good\": 60, \"total\": 60}");
    let state = ["--state", "state.json", "--once", "--sha"];
    fixture.run(&[&state[..], &[SHA]].concat()).ends(5, "PENDING");
    fixture.run(&[&state[..], &["7654321"]].concat()).ends(2, "holds the state of a soak of 12e4567");
    std::fs::write(fixture.path("soak.toml"), gates("2m")).unwrap();
    fixture.run(&[&state[..], &[SHA]].concat()).ends(2, "by another version of the soak file");
    std::fs::write(fixture.path("state.json"), "{}").unwrap();
    fixture.run(&[&state[..], &[SHA]].concat()).ends(2, "is no state of a soak");
}

#[test]
fn a_tick_that_is_killed_leaves_a_state_that_the_next_one_reads() {
    let tenant = tenant(SHA);
    let fixture = Fixture::new(&tenant, &gates("1m"), "{\"good\": 60, \"total\": 60}");
    for wait in [0, 20, 60, 150, 300] {
        let mut child =
            fixture.command(&["--sha", SHA]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        pause(wait);
        child.kill().unwrap();
        child.wait().unwrap();
        fixture.once().ends(5, "PENDING");
    }
}

#[test]
fn two_ticks_at_once_wait_for_one_another() {
    let tenant = tenant(SHA);
    let fixture = Fixture::new(&tenant, &gates("1m"), "{\"good\": 60, \"total\": 60}");
    let start = || {
        let mut command = fixture.command(&["--sha", SHA, "--once"]);
        command.args(["--quiet"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(|_| start()).collect();
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(5));
    }
    fixture.once().ends(5, "PENDING");
}

#[test]
fn what_is_missing_is_told_before_anything_is_asked() {
    let tenant = tenant(SHA);
    let asked = tenant.requests().len();
    let mistyped = gates("1m").replace("at_least", "at_lest").replace("type =", "typ =");
    let fixture = Fixture::new(&tenant, &mistyped, "1");
    let ran = fixture.soak();
    ran.ends(2, "did you mean `at_least`?").ends(2, "did you mean `type`?");
    let database = "[source.db]\ntype = \"postgres\"\ndsn_env = \"NO_SUCH_DSN\"\n[[metric]]";
    let fixture = Fixture::new(&tenant, &gates("1m").replace("[[metric]]", database), "1");
    fixture.soak().ends(2, "source `db`: NO_SUCH_DSN is not set");
    fixture.run(&[]).ends(2, "which release is watched");
    std::fs::write(fixture.path("smoke.toml"), SUITE.split("[ready]").next().unwrap()).unwrap();
    fixture.soak().ends(2, "");
    let stable = gates("1m").replace("{{ start }}", "{{ start }} {{ stable }}");
    Fixture::new(&tenant, &stable, "1").soak().ends(2, "give `--stable SHA`");
    assert_eq!(tenant.requests().len(), asked, "a request was sent");
}

#[test]
fn lint_says_how_many_samples_a_metric_needs() {
    let tenant = tenant(SHA);
    let fixture = Fixture::new(&tenant, &gates("1m").replace("min_samples = 30", "min_samples = 10"), "1");
    let ran = fixture.run(&["lint"]);
    ran.ends(0, "soak.toml: no mistake; 1 metrics gate").ends(0, "it takes 29");
    assert_eq!(ran.document["metrics"][0]["proves"], 29);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/soak");
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path().display().to_string();
        fixture.run(&["lint", &path]).ends(0, "no mistake");
    }
}

#[test]
fn the_schema_in_the_docs_is_the_one_that_the_reader_goes_by() {
    let tenant = tenant(SHA);
    let ran = Fixture::new(&tenant, "", "").run(&["schema"]);
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/soak.schema.json");
    let current = std::fs::read_to_string(kept).unwrap_or_default() == ran.stdout;
    assert!(current, "not current; run: canary-soak schema > docs/schemas/soak.schema.json");
    let schema: Value = serde_json::from_str(&ran.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let valid = |text: &str| {
        let value: toml::Value = toml::from_str(text).unwrap();
        validator.is_valid(&serde_json::to_value(value).unwrap())
    };
    assert!(valid(&gates("1m")) && !valid(&gates("1m").replace("\"rate\"", "\"rat\"")));
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/soak")).unwrap() {
        let path = entry.unwrap().path();
        assert!(valid(&std::fs::read_to_string(&path).unwrap()), "{}", path.display());
    }
}
