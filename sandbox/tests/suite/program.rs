//! The program: starts, says where, stops when told; writes images.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use coalmine_sandbox::{Image, Registry, Setup};

use crate::{NEW, REPO};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coalmine-sandbox");

/// A running program; killed on drop unless stopped before.
struct Running {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(PROGRAM).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Sends SIGTERM and gives the exit code.
    fn terminate(&mut self) -> Option<i32> {
        let kill = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(kill.success());
        self.process.wait().unwrap().code()
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn the_registry_says_where_it_listens_and_stops_on_sigterm() {
    let mut program = Running::start(&["registry", "--auth", "basic"]);
    let host = program.line();
    let answer = crate::client().get(format!("http://{host}/v2/")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(program.terminate(), Some(0));
}

#[tokio::test]
async fn tenants_write_urls_and_tokens_in_the_same_order_and_follow_the_tag() {
    let registry = Registry::start(Setup::default()).unwrap();
    registry.push(REPO, "latest", &Image::single(NEW, "app")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (urls, tokens) = (directory.path().join("urls"), directory.path().join("tokens"));
    let mut program = Running::start(&[
        "tenants",
        "--registry",
        &registry.host(),
        "--repository",
        REPO,
        "--count",
        "2",
        "--every",
        "10",
        "--urls-file",
        urls.to_str().unwrap(),
        "--token-file",
        tokens.to_str().unwrap(),
    ]);
    let printed = [program.line(), program.line()];
    assert_eq!(read(&urls).lines().collect::<Vec<_>>(), printed);
    let client = crate::client();
    for (url, token) in read(&urls).lines().zip(read(&tokens).lines()) {
        let ask = || client.get(format!("{url}/admin/liveness")).bearer_auth(token).send();
        let mut answer = ask().await.unwrap();
        while answer.status() == 503 {
            answer = ask().await.unwrap();
        }
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().contains(NEW));
    }
    let [first, second] = [0, 1].map(|at| read(&tokens).lines().nth(at).unwrap().to_owned());
    assert_ne!(first, second);
    assert_eq!(program.terminate(), Some(0));
}

#[tokio::test]
async fn an_image_is_made_of_given_files_and_prints_its_digest() {
    let directory = tempfile::tempdir().unwrap();
    let (file, out) = (directory.path().join("app"), directory.path().join("layout"));
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    let run = || {
        let mut command = Command::new(PROGRAM);
        command.args(["image", "--sha", NEW, "--platform", "linux/amd64", "--platform", "linux/arm64"]);
        command.args(["--fault", "html-login", "--created", "2026-02-03T04:05:06Z"]);
        let output = command.arg("--out").arg(&out).arg("--file").arg(&file).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let digest = run();
    assert_eq!(digest, run(), "equal input, equal image");
    let index: serde_json::Value = serde_json::from_str(&read(&out.join("index.json"))).unwrap();
    assert_eq!(index["manifests"][0]["digest"], digest);
    assert!(index["manifests"][0]["mediaType"].as_str().unwrap().contains("image.index"));
}

/// The demo with programs that do nothing and say that all is well.
#[test]
fn the_play_fails_at_the_first_claim_that_does_not_hold() {
    let directory = tempfile::tempdir().unwrap();
    let link =
        |target: &str, name: &str| std::os::unix::fs::symlink(target, directory.path().join(name)).unwrap();
    for name in ["publish-staging", "promote-latest", "rollback-latest", "release-status"] {
        link("/bin/true", name);
    }
    link(PROGRAM, "coalmine-sandbox");
    let mut command = Command::new(PROGRAM);
    command.arg("demo").arg("--dir").arg(directory.path()).arg("--bins").arg(directory.path());
    let output = command.output().unwrap();
    let (told, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{told}{why}");
    assert!(why.contains("does not hold: staging-4c1d56e names the very digests that were built"), "{why}");
    assert!(told.contains("1 of 2 claims hold") && !told.contains("Promote"), "{told}");
}

#[test]
fn wrong_usage_exits_2_and_failure_1() {
    let code = |arguments: &[&str]| Command::new(PROGRAM).args(arguments).output().unwrap().status.code();
    assert_eq!(code(&["registry", "--auth", "magic"]), Some(2));
    assert_eq!(code(&["tenants", "--registry", "h", "--repository", "r", "--fault", "grumpy"]), Some(2));
    assert_eq!(code(&["image", "--out", "layout", "--sha", "1", "--file", "no/such/file"]), Some(1));
}

#[test]
fn a_taken_port_is_a_failure_that_says_so() {
    let registry = Registry::start(Setup::default()).unwrap();
    let host = registry.host();
    let port = host.rsplit(':').next().unwrap();
    let output = Command::new(PROGRAM).args(["registry", "--port", port]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("in use"));
    drop(registry);
    std::thread::park_timeout(std::time::Duration::from_millis(1));
    let again =
        (0..1000).find_map(|_| Registry::start(Setup { port: port.parse().ok()?, ..Setup::default() }).ok());
    assert!(again.is_some(), "dropping a registry frees its port");
}
