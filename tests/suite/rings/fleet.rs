//! Sixty tenants that follow the tag of their ring: do they take what they are given?

use std::collections::BTreeMap;
use std::time::Duration;

use super::fixture::{soaked, step, with_rings};
use crate::support::records::promote;
use crate::support::{Done, Fixture, ONE, TWO};
use coalmine_sandbox::{Tenant, TenantSetup};

const SUITE: &str = "format = 1\n[defaults]\nexpect.header.x-build-sha = { starts_with = '{{ sha }}' }\n\
    [ready]\nrequest = 'GET /admin/liveness'\nexpect.status = 200\nexpect.json.'$.version' = { starts_with = '{{ sha }}' }\n\
    every = '20ms'\nwithin = 'WITHIN'\nstreak = 1\n\
    [[check]]\nname = 'alive'\nrequest = 'GET /admin/liveness'\nexpect.status = 200\n";

/// The tenants by name, each following the tag of its ring.
fn tenants(fixture: &Fixture) -> BTreeMap<String, Tenant> {
    let csv = fixture.run("ring-of").args(["--export", "csv"]).run().code(0).stdout;
    let rows = csv.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let start = |row: Vec<&str>| {
        let setup = TenantSetup::follow_tag(&fixture.registry.host(), "acme/platform", row[2]);
        let setup = TenantSetup { token: "t0ken-for-all".into(), every: Duration::from_millis(200), ..setup };
        (row[0].to_owned(), Tenant::start(setup).expect("a free port"))
    };
    rows.map(start).collect()
}

fn smoke(fixture: &Fixture, ring: &str, tenants: &BTreeMap<String, Tenant>, within: &str) -> Done {
    std::fs::write(fixture.path("smoke.toml"), SUITE.replace("WITHIN", within)).unwrap();
    let mut program = fixture.run("canary-smoke").args(["--ring", ring, "--no-record"]);
    for (name, tenant) in tenants {
        let variable = name.to_uppercase().replace('-', "_");
        program = program
            .arg(format!("--tenant={name}={}", tenant.url()))
            .env(&format!("CANARY_TOKEN_{variable}"), "t0ken-for-all");
    }
    program.with_result().run()
}

#[test]
fn sixty_tenants_take_what_their_ring_is_given_and_a_laggard_is_named() {
    let fixture = with_rings(&[ONE, TWO], "");
    let mut tenants = tenants(&fixture);
    assert_eq!(tenants.len(), 61);
    for ring in ["canary", "ring-1"] {
        step(&fixture, &[ONE]).code(0);
        let done = smoke(&fixture, ring, &tenants, "20s").code(0);
        assert_eq!((&done.json()["ring"], &done.json()["sha"]), (&ring.into(), &ONE.into()));
        soaked(&fixture, ONE, ring, "green");
    }
    promote(&fixture, ONE, &[]).code(0);
    let done = smoke(&fixture, "latest", &tenants, "20s").code(0);
    assert_eq!(done.json()["tenants"].as_array().unwrap().len(), 55);
    // TWO comes to ring 1, goes red, and is taken out: everybody is on what has earned its place.
    step(&fixture, &[TWO]).code(0);
    soaked(&fixture, TWO, "canary", "green");
    step(&fixture, &[TWO]).code(0);
    smoke(&fixture, "ring-1", &tenants, "20s").code(0);
    soaked(&fixture, TWO, "ring-1", "red");
    fixture.run("rollback-latest").args(["--ring", "ring-1", "--all-rings"]).run().code(0);
    for ring in ["canary", "ring-1", "latest"] {
        let done = smoke(&fixture, ring, &tenants, "20s").code(0);
        assert_eq!(done.json()["sha"], ONE, "{ring}");
    }
    // One that no longer follows is not seen to serve the release: could not tell, and who.
    let stuck = TenantSetup { token: "t0ken-for-all".into(), ..TenantSetup::fixed(TWO) };
    let laggard = tenants.keys().find(|name| *name == "tenant-0").unwrap().clone();
    tenants.insert(laggard.clone(), Tenant::start(stuck).unwrap());
    let done = smoke(&fixture, "latest", &tenants, "1s").code(3);
    assert!(done.stdout.contains(&laggard), "{}", done.stdout);
    // A tenant of the ring that nobody asks is an error, and nothing was sent.
    tenants.remove(&laggard);
    smoke(&fixture, "latest", &tenants, "1s")
        .code(2)
        .tells(&["no URL is given for tenants of ring latest: tenant-0"]);
}
