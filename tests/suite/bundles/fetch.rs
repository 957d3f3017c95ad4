//! `fetch-bundle`: a machine has a whole bundle or the one before, whatever happens.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::{BUNDLE, copy_example, digest_of, example, publish, tree};
use crate::support::programs::{Program, send_signal};
use crate::support::{Done, Fixture, ONE, THREE, TWO, is_full};
use coalmine::io::clock;
use coalmine_sandbox::{Action, Fault, When};

/// A registry with three bundles, all of whose prompts say which one they are of; the digests of these.
fn three() -> (Fixture, [String; 3]) {
    let fixture = Fixture::new();
    let folder = fixture.path("bundle");
    copy_example(&folder, false);
    for i in 0..20 {
        std::fs::write(folder.join(format!("prompts/{i}.md")), "").unwrap();
    }
    std::fs::write(folder.join("bundle.toml"), "format = 1\n[part]\nconfig = ['config/**']\n").unwrap();
    let digests = [ONE, TWO, THREE].map(|sha| {
        for i in 0..20 {
            let text = format!("{sha}\n").repeat(200);
            std::fs::write(folder.join(format!("prompts/{i}.md")), text).unwrap();
        }
        digest_of(&publish(&fixture, sha, &folder).code(0))
    });
    fixture.registry.move_tag(BUNDLE, "latest", &digests[0]).unwrap();
    fixture.registry.clear_log();
    (fixture, digests)
}

fn fetch(fixture: &Fixture, more: &[&str]) -> Program {
    let bundle = format!("{}/{BUNDLE}", fixture.registry.host());
    Program::new("fetch-bundle", fixture.folder.path())
        .args([bundle.as_str(), "--to", "live"])
        .args(more)
        .with_result()
}

fn link(fixture: &Fixture) -> String {
    std::fs::read_link(fixture.path("live/latest")).unwrap().display().to_string()
}

/// What is wrong with the bundles in the folder: each one that has a name must be whole, and of one release.
fn torn(live: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(live).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("sha256:") {
            wrong.extend(mixed(&path));
        }
    }
    wrong
}

/// What is wrong with one pass over a bundle.
fn mixed(folder: &Path) -> Option<String> {
    let read = |i| std::fs::read_to_string(folder.join(format!("prompts/{i}.md"))).map_err(|e| e.to_string());
    let all: Result<Vec<String>, String> = (0..20).map(read).collect();
    match all {
        Ok(all) if all.iter().all(|text| *text == all[0] && text.len() == 200 * 41) => None,
        Ok(_) => Some(format!("{}: files of two bundles", folder.display())),
        Err(error) => Some(format!("{}: {error}", folder.display())),
    }
}

#[test]
fn a_bundle_comes_whole_and_again_costs_one_request() {
    let fixture = Fixture::new();
    let digest = digest_of(&publish(&fixture, ONE, &example()).code(0));
    fixture.registry.move_tag(BUNDLE, "latest", &digest).unwrap();
    let done = fetch(&fixture, &[]).run().code(0);
    assert!(done.stdout.contains("fetched") && link(&fixture) == digest, "{}", done.stdout);
    let mut found = tree(&fixture.path("live").join(&digest));
    found.retain(|(name, ..)| name != "pins.json");
    assert!(found == tree(&example()));
    fixture.registry.clear_log();
    let again = fetch(&fixture, &[]).run().code(0);
    assert!(again.stdout.contains("already"), "{}", again.stdout);
    assert_eq!(fixture.registry.log().iter().filter(|seen| seen.path.contains("/blobs/")).count(), 0);
    let other = format!("{}/{BUNDLE}@{digest}", fixture.registry.host());
    let pinned = Program::new("fetch-bundle", fixture.folder.path()).args([other.as_str(), "--to", "pinned"]);
    pinned.run().code(0);
    assert!(fixture.path("pinned").join(&digest).is_dir() && !fixture.path("pinned/latest").exists());
    let gone = format!("{}/{BUNDLE}:nothing", fixture.registry.host());
    let gone = Program::new("fetch-bundle", fixture.folder.path()).args([gone.as_str(), "--to", "x"]).run();
    gone.code(1).tells(&["there is no such bundle"]);
}

