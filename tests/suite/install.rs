//! `scripts/install.sh`, as action.yml runs it: what it takes, what it refuses, and what it never does instead.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

const ARCHIVE: &str = "coalmine-9.9.9-x86_64-unknown-linux-musl.tar.gz";

/// A small tree with the real script, a mirror, and programs that only tell their version.
struct Site {
    folder: TempDir,
}

/// How the script ended.
struct Ended {
    good: bool,
    said: String,
    outputs: String,
    path: String,
}

impl Site {
    fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        for (file, text) in [
            ("tree/Cargo.toml", "[package]\n"),
            ("tree/Cargo.lock", "# locked\n"),
            ("tree/rust-toolchain.toml", "[toolchain]\n"),
            ("tree/src/lib.rs", "//! the library\n"),
            ("tree/bins/release-status.rs", "fn main() {}\n"),
        ] {
            site.write(file, text);
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/install.sh");
        site.write("tree/scripts/install.sh", &fs::read_to_string(script).unwrap());
        site.program("bundle/coalmine-9.9.9/bin/release-status", "echo release-status 9.9.9");
        // What stands for cargo builds nothing and is seen to have been asked.
        site.program("tools/cargo", "mkdir -p \"${!#}/bin\"\nprintf '#!/bin/sh\\necho release-status 9.9.9-built\\n' >\"${!#}/bin/release-status\"\nchmod +x \"${!#}/bin/release-status\"");
        fs::create_dir(site.path("mirror")).unwrap();
        site.shell(&format!("tar -czf mirror/{ARCHIVE} -C bundle coalmine-9.9.9"));
        site
    }

