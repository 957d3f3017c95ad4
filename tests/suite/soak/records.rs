//! A soak whose release has a record: its verdict, its state in the registry, its ring.

use coalmine_sandbox::{Setup, Tenant, TenantSetup};
use serde_json::Value;

use super::{SUITE, gates, pause};
use crate::support::records::{attach, hours_ago, now, promote, published, verdict};
use crate::support::{Done, Fixture, IMAGES, ONE, TWO, digests};

/// A published release, a tenant that serves it, and a soak of `window` whose source reads the file `counts`.
fn soaked(window: &str) -> (Fixture, Tenant) {
    let fixture = published(Setup::default(), &[ONE]);
    fixture.configure("[release]\nrequire = [\"smoke\", \"soak\"]\n");
    let tenant = Tenant::start(TenantSetup::fixed(ONE)).unwrap();
    assert!(tenant.runs(ONE, std::time::Duration::from_secs(20)));
    for (name, text) in
        [("smoke.toml", SUITE), ("soak.toml", &gates(window)), ("counts", "{\"good\": 96, \"total\": 100}")]
    {
        std::fs::write(fixture.path(name), text).unwrap();
    }
    (fixture, tenant)
}

fn soak(fixture: &Fixture, tenant: &Tenant, more: &[&str]) -> Done {
    let program = fixture.run("canary-soak").args(["--sha", &ONE[..9]]).args(more);
    program
        .env("CANARY_TENANT_URLS", &tenant.url())
        .env("CANARY_ADMIN_TOKENS", tenant.token())
        .with_result()
        .run()
}

#[test]
fn a_green_soak_is_attached_and_promotes_while_its_smoke_was_fresh_at_the_opening() {
    let (fixture, tenant) = soaked("600ms");
    attach(&fixture, ONE, &verdict(&fixture, ONE, "green", &hours_ago(23)));
    promote(&fixture, ONE, &[]).code(1).tells(&["green soak evidence", "found none"]);
    let done =
        soak(&fixture, &tenant, &[]).code(0).tells(&["the verdict is attached to the record of 1111111"]);
    let mut long = done.json();
    let schema = include_str!("../../../docs/schemas/verdict.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    assert!(schema.is_valid(&long), "{long}");
    assert_eq!(long["images"][1]["digest"].as_str(), digests(ONE)[1].as_deref());
    promote(&fixture, ONE, &["--suite", "smoke.toml", "--dry-run"]).code(1).tells(&["only of another suite"]);
    promote(&fixture, ONE, &["--dry-run"]).code(0);
    long["opened"] = hours_ago(-30).into();
    long["finished"] = now().into();
    attach(&fixture, ONE, &long);
    promote(&fixture, ONE, &[]).code(1).tells(&["2d 5h old; the limit is 1d 0h when the soak opened"]);
    // A soak of three days: the smoke before it is two days old by now.
    attach(&fixture, ONE, &verdict(&fixture, ONE, "green", &hours_ago(48)));
    long["opened"] = hours_ago(73).into();
    long["finished"] = now().into();
    attach(&fixture, ONE, &long);
    promote(&fixture, ONE, &[]).code(0);
}

#[test]
fn a_red_soak_stops_the_promotion() {
    let (fixture, tenant) = soaked("1m");
    attach(&fixture, ONE, &verdict(&fixture, ONE, "green", &now()));
    std::fs::write(fixture.path("counts"), "{\"good\": 10, \"total\": 60}").unwrap();
    soak(&fixture, &tenant, &[]).code(1);
    promote(&fixture, ONE, &[]).code(1).tells(&["green soak evidence", "found red at"]);
}

#[test]
fn another_machine_goes_on_with_the_state_in_the_registry() {
    let (fixture, tenant) = soaked("1m");
    let tick = |more: &[&str]| soak(&fixture, &tenant, &[&["--once"], more].concat()).code(5).json();
    let first = tick(&[]);
    pause(300);
    std::fs::remove_file(fixture.path(&format!("soak-{}.state.json", &ONE[..9]))).unwrap();
    let second = tick(&[]);
    assert_eq!(first["opened"], second["opened"]);
    assert_eq!(second["metrics"][0]["samples"], 100);
    // Another file is another soak, and nothing is kept where that is not wanted.
    std::fs::write(fixture.path("soak.toml"), gates("2m")).unwrap();
    assert_ne!(first["opened"], tick(&["--state", "other.json"])["opened"]);
    tick(&["--state", "third.json", "--no-record"]);
    let tags = fixture.registry.tags(IMAGES[0]);
    assert_eq!(tags.iter().filter(|tag| tag.starts_with("soak-")).count(), 2, "{tags:?}");
}

#[test]
fn two_machines_at_once_lose_no_tick() {
    let (fixture, tenant) = soaked("1m");
    soak(&fixture, &tenant, &["--once"]).code(5);
    std::thread::scope(|scope| {
        for machine in ["a.json", "b.json", "c.json"] {
            let (fixture, tenant) = (&fixture, &tenant);
            scope.spawn(move || soak(fixture, tenant, &["--once", "--state", machine]).code(5));
        }
    });
    let done = soak(&fixture, &tenant, &["--once", "--state", "d.json"]).code(5);
    assert_eq!(done.json()["verdict"], "pending");
}

#[test]
fn the_time_counts_only_on_the_ring_and_another_release_there_ends_it() {
    let (fixture, tenant) = soaked("1m");
    let on_ring = ["--once", "--ring", "canary"];
    let counted = |done: &Done| done.json()["counted_seconds"].as_f64().unwrap();
    let stand = |sha: &str| {
        for (repository, digest) in IMAGES.iter().zip(digests(sha)) {
            fixture.registry.move_tag(repository, "canary", &digest.unwrap()).unwrap();
        }
    };
    let done = soak(&fixture, &tenant, &on_ring).code(5);
    assert!(done.json()["astray"].as_str().unwrap().contains("canary names nothing"));
    stand(ONE);
    soak(&fixture, &tenant, &on_ring).code(5);
    pause(300);
    assert!(counted(&soak(&fixture, &tenant, &on_ring).code(5)) > 0.0);
    fixture.publish(TWO).code(0);
    stand(TWO);
    let done = soak(&fixture, &tenant, &on_ring).code(3);
    assert_eq!(done.json()["reason"]["word"], Value::from("superseded"));
    fixture.configure("[release]\nrecords = false\n");
    soak(&fixture, &tenant, &on_ring).code(2).tells(&["there is no release record"]);
}
