//! Requests are counted, connections and tokens reused, images read at once.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::records::{promote_proven, published, through};
use crate::support::{Fixture, IMAGES, ONE, Program, THREE, TWO, digests, is_full, release, single};
use coalmine::ledger::history;
use coalmine::model::history::Event;
use coalmine_sandbox::registry::{Access, Bearer, Seen, User};
use coalmine_sandbox::{Auth, Image, Registry, Setup};

/// Two single-platform images of three layers, `TWO` live, `ONE` to go back to.
fn two_plain_images(setup: Setup) -> Fixture {
    let fixture = Fixture::with(setup);
    for name in IMAGES {
        for sha in [ONE, TWO] {
            fixture.registry.push(name, &format!("staging-{sha}"), &single(sha)).unwrap();
        }
        fixture.registry.move_tag(name, "latest", single(TWO).digest()).unwrap();
    }
    fixture.registry.clear_log();
    fixture
}

/// How many requests had to wait for one another up to and including `last`: the longest chain in which each began
/// after the one before had ended.
fn sequential(log: &[Seen], last: u64) -> usize {
    let mut chain = 0;
    let mut ended = Duration::ZERO;
    let mut requests: Vec<&Seen> = log.iter().filter(|seen| seen.index <= last).collect();
    requests.sort_by_key(|seen| seen.finished);
    for seen in requests {
        if chain == 0 || seen.arrived >= ended {
            chain += 1;
            ended = seen.finished.unwrap();
        }
    }
    chain
}

#[test]
fn a_guarded_rollback_costs_at_most_14_requests_an_image_and_8_round_trips_to_the_move() {
    let fixture = two_plain_images(Setup { latency: Duration::from_millis(20), ..Setup::default() });
    fixture.run("rollback-latest").arg(ONE).run().code(0);
    let log = fixture.registry.log();
    for name in IMAGES {
        let requests = log.iter().filter(|seen| seen.repository.as_deref() == Some(name)).count();
        assert!(requests <= 14, "{requests} requests for {name}");
    }
    let moved = log
        .iter()
        .filter(|seen| seen.method == "PUT" && seen.reference.as_deref() == Some("latest"))
        .map(|seen| seen.index)
        .max();
    let chain = sequential(&log, moved.unwrap());
    assert!((5..=8).contains(&chain), "{chain} sequential round trips");
    assert_eq!(fixture.latest(), vec![Some(single(ONE).digest().to_owned()); 2]);
}

#[test]
fn one_token_for_each_repository_and_run() {
    let access = Access {
        users: vec![User::new("robot", "s3cr3t-password").may("pull,push", "acme/*")],
        anonymous_pull: false,
    };
    let fixture = two_plain_images(Setup {
        auth: Auth::Bearer(Bearer { access, ..Bearer::default() }),
        ..Setup::default()
    });
    let program = fixture
        .run("rollback-latest")
        .arg(ONE)
        .env("REGISTRY_USERNAME", "robot")
        .env("REGISTRY_PASSWORD", "s3cr3t-password");
    program.run().code(0);
    let tokens = fixture.registry.log().iter().filter(|seen| seen.path == "/token").count();
    assert_eq!(tokens, 2);
}

#[test]
fn connections_are_reused() {
    let fixture = two_plain_images(Setup::default());
    fixture.run("rollback-latest").arg(ONE).run().code(0);
    let log = fixture.registry.log();
    let connections: BTreeSet<u64> = log.iter().map(|seen| seen.connection).collect();
    assert!(
        connections.len() * 2 <= log.len(),
        "{} connections for {} requests",
        connections.len(),
        log.len()
    );
}

#[test]
fn eight_images_take_no_more_sequential_round_trips_than_two() {
    let chain = |count: usize| {
        let registry =
            Registry::start(Setup { latency: Duration::from_millis(50), ..Setup::default() }).unwrap();
        let names: Vec<String> = (0..count).map(|i| format!("acme/image-{i}")).collect();
        for name in &names {
            for sha in [ONE, TWO] {
                let image = Image::of(sha).sized_layers(&format!("{sha}{name}"), &[100, 200, 300]).build();
                registry.push(name, &format!("staging-{sha}"), &image).unwrap();
                registry.push(name, "latest", &image).unwrap();
            }
        }
        registry.clear_log();
        let folder = tempfile::tempdir().unwrap();
        let images: Vec<String> = names.iter().map(|name| format!("{}/{name}", registry.host())).collect();
        Program::new("rollback-latest", folder.path())
            .arg(ONE)
            .env("RELEASE_IMAGES", &images.join("\n"))
            .run()
            .code(0);
        let log = registry.log();
        sequential(&log, log.last().unwrap().index)
    };
    let (two, eight) = (chain(2), chain(8));
    assert!(eight * 2 <= two * 3, "2 images: {two} round trips, 8 images: {eight}");
}

