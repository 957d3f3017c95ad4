//! Bounded: descriptors, memory and time with hundreds of images and tenants; a disk that is full.

use std::time::Duration;

use crate::smoke::fixture as smoke;
use crate::support::{Done, Fixture, ONE, Program, TWO, digests, is_full, single};
use coalmine::io::clock;
use coalmine_sandbox::{Registry, Setup, Tenant, TenantFault};

/// Images, or tenants: more than the descriptors that a program may have, in the full run.
fn many() -> usize {
    if is_full() { 500 } else { 120 }
}

/// Descriptors that a process may have; macOS gives no more by default.
const DESCRIPTORS: &str = "ulimit -n 256";
/// Memory that a program may use: 500 images with all their manifests are small.
const RESIDENT_KB: u64 = 160 * 1024;
/// More than GitHub takes of one step summary is dropped whole.
const SUMMARY_BYTES: u64 = 1024 * 1024;
/// Time for 500 images or tenants on a busy machine of two cores, with programs that are not optimised.
const WITHIN: Duration = Duration::from_secs(60);

/// Between two looks at the memory of a program.
const LOOK: Duration = Duration::from_millis(2);

/// Runs to the end; with it, the largest resident set that was seen, in kilobytes.
fn watched(program: Program, result: std::path::PathBuf) -> (Done, u64) {
    let child = program.spawn();
    let status = format!("/proc/{}/status", child.id());
    // Ends with the process: a dead one has no such line.
    let resident = move || {
        let text = std::fs::read_to_string(&status).ok()?;
        let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        while let Some(seen) = resident() {
            peak = seen.max(peak);
            std::thread::park_timeout(LOOK);
        }
        peak
    });
    let done = Done::of(child, result);
    (done, watch.join().unwrap())
}

#[test]
fn hundreds_of_images_go_to_latest_and_back_with_few_descriptors_and_little_memory() {
    let registry = Registry::start(Setup::default()).unwrap();
    let names: Vec<String> = (0..many()).map(|i| format!("acme/image-{i}")).collect();
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

#[test]
fn hundreds_of_tenants_are_proven_with_few_descriptors_and_little_memory_and_the_bad_one_is_found() {
    let good: Vec<Tenant> = (1..many()).map(|_| smoke::tenant(None)).collect();
    let wrong = smoke::tenant(Some(TenantFault::SearchFindsNothing));
    for (others, code) in [(&good[..], 0), (&good[1..], 1)] {
        let mut tenants: Vec<&Tenant> = others.iter().collect();
        tenants.extend((code == 1).then_some(&wrong));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("smoke.toml"), smoke::example("40s")).unwrap();
        let list =
            |item: fn(&Tenant) -> String| tenants.iter().map(|t| item(t)).collect::<Vec<_>>().join("\n");
        let summary = folder.path().join("summary");
        let program = Program::limited("canary-smoke", folder.path(), DESCRIPTORS)
            .args(["--sha", smoke::SHA, "-q"])
            .with_result()
            .env("CANARY_TENANT_URLS", &list(Tenant::url))
            .env("CANARY_ADMIN_TOKENS", &list(|tenant| tenant.token().to_owned()))
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
        let began = clock::instant();
        let (done, peak) = watched(program, folder.path().join("result.json"));
        done.code(code);
        assert!(clock::instant() - began < WITHIN, "{:?}", clock::instant() - began);
        assert!(peak > 1_000 && peak < RESIDENT_KB, "{peak} kB resident");
        assert!(summary.metadata().unwrap().len() < SUMMARY_BYTES);
    }
}

/// No file of ours grows beyond nothing, as on a full disk; the signal that the limit comes with is for others.
const FULL: &str = "trap '' XFSZ; ulimit -f 0";

#[test]
fn a_disk_that_is_full_is_told_and_changes_neither_the_registry_nor_the_exit_code() {
    let fixture = Fixture::promoted();
    let run = |binary: &str| {
        let program = Program::limited(binary, fixture.folder.path(), FULL).arg(TWO).with_result();
        program.env("RELEASE_IMAGES", &fixture.repositories().join(","))
    };
    let files = ["output", "summary"].map(|name| fixture.path(name));
    let on_github = |program: Program| {
        let program = program.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", files[0].to_str().unwrap());
        program.env("GITHUB_STEP_SUMMARY", files[1].to_str().unwrap())
    };
    on_github(run("promote-latest"))
        .run()
        .code(0)
        .tells(&["the result file is not written", "the step summary"]);
    assert_eq!(fixture.latest(), digests(TWO));
    assert!(!fixture.path("result.json").exists(), "half a result");
    fixture.stand_at(ONE);
    run("rollback-latest")
        .run()
        .code(0)
        .tells(&["the result file is not written", "post-mortem draft is not written"]);
    assert_eq!(fixture.latest(), digests(TWO));
    // A refusal stays a refusal.
    fixture.registry.delete_tag(crate::support::IMAGES[0], &format!("staging-{TWO}")).unwrap();
    run("promote-latest").run().code(1).tells(&["no such tag", "the result file is not written"]);
}

#[test]
fn a_full_stdout_changes_no_exit_code() {
    let fixture = Fixture::promoted();
    let program = Program::limited("promote-latest", fixture.folder.path(), "exec >/dev/full").arg(TWO);
    program.env("RELEASE_IMAGES", &fixture.repositories().join(",")).run().code(0);
    assert_eq!(fixture.latest(), digests(TWO));
}
