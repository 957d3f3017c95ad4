//! Bounded: descriptors, memory and time with 500 images; a disk that is full.

use std::time::Duration;

use crate::support::{Bench, Done, ONE, Program, TWO, digests, single};
use coalmine::io::clock;
use coalmine_sandbox::{Registry, Setup};

const IMAGES: usize = 500;
/// Descriptors that a process may have; macOS gives no more by default.
const DESCRIPTORS: &str = "ulimit -n 256";
/// Memory that a program may use: 500 images with all their manifests are small.
const RESIDENT_KB: u64 = 160 * 1024;
/// Time for 500 images on a busy machine of two cores, with programs that are not optimised.
const WITHIN: Duration = Duration::from_secs(60);

/// Runs to the end; with it, the largest resident set that was seen, in kilobytes.
fn watched(program: Program, result: std::path::PathBuf) -> (Done, u64) {
    let mut child = program.spawn();
    let (status, mut peak) = (format!("/proc/{}/status", child.id()), 0);
    // The story goes to a pipe that nobody reads yet: it is short without -v.
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kb| kb.parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        std::thread::yield_now();
    }
    (Done::of(child, result), peak)
}

#[test]
fn five_hundred_images_go_to_latest_and_back_with_few_descriptors_and_little_memory() {
    let registry = Registry::start(Setup::default()).unwrap();
    let names: Vec<String> = (0..IMAGES).map(|i| format!("acme/image-{i}")).collect();
    let (one, two) = (single(ONE), single(TWO));
    for name in &names {
        registry.push(name, &format!("staging-{ONE}"), &one).unwrap();
        registry.push(name, &format!("staging-{TWO}"), &two).unwrap();
        registry.move_tag(name, "latest", one.digest()).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("coalmine.toml"), "format = 1\n[release]\nrecords = false\n").unwrap();
    let images: Vec<String> = names.iter().map(|name| format!("{}/{name}", registry.host())).collect();
    for (binary, sha, wanted) in [("promote-latest", TWO, &two), ("rollback-latest", ONE, &one)] {
        registry.clear_log();
        let began = clock::instant();
        let program = Program::limited(binary, folder.path(), DESCRIPTORS).args([sha, "-q"]);
        let program = program.env("RELEASE_IMAGES", &images.join(","));
        let (done, peak) = watched(program, folder.path().join("result.json"));
        done.code(0);
        assert!(clock::instant() - began < WITHIN, "{binary}: {:?}", clock::instant() - began);
        assert!(peak > 1_000 && peak < RESIDENT_KB, "{binary}: {peak} kB resident");
        assert!(registry.max_in_flight() <= 32, "{} requests at once", registry.max_in_flight());
        assert!(
            names.iter().all(|name| registry.digest_of(name, "latest").as_deref() == Some(wanted.digest()))
        );
    }
}

/// No file of ours grows beyond nothing, as on a full disk; the signal that the limit comes with is for others.
const FULL: &str = "trap '' XFSZ; ulimit -f 0";

#[test]
fn a_disk_that_is_full_is_told_and_changes_neither_the_registry_nor_the_exit_code() {
    let bench = Bench::promoted();
    let run = |binary: &str| {
        let program = Program::limited(binary, bench.folder.path(), FULL).arg(TWO).with_result();
        program.env("RELEASE_IMAGES", &bench.repositories().join(","))
    };
    let files = ["output", "summary"].map(|name| bench.path(name));
    let on_github = |program: Program| {
        let program = program.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", files[0].to_str().unwrap());
        program.env("GITHUB_STEP_SUMMARY", files[1].to_str().unwrap())
    };
    on_github(run("promote-latest"))
        .run()
        .code(0)
        .tells(&["the result file is not written", "the step summary"]);
    assert_eq!(bench.latest(), digests(TWO));
    assert!(!bench.path("result.json").exists(), "half a result");
    bench.stand_at(ONE);
    run("rollback-latest")
        .run()
        .code(0)
        .tells(&["the result file is not written", "post-mortem draft is not written"]);
    assert_eq!(bench.latest(), digests(TWO));
    // A refusal stays a refusal.
    bench.registry.delete_tag(crate::support::IMAGES[0], &format!("staging-{TWO}")).unwrap();
    run("promote-latest").run().code(1).tells(&["no such tag", "the result file is not written"]);
}

#[test]
fn a_full_stdout_changes_no_exit_code() {
    let bench = Bench::promoted();
    let program = Program::limited("promote-latest", bench.folder.path(), "exec >/dev/full").arg(TWO);
    program.env("RELEASE_IMAGES", &bench.repositories().join(",")).run().code(0);
    assert_eq!(bench.latest(), digests(TWO));
}