    /// With a manifest that names this very tree and archive.
    fn released() -> Self {
        let site = Self::new();
        let source = site.shell("bash tree/scripts/install.sh --source-hash");
        let checksum = site.shell(&format!("sha256sum mirror/{ARCHIVE} | cut -d ' ' -f 1"));
        site.write(
            "tree/dist/manifest.txt",
            &format!(
                "version 9.9.9\nsource {source}\nurl https://releases.invalid/v9.9.9\n{checksum}  {ARCHIVE}\n"
            ),
        );
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, name: &str, script: &str) {
        self.write(name, &format!("#!/usr/bin/env bash\n{script}\n"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn shell(&self, line: &str) -> String {
        let done = Command::new("bash").args(["-c", line]).current_dir(self.folder.path()).output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    fn run(&self, variables: &[(&str, &str)]) -> Ended {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.path("tools").display());
        let done = Command::new("bash")
            .args(["--noprofile", "--norc", "-euo", "pipefail"])
            .arg(self.path("tree/scripts/install.sh"))
            .env_clear()
            .envs([("PATH", path.as_str()), ("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")])
            .env("HOME", self.folder.path())
            .env("RUNNER_TEMP", self.folder.path())
            .env("GITHUB_PATH", self.path("path"))
            .env("GITHUB_OUTPUT", self.path("output"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let read = |name: &str| fs::read_to_string(self.path(name)).unwrap_or_default();
        let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        Ended { good: done.status.success(), said, outputs: read("output"), path: read("path") }
    }

    fn mirror(&self) -> String {
        self.path("mirror").display().to_string()
    }
}

impl Ended {
    #[track_caller]
    fn installed(&self, source: &str, version: &str) {
        assert!(self.good, "{}", self.said);
        assert!(self.outputs.contains(&format!("source={source}\n")), "{}", self.outputs);
        assert!(self.outputs.contains(&format!("version={version}\n")), "{}", self.outputs);
        let folder = self.path.trim();
        assert!(
            self.outputs.contains(&format!("bin-dir={folder}\n"))
                && Path::new(folder).join("release-status").exists()
        );
    }

    #[track_caller]
    fn stopped(&self, why: &str) {
        assert!(!self.good && self.said.contains("::error ") && self.said.contains(why), "{}", self.said);
        assert_eq!((self.outputs.as_str(), self.path.as_str()), ("", ""), "nothing is put on PATH");
    }
}

#[test]
fn a_good_archive_from_a_mirror_is_installed() {
    let site = Site::released();
    for mode in ["auto", "prebuilt"] {
        let site_mode = [("COALMINE_MODE", mode), ("COALMINE_MIRROR", &site.mirror())];
        site.run(&site_mode).installed("prebuilt", "9.9.9");
        fs::remove_file(site.path("path")).unwrap();
    }
}

#[test]
fn a_tampered_archive_stops_in_every_mode_that_takes_one() {
    let site = Site::released();
    site.program("bundle/coalmine-9.9.9/bin/release-status", "echo release-status 9.9.9; touch /tmp/pwned");
    site.shell(&format!("tar -czf mirror/{ARCHIVE} -C bundle coalmine-9.9.9"));
    for mode in ["auto", "prebuilt"] {
        site.run(&[("COALMINE_MODE", mode), ("COALMINE_MIRROR", &site.mirror())]).stopped("not installed");
    }
    site.run(&[("COALMINE_MODE", "source")]).installed("source", "9.9.9-built");
}

#[test]
fn sources_that_the_manifest_does_not_name_are_built_or_refused() {
    for drift in ["src/lib.rs", "src/new.rs", "Cargo.lock", "bins/release-status.rs", "rust-toolchain.toml"] {
        let site = Site::released();
        site.write(&format!("tree/{drift}"), "// changed\n");
        let mirror = site.mirror();
        site.run(&[("COALMINE_MODE", "prebuilt"), ("COALMINE_MIRROR", &mirror)]).stopped("of other sources");
        site.run(&[("COALMINE_MIRROR", &mirror)]).installed("source", "9.9.9-built");
    }
    let site = Site::released();
    site.write("tree/docs/page.md", "what is not compiled does not count\n");
    site.run(&[("COALMINE_MIRROR", &site.mirror())]).installed("prebuilt", "9.9.9");
}

#[test]
fn a_commit_without_a_manifest_is_built() {
    let site = Site::new();
    site.run(&[]).installed("source", "9.9.9-built");
    let site = Site::new();
    site.run(&[("COALMINE_MODE", "prebuilt")]).stopped("names no prebuilt archive");
}

#[test]
fn without_the_network_it_builds_if_it_may() {
    let site = Site::released();
    // The name ends in `.invalid`: it is nowhere (RFC 2606). No waiting for retries in a test.
    site.program("tools/curl", "echo 'curl: (6) Could not resolve host: releases.invalid' >&2; exit 6");
    site.run(&[("COALMINE_MODE", "prebuilt")]).stopped("Could not resolve host");
    let built = site.run(&[]);
    built.installed("source", "9.9.9-built");
    assert!(
        built.said.contains("::warning ") && built.said.contains("building from source"),
        "{}",
        built.said
    );
    let empty = site.path("empty");
    fs::create_dir(&empty).unwrap();
    site.run(&[("COALMINE_MODE", "prebuilt"), ("COALMINE_MIRROR", empty.to_str().unwrap())]);
}

#[test]
fn an_archive_comes_by_https_or_from_a_folder_and_nothing_else() {
    let site = Site::released();
    for mirror in ["http://mirror.example", "file:///mirror", "mirror", "ftp://mirror.example", "-o /etc/x"] {
        site.run(&[("COALMINE_MIRROR", mirror)]).stopped("mirror is");
    }
    site.program("tools/curl", "printf '%s\\n' \"$@\" >\"$HOME/asked\"; exit 22");
    site.run(&[("COALMINE_MODE", "prebuilt"), ("COALMINE_MIRROR", "https://mirror.example/x/")]);
    let asked = fs::read_to_string(site.path("asked")).unwrap();
    assert!(
        asked.contains("--proto\n=https\n") && asked.contains(&format!("https://mirror.example/x/{ARCHIVE}")),
        "{asked}"
    );
}

#[test]
fn another_machine_builds_or_is_named() {
    let site = Site::released();
    let mirror = site.mirror();
    let riscv =
        [("COALMINE_MODE", "prebuilt"), ("COALMINE_MIRROR", mirror.as_str()), ("RUNNER_ARCH", "RISCV64")];
    site.run(&riscv).stopped("no prebuilt archive for Linux on RISCV64");
    site.run(&[("RUNNER_OS", "Windows")]).stopped("Windows is not supported");
    site.run(&[("COALMINE_MODE", "fast\n::set-output name=x::y")]).stopped("mode is `fast%0A::set-output");
}

#[test]
fn the_hash_of_the_sources_is_that_of_this_tree_wherever_it_stands() {
    let site = Site::released();
    let before = site.shell("bash tree/scripts/install.sh --source-hash");
    site.shell("mv tree elsewhere && touch elsewhere/src/lib.rs");
    assert_eq!(site.shell("cd / && bash \"$OLDPWD/elsewhere/scripts/install.sh\" --source-hash"), before);
    site.shell("mv elsewhere/src/lib.rs elsewhere/src/other.rs");
    assert_ne!(site.shell("bash elsewhere/scripts/install.sh --source-hash"), before);
}
