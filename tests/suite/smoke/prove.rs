//! `prove`: a suite that notices everything, one that notices little, one that cannot be tested.

use coalmine_sandbox::TenantFault;

use super::fixture::{CONVERSATION, Fixture, SHA, example, tenant};

/// Looks at nothing but status codes.
const BARE: &str = "format = 1\n\
    [[check]]\nname = \"alive\"\nrequest = \"GET /admin/liveness\"\nexpect.status = 200\n\
    [[check]]\nname = \"commits\"\nrequest = \"POST /memories/commit\"\nbody.json = { content = \"{{ nonce }}\" }\nexpect.status = 201\n";

#[test]
fn the_example_leaves_no_fault_unnoticed() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&example("5s"), &[&tenant]);
    let ran = fixture.run(&["prove", "--sha", SHA, "--result", "verdict.json"]);
    ran.ends(0).says("(100 %)").says("authentication left open").says("liveness without a token is refused");
    assert!(!ran.stdout.contains("NOBODY"), "{}", ran.stdout);
    let result = fixture.json("verdict.json");
    assert_eq!((&result["noticed"], result["all"].as_u64() > Some(30)), (&result["all"], true));
    assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
}

#[test]
fn a_suite_of_status_codes_lets_faults_survive_and_they_are_named() {
    let tenant = tenant(None);
    let fixture = Fixture::new(BARE, &[&tenant]);
    let ran = fixture.run(&["prove", "--sha", SHA, "--result", "verdict.json"]);
    ran.ends(1).says("100 % are asked for");
    let result = fixture.json("verdict.json");
    let survivors: Vec<(&str, &str)> = result["faults"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["noticed_by"].as_array().unwrap().is_empty())
        .map(|row| (row["fault"].as_str().unwrap(), row["request"].as_str().unwrap()))
        .collect();
    for survivor in [
        ("an HTML page with status 200", "GET /admin/liveness"),
        ("an empty body", "GET /admin/liveness"),
        ("a missing key", "POST /memories/commit"),
        ("a wrong type", "POST /memories/commit"),
        ("authentication left open", "every request"),
        ("another build", "every request"),
    ] {
        assert!(survivors.contains(&survivor), "{survivor:?} in {survivors:?}");
    }
    assert!(
        !survivors.iter().any(|(fault, _)| fault.starts_with("status 500") || *fault == "a cut connection")
    );
    assert_eq!(ran.stdout.matches("NOBODY").count(), survivors.len());
}

#[test]
fn a_share_may_be_asked_for() {
    let tenant = tenant(None);
    let fixture = Fixture::new(BARE, &[&tenant]);
    fixture.run(&["prove", "--sha", SHA, "--min-score", "10"]).ends(0);
    fixture.run(&["prove", "--sha", SHA, "--min-score", "101"]).ends(2);
}

#[test]
fn samples_are_recorded_once_and_replayed_in_full() {
    let tenant = tenant(None);
    let fixture = Fixture::new(CONVERSATION, &[&tenant]);
    let ran = fixture.run(&["prove", "--sha", SHA]);
    // It has no `[ready]` and asks nothing without a token: just these two go unnoticed.
    ran.ends(1);
    assert_eq!(ran.stdout.matches("NOBODY").count(), 2, "{}", ran.stdout);
    assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
}

#[test]
fn a_tenant_that_is_not_well_cannot_be_recorded() {
    let tenant = tenant(Some(TenantFault::ObjectForArray));
    let ran = Fixture::new(&example("5s"), &[&tenant]).run(&["prove", "--sha", SHA]);
    ran.ends(3).says("not healthy enough").says("not passed: workspaces is a JSON array");
}