#[test]
fn a_promotion_that_is_already_there_costs_reads_only() {
    let fixture = Fixture::promoted();
    fixture.run("promote-latest").arg(ONE).run().code(0);
    assert_eq!(fixture.latest(), digests(ONE));
    assert!(fixture.registry.log().iter().all(|seen| seen.method != "PUT"));
}

/// Records, evidence and an index of two platforms; `ONE` and `TWO` promoted, `THREE` published, each answer late.
fn recorded(latency_ms: u64) -> Fixture {
    let latency = Duration::from_millis(latency_ms);
    let fixture = published(Setup { latency, ..Setup::default() }, &[ONE, TWO, THREE]);
    for sha in [ONE, TWO] {
        promote_proven(&fixture, sha, &[]).code(0);
    }
    fixture.registry.clear_log();
    fixture
}

#[test]
fn a_whole_rollback_with_records_takes_at_most_10_round_trips_and_8_until_it_is_verified() {
    let fixture = recorded(30);
    fixture.run("rollback-latest").arg(ONE).run().code(0);
    let log = fixture.registry.log();
    let of = |method: &str| {
        let seen =
            log.iter().filter(|seen| seen.method == method && seen.reference.as_deref() == Some("latest"));
        seen.map(|seen| seen.index).collect::<Vec<u64>>()
    };
    let last = *of("PUT").last().unwrap();
    let verified = of("HEAD").into_iter().filter(|index| *index > last).nth(1).unwrap();
    let (verified, whole) = (sequential(&log, verified), sequential(&log, log.len() as u64));
    assert!(verified <= 8 && whole <= 10, "{verified} until verified, {whole} in all");
    assert!(log.len() <= 60, "{} requests", log.len());
}

#[test]
fn a_promotion_with_records_and_evidence_takes_at_most_18_round_trips() {
    let fixture = recorded(30);
    promote_proven(&fixture, THREE, &[]).code(0);
    let log = fixture.registry.log();
    let whole = sequential(&log, log.len() as u64);
    assert!(whole <= 18, "{whole} round trips");
}

#[test]
fn twelve_hundred_staged_tags_cost_previous_at_most_60_requests_and_a_status_150() {
    let fixture = recorded(0);
    for (name, image) in IMAGES.iter().zip(release(THREE)) {
        for i in 0..1_200 {
            fixture.registry.move_tag(name, &format!("staging-{i:07x}"), image.digest()).unwrap();
        }
    }
    for (most, program) in [
        (150, fixture.run("release-status").arg("--check")),
        (60, fixture.run("rollback-latest").arg("--previous")),
        (60, fixture.run("rollback-latest").arg("--previous")),
    ] {
        fixture.registry.clear_log();
        program.run().code(0);
        let asked = fixture.registry.log().len();
        assert!(asked <= most, "{asked} requests, at most {most}");
    }
    assert_eq!(fixture.latest(), digests(ONE));
}

#[test]
fn a_long_history_keeps_every_entry_and_a_bounded_number_of_tags() {
    let count = if is_full() { 1_000 } else { 260 };
    for tag_delete in [true, false] {
        let fixture = published(Setup { tag_delete, ..Setup::default() }, &[ONE]);
        let most = through(&fixture, async |client, home| {
            let (env, tag) = (&client.context().env, "latest".parse().unwrap());
            let begin = coalmine::io::clock::now() - jiff::SignedDuration::from_mins(10 * count);
            let mut most = 0;
            for i in 0..count {
                let mut entry = history::entry(env, Event::Resume, &tag, None, &[], Some("one of many"));
                entry.at = begin + jiff::SignedDuration::from_mins(10 * i);
                entry.id = history::new_id(entry.at);
                history::append::append(&client, &home, &entry).await.unwrap();
                let tags = fixture.registry.tags(IMAGES[0]);
                most = most.max(tags.iter().filter(|tag| tag.starts_with("release-history")).count());
            }
            most
        });
        assert!(most <= if tag_delete { 24 } else { 80 }, "{most} tags");
        let told = |more: &[&str]| {
            let program = fixture.run("release-status").arg("history").args(more).with_result();
            program.run().code(0).json()["entries"].as_array().unwrap().len() as i64
        };
        assert_eq!(told(&["--all"]), count);
        assert!((100..=201).contains(&told(&[])));
        fixture.registry.clear_log();
        fixture.run("rollback-latest").args([ONE, "--dry-run"]).run().code(0);
        assert!(fixture.registry.log().len() <= 60, "{} requests", fixture.registry.log().len());
    }
}