#[test]
fn spoiled_and_cut_answers_are_asked_for_again_and_a_registry_that_lies_changes_nothing() {
    let (fixture, digests) = three();
    for fault in [Fault::Truncate, Fault::WrongBytes, Fault::status(503), Fault::CutBefore] {
        let _ = std::fs::remove_dir_all(fixture.path("live"));
        fixture.registry.clear_rules();
        fixture.registry.rule(When::any().method("GET").path_contains("/blobs/").nth(1).then(fault));
        fetch(&fixture, &[]).run().code(0);
        assert_eq!(torn(&fixture.path("live")), Vec::<String>::new());
    }
    fixture.registry.clear_rules();
    fixture.registry.rule(When::any().path_contains("/blobs/").then(Fault::WrongBytes));
    fixture.registry.move_tag(BUNDLE, "latest", &digests[1]).unwrap();
    let done = fetch(&fixture, &["--deadline", "4s"]).run().code(1);
    let done = done.tells(&["is left at", &digests[0], "confirmed"]);
    assert!(
        link(&fixture) == digests[0] && !fixture.path("live").join(&digests[1]).exists(),
        "{}",
        done.stderr
    );
}

#[test]
fn a_registry_that_is_gone_leaves_what_is_there_and_its_age_is_told() {
    let (fixture, digests) = three();
    fetch(&fixture, &[]).run().code(0);
    fixture.registry.rule(When::any().then(Fault::RefuseConnections(u64::MAX)));
    let done = fetch(&fixture, &["--deadline", "2s"]).run().code(1).tells(&["is left at", "ago"]);
    assert_eq!(link(&fixture), digests[0], "{}", done.stderr);
    let nothing = Program::new("fetch-bundle", fixture.folder.path());
    let bundle = format!("{}/{BUNDLE}", fixture.registry.host());
    let nothing = nothing.args([bundle.as_str(), "--to", "empty", "--deadline", "2s"]).run();
    nothing.code(1).tells(&["nothing was fetched yet"]);
}

#[test]
fn a_full_disk_leaves_the_bundle_before_and_no_half_of_the_next() {
    let (fixture, digests) = three();
    fetch(&fixture, &[]).run().code(0);
    fixture.registry.move_tag(BUNDLE, "latest", &digests[1]).unwrap();
    let bundle = format!("{}/{BUNDLE}", fixture.registry.host());
    // 8 blocks of 1 KiB: the layer is larger. An ignored SIGXFSZ makes the write fail as on a full disk.
    let full = Program::limited("fetch-bundle", fixture.folder.path(), "trap '' XFSZ; ulimit -f 8");
    full.args([bundle.as_str(), "--to", "live"]).run().code(1).tells(&["failed to write"]);
    assert_eq!((link(&fixture), torn(&fixture.path("live")).len()), (digests[0].clone(), 0));
    assert!(!fixture.path("live").join(&digests[1]).exists());
    fetch(&fixture, &[]).run().code(0);
    assert_eq!(link(&fixture), digests[1]);
}

