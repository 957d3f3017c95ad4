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
    // It asks nothing without a token: just this goes unnoticed.
    ran.ends(1);
    assert_eq!(ran.stdout.matches("NOBODY").count(), 1, "{}", ran.stdout);
    assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
}

#[test]
fn a_tenant_that_is_not_well_cannot_be_recorded() {
    let tenant = tenant(Some(TenantFault::ObjectForArray));
    let ran = Fixture::new(&example("5s"), &[&tenant]).run(&["prove", "--sha", SHA]);
    ran.ends(3).says("not healthy enough").says("not passed: workspaces is a JSON array");
}

/// Looks at the top of an answer, and not into it.
const SHALLOW: &str = "format = 1\n[[check]]\nname = \"liveness\"\nrequest = \"GET /admin/liveness\"\n\
    expect.status = 200\nexpect.json.\"$.subsystems\" = { type = \"object\" }\n";

#[test]
fn a_suite_that_does_not_look_into_an_object_does_not_notice_what_is_wrong_in_it() {
    let tenant = tenant(None);
    let place = "GET /admin/liveness at $.subsystems";
    let survivors = |suite: &str| -> Vec<String> {
        let fixture = Fixture::new(suite, &[&tenant]);
        fixture.run(&["prove", "--sha", SHA, "--result", "verdict.json", "--min-score", "0"]).ends(0);
        let faults = fixture.json("verdict.json")["faults"].as_array().unwrap().clone();
        let here = faults.iter().filter(|row| row["request"] == place);
        assert!(here.clone().count() >= 3, "{faults:?}");
        let unnoticed = here.filter(|row| row["noticed_by"].as_array().unwrap().is_empty());
        unnoticed.map(|row| row["fault"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(survivors(SHALLOW), ["a missing key", "a wrong type", "a null"]);
    let deep = format!("{SHALLOW}expect.json.\"$.subsystems.database\" = \"ok\"\n");
    assert!(survivors(&deep).is_empty());
}

/// `checks` checks, each of a request of its own.
fn wide(checks: usize) -> String {
    let mut suite = "format = 1\n".to_owned();
    for number in 0..checks {
        suite.push_str(&format!(
            "[[check]]\nname = \"c{number}\"\nrequest = \"GET /admin/liveness?n={number}\"\nexpect.status = 200\nexpect.json.\"$.subsystems.database\" = \"ok\"\n"
        ));
    }
    suite
}

#[test]
fn faults_that_were_not_played_are_not_counted_as_noticed() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&wide(800), &[&tenant]);
    let arguments =
        ["prove", "--sha", SHA, "--deadline", "2s", "--min-score", "0", "--result", "verdict.json"];
    fixture.run(&arguments).ends(3).says("were not played: the deadline of 2s passed").says("not played");
    let result = fixture.json("verdict.json");
    let rows = result["faults"].as_array().unwrap();
    let played = rows.iter().filter(|row| row["played"] == true).count() as u64;
    assert_eq!(result["played"].as_u64(), Some(played));
    assert!(played < result["all"].as_u64().unwrap() && result["noticed"].as_u64().unwrap() <= played);
    assert!(rows.iter().all(|row| row["played"] == true || row["noticed_by"] == serde_json::json!([])));
}

#[test]
fn the_requests_of_a_proof_grow_with_the_suite_and_not_with_its_square() {
    let tenant = tenant(None);
    let asked = |checks: usize| {
        let fixture = Fixture::new(&wide(checks), &[&tenant]);
        let ran = fixture.run(&["prove", "--sha", SHA, "--min-score", "0", "-vv"]);
        ran.ends(0).stderr.matches("GET /admin/liveness?n=").count().max(ran.stderr.matches(" -> ").count())
    };
    // Five times the checks: 25 times the requests if each fault were played to all of them.
    let (few, many) = (asked(4), asked(20));
    assert!(few > 20 && many <= few * 6, "{few}, {many}");
}
