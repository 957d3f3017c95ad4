//! `scripts/install.sh`, as action.yml runs it: what it takes, what it refuses, and what it never does instead.

use std::fs;

use crate::support::site::{ARCHIVE, Site};

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

#[test]
fn on_any_machine_it_installs_into_a_folder() {
    let site = Site::released();
    let machine = if std::env::consts::ARCH == "x86_64" { ARCHIVE } else { return };
    let done = site.install_to("opt/my tools", &[("COALMINE_MIRROR", &site.mirror())]);
    assert!(done.good && done.said.contains("coalmine 9.9.9 is in "), "{machine}: {}", done.said);
    assert!(done.said.contains("put it on PATH"), "{}", done.said);
    assert_eq!(site.shell("'opt/my tools/bin/release-status'"), "release-status 9.9.9");
    assert_eq!(site.shell("ls -A 'opt/my tools'"), "bin", "nothing else is left behind");
    let again = site.install_to("opt/my tools", &[("COALMINE_MIRROR", &site.mirror())]);
    assert!(again.good, "{}", again.said);
    // Without a mirror, a downloader and Rust there is nothing to install with.
    let bare = site.install_to("else", &[]);
    assert!(!bare.good && bare.said.contains("there is neither curl nor wget"), "{}", bare.said);
    assert!(bare.said.contains("cargo is not on PATH") && !bare.said.contains("::error"), "{}", bare.said);
    assert_eq!(site.shell("ls -A else"), "");
}

#[test]
fn a_tampered_archive_is_installed_nowhere() {
    let site = Site::released();
    site.shell(&format!("echo x >>mirror/{ARCHIVE}"));
    let done = site.install_to("opt", &[("COALMINE_MIRROR", &site.mirror())]);
    assert!(!done.good && done.said.contains("not installed"), "{}", done.said);
    assert!(!site.path("opt/bin").exists());
}

#[test]
fn off_a_runner_it_asks_where_to() {
    let site = Site::released();
    let variables = [("RUNNER_TEMP", ""), ("GITHUB_ACTIONS", "")];
    let done = site.run(&variables);
    assert!(!done.good && done.said.contains("scripts/install.sh --to"), "{}", done.said);
}

#[test]
fn what_one_job_has_built_the_others_take() {
    let site = Site::new();
    site.run(&[("COALMINE_SHARE", "true")]).installed("source", "9.9.9-built");
    let outputs = fs::read_to_string(site.path("output")).unwrap();
    let built = outputs.lines().find_map(|line| line.strip_prefix("built=")).unwrap().to_owned();
    assert_eq!(built.len(), 64);
    let fresh = || ["path", "output"].iter().for_each(|name| fs::remove_file(site.path(name)).unwrap());
    fresh();
    // Another job: nothing is built there.
    site.program("tools/cargo", "exit 9");
    site.run(&[("COALMINE_BUILT", &built)]).installed("source", "9.9.9-built");
    fresh();
    site.shell("echo x >>coalmine-shared/programs.tar.gz");
    site.run(&[("COALMINE_BUILT", &built)]).stopped("not installed");
    // It was kept for a week: later it is built again.
    fs::remove_file(site.path("coalmine-shared/programs.tar.gz")).unwrap();
    site.run(&[("COALMINE_BUILT", &built)]);
    site.program("tools/cargo", "mkdir -p \"${!#}/bin\"\nprintf '#!/bin/sh\\necho release-status 9.9.9-anew\\n' >\"${!#}/bin/release-status\"\nchmod +x \"${!#}/bin/release-status\"");
    site.run(&[("COALMINE_BUILT", &built)]).installed("source", "9.9.9-anew");
}