#[test]
fn killed_at_any_request_or_moment_it_leaves_no_half_bundle_and_the_next_run_finishes() {
    let (fixture, digests) = three();
    fetch(&fixture, &[]).run().code(0);
    let requests = fixture.registry.log().len() as u64;
    let moments: u64 = if is_full() { 120 } else { 12 };
    for case in 1..=requests + moments {
        fixture.registry.clear_rules();
        fixture.registry.clear_log();
        let to = &digests[usize::from(case % 2 == 1)];
        let _ = std::fs::remove_dir_all(fixture.path("live").join(to));
        fixture.registry.move_tag(BUNDLE, "latest", to).unwrap();
        fixture.registry.clear_log();
        let pid = Arc::new(AtomicU32::new(0));
        if case <= requests {
            let known = Arc::clone(&pid);
            let kill = Action::custom(move |_| {
                let known = Arc::clone(&known);
                async move {
                    while known.load(Ordering::SeqCst) == 0 {
                        clock::sleep(Duration::from_millis(1)).await;
                    }
                    send_signal(known.load(Ordering::SeqCst), "-KILL");
                }
            });
            fixture.registry.rule(When::any().overall_nth(case).then(Fault::Before(kill)));
        }
        let child = fetch(&fixture, &[]).spawn();
        pid.store(child.id(), Ordering::SeqCst);
        if case > requests {
            // After the last answer: unpacking, naming and linking.
            let begun = (case - requests) * 40 / moments;
            while (fixture.registry.log().len() as u64) < requests
                && Path::new(&format!("/proc/{}/fd/0", child.id())).exists()
            {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            std::thread::park_timeout(Duration::from_millis(begun));
            send_signal(child.id(), "-KILL");
        }
        let _ = Done::of(child, fixture.path("unused"));
        assert_eq!(torn(&fixture.path("live")), Vec::<String>::new(), "case {case}");
        assert!(digests.contains(&link(&fixture)), "case {case}");
        fixture.registry.clear_rules();
        fetch(&fixture, &[]).run().code(0);
        assert_eq!(link(&fixture), *to, "case {case}");
        let left: Vec<PathBuf> =
            std::fs::read_dir(fixture.path("live")).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(!left.iter().any(|path| path.display().to_string().contains(".part-")), "{left:?}");
    }
}

#[test]
fn a_reader_of_a_watched_folder_never_sees_two_bundles_in_one_pass() {
    let (fixture, digests) = three();
    fetch(&fixture, &[]).run().code(0);
    let bad = [Fault::status(500), Fault::Truncate, Fault::WrongBytes, Fault::CutBefore, Fault::html(502)];
    for (k, fault) in bad.into_iter().cycle().take(40).enumerate() {
        fixture.registry.rule(When::any().overall_nth(7 * (k as u64 + 1)).then(fault));
    }
    let watch = fetch(&fixture, &["--watch", "20ms", "--keep", "2", "--deadline", "10s"]).spawn();
    let (over, live) = (Arc::new(AtomicBool::new(false)), fixture.path("live"));
    let reader = {
        let over = Arc::clone(&over);
        std::thread::spawn(move || {
            let (mut passes, mut wrong, mut seen) = (0, Vec::new(), std::collections::BTreeSet::new());
            while !over.load(Ordering::SeqCst) {
                // One pass: the link is followed once.
                let folder = std::fs::canonicalize(live.join("latest")).unwrap();
                wrong.extend(mixed(&folder));
                seen.insert(folder);
                passes += 1;
            }
            (passes, wrong, seen.len())
        })
    };
    for round in 0..if is_full() { 40 } else { 4 } {
        let to = &digests[(round + 1) % 2];
        fixture.registry.move_tag(BUNDLE, "latest", to).unwrap();
        let began = clock::instant();
        while link(&fixture) != *to && clock::instant() - began < Duration::from_secs(30) {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        assert_eq!(link(&fixture), *to, "round {round}");
    }
    send_signal(watch.id(), "-TERM");
    Done::of(watch, fixture.path("unused")).code(143);
    over.store(true, Ordering::SeqCst);
    let (passes, wrong, seen) = reader.join().unwrap();
    assert_eq!(wrong, Vec::<String>::new());
    assert!(passes > 4 && seen == 2, "{passes} passes, {seen} bundles");
}

#[test]
fn old_bundles_are_removed_and_the_one_in_use_never() {
    let (fixture, digests) = three();
    for digest in &digests {
        fixture.registry.move_tag(BUNDLE, "latest", digest).unwrap();
        fetch(&fixture, &["--keep", "1"]).run().code(0);
        let names = std::fs::read_dir(fixture.path("live")).unwrap().map(|e| e.unwrap().file_name());
        let bundles = names.filter(|name| name.to_string_lossy().starts_with("sha256:")).count();
        assert_eq!((bundles, link(&fixture)), (1, digest.clone()));
    }
}
