//! A small tree with the real `scripts/install.sh`, an archive, and a runner's files around it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The archive in `mirror`, for the machine that [`Site::run`] plays.
pub(crate) const ARCHIVE: &str = "coalmine-9.9.9-x86_64-unknown-linux-musl.tar.gz";

/// A small tree with the real script, a mirror, and programs that only tell their version.
pub(crate) struct Site {
    folder: TempDir,
}

/// How the script ended.
pub(crate) struct Ended {
    pub(crate) good: bool,
    pub(crate) said: String,
    pub(crate) outputs: String,
    pub(crate) path: String,
}

impl Site {
    pub(crate) fn new() -> Self {
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
        fs::create_dir(site.path("tree/scripts")).unwrap();
        fs::copy(script, site.path("tree/scripts/install.sh")).unwrap();
        site.program("bundle/coalmine-9.9.9/bin/release-status", "echo release-status 9.9.9");
        // What stands for cargo builds nothing and is seen to have been asked.
        site.program("tools/cargo", "mkdir -p \"${!#}/bin\"\nprintf '#!/bin/sh\\necho release-status 9.9.9-built\\n' >\"${!#}/bin/release-status\"\nchmod +x \"${!#}/bin/release-status\"");
        fs::create_dir(site.path("mirror")).unwrap();
        site.shell(&format!("tar -czf mirror/{ARCHIVE} -C bundle coalmine-9.9.9"));
        site
    }

    /// With a manifest that names this very tree and archive.
    pub(crate) fn released() -> Self {
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn program(&self, name: &str, script: &str) {
        self.write(name, &format!("#!/usr/bin/env bash\n{script}\n"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn shell(&self, line: &str) -> String {
        let done = Command::new("bash").args(["-c", line]).current_dir(self.folder.path()).output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn run(&self, variables: &[(&str, &str)]) -> Ended {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.path("tools").display());
        let done = Command::new("bash")
            .args(["--noprofile", "--norc", "-euo", "pipefail"])
            .arg(self.path("tree/scripts/install.sh"))
            .env_clear()
            .envs([("PATH", path.as_str()), ("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")])
            .env("GITHUB_ACTIONS", "true")
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

    /// As on any other machine: no variable of a runner, and only what a bare Debian has on its PATH.
    pub(crate) fn install_to(&self, folder: &str, variables: &[(&str, &str)]) -> Ended {
        let tools = self.path("bare");
        fs::create_dir_all(&tools).unwrap();
        for tool in [
            "bash",
            "sh",
            "sed",
            "find",
            "sort",
            "head",
            "tail",
            "cut",
            "tar",
            "gzip",
            "sha256sum",
            "mktemp",
            "mkdir",
            "mv",
            "cp",
            "rm",
            "cat",
            "dirname",
            "uname",
        ] {
            let _ = std::os::unix::fs::symlink(self.shell(&format!("command -v {tool}")), tools.join(tool));
        }
        let done = Command::new(tools.join("bash"))
            .arg(self.path("tree/scripts/install.sh"))
            .args(["--to", self.path(folder).to_str().unwrap()])
            .env_clear()
            .env("PATH", &tools)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        Ended { good: done.status.success(), said, outputs: String::new(), path: String::new() }
    }

    pub(crate) fn mirror(&self) -> String {
        self.path("mirror").display().to_string()
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn installed(&self, source: &str, version: &str) {
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
    pub(crate) fn stopped(&self, why: &str) {
        assert!(!self.good && self.said.contains("::error ") && self.said.contains(why), "{}", self.said);
        assert_eq!((self.outputs.as_str(), self.path.as_str()), ("", ""), "nothing is put on PATH");
    }
}
