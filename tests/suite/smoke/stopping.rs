//! A run that is cut short cleans up, says so, and is not green.

use std::process::Command;

use coalmine_sandbox::{Tenant, TenantFault};

use super::fixture::{Fixture, Ran, SHA, tenant};

/// Makes something, then waits for what never comes, then takes it away.
const ENDLESS: &str = "format = 1\n[[check]]\nname = \"endless\"\n\
    [[check.step]]\nrequest = \"POST /memories/commit\"\nbody.json = { content = \"{{ nonce }}\" }\nexpect.status = 201\ncapture.memory = \"$.id\"\n\
    [[check.step]]\nrequest = \"GET /workspaces\"\nretry = { within = \"10m\", every = \"10ms\" }\nexpect.status = 404\n\
    [[check.cleanup]]\nrequest = \"DELETE /memories/{{ memory }}\"\nexpect.status = 204\n";

fn waits_for(tenant: &Tenant, path: &str) {
    while !tenant.requests().iter().any(|asked| asked.path == path) {
        std::thread::park_timeout(std::time::Duration::from_millis(1));
    }
}

#[track_caller]
fn stopped_by(signal: &str, code: i32) {
    let tenant = tenant(None);
    let fixture = Fixture::new(ENDLESS, &[&tenant]).on_github();
    let child = fixture.spawn(&["--sha", SHA, "--result", "verdict.json", "--junit", "junit.xml"]);
    waits_for(&tenant, "/workspaces");
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let ran = Ran::from(child.wait_with_output().expect("the binary ends"));
    ran.ends(code).says("STOPPED");
    assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
    assert_eq!(fixture.json("verdict.json")["verdict"], "error");
    assert!(fixture.read("output").ends_with("verdict=error\n"), "{}", fixture.read("output"));
    assert!(fixture.read("junit.xml").contains("<error"), "{}", fixture.read("junit.xml"));
}

#[test]
fn sigterm_cleans_up_and_ends_with_143() {
    stopped_by("-TERM", 143);
}

#[test]
fn sigint_cleans_up_and_ends_with_130() {
    stopped_by("-INT", 130);
}

#[test]
fn sighup_cleans_up_and_ends_with_129() {
    stopped_by("-HUP", 129);
}

#[test]
fn under_nohup_a_closed_terminal_stops_nothing() {
    let tenant = tenant(None);
    let fixture = Fixture::new(ENDLESS, &[&tenant]);
    let mut command = Command::new("sh");
    let script = "trap '' HUP; \"$@\" --deadline 700ms & sleep 0.3; kill -HUP $!; wait $!";
    let ran = fixture.run_by(command.args(["-c", script, "sh"]), &["--sha", SHA]);
    ran.ends(3).says("the deadline of 700ms passed");
}

/// A `[ready]` whose first answer never comes.
const UNANSWERED: &str = "format = 1\n[ready]\nrequest = \"GET /admin/liveness\"\nexpect.status = 200\n\
    expect.json.\"$.version\" = \"{{ sha }}\"\n[[check]]\nname = \"c\"\nrequest = \"GET /events\"\nexpect.status = 200\n";

#[test]
fn a_run_that_ends_before_the_first_answer_accuses_no_tenant() {
    let tenant = tenant(Some(TenantFault::Hang));
    let fixture = Fixture::new(UNANSWERED, &[&tenant]);
    let ran = fixture.run(&[
        "--sha",
        SHA,
        "--deadline",
        "300ms",
        "--junit",
        "junit.xml",
        "--result",
        "verdict.json",
    ]);
    ran.ends(3).says("of 1 of 1 tenants it is not known").says("the deadline of 300ms passed");
    let all = format!("{}{}{}", ran.stdout, ran.stderr, fixture.read("junit.xml"));
    assert!(
        !all.contains("not serve") && !all.contains("does not serve") && !all.contains("never served"),
        "{all}"
    );
    assert_eq!(fixture.json("verdict.json")["tenants"][0]["build"]["state"], "unknown");
}

#[test]
fn a_signal_before_the_first_answer_accuses_no_tenant() {
    let tenant = tenant(Some(TenantFault::Hang));
    let fixture = Fixture::new(UNANSWERED, &[&tenant]);
    let child = fixture.spawn(&["--sha", SHA]);
    waits_for(&tenant, "/admin/liveness");
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
    let ran = Ran::from(child.wait_with_output().expect("the binary ends"));
    ran.ends(143).says("STOPPED").says("of 1 of 1 tenants it is not known");
    assert!(!ran.stdout.contains("not serve"), "{}", ran.stdout);
}

#[test]
fn the_deadline_is_over_everything_and_cleaning_up_has_time_of_its_own() {
    let tenant = tenant(None);
    let fixture = Fixture::new(ENDLESS, &[&tenant]);
    let ran = fixture.run(&["--sha", SHA, "--deadline", "400ms", "--result", "verdict.json"]);
    ran.ends(3).says("the deadline of 400ms passed");
    assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
}

#[test]
fn a_failed_cleanup_is_a_warning_and_changes_no_verdict() {
    let tenant = tenant(None);
    let suite =
        ENDLESS.replace("expect.status = 404", "expect.status = 200").replace("status = 204", "status = 418");
    let fixture = Fixture::new(&suite, &[&tenant]);
    fixture.smoke().ends(0).says("may have left something behind").complains("expected 418, found 204");
}
