//! What a run made on a tenant is taken away, also when the answer that names it breaks off; if nobody knows its name,
//! that is said.

use std::process::Command;
use std::time::Duration;

use coalmine_sandbox::{Tenant, TenantFault};

use super::fixture::{Fixture, Ran, SHA, tenant};

/// Makes something and takes it away.
const MAKES: &str = "format = 1\n[defaults]\ntimeout = \"1s\"\n[[check]]\nname = \"commit\"\n\
    [[check.step]]\nrequest = \"POST /memories/commit\"\nbody.json = { content = \"{{ nonce }}\" }\nexpect.status = 201\ncapture.memory = \"$.id\"\n\
    [[check.step]]\nrequest = \"POST /memories/search\"\nbody.json = { query = \"{{ memory }}\" }\nidempotent = true\nexpect.status = 200\n\
    [[check.cleanup]]\nrequest = \"DELETE /memories/{{ memory }}\"\nexpect.status = 204\n";

/// What is said where nobody knows the name of what may be there.
const UNNAMED: &str =
    "not sent, as `memory` was not captured; the tenant may have done POST /memories/commit";

fn made(fault: TenantFault) -> (Tenant, Ran) {
    let tenant = tenant(Some(fault));
    let ran = Fixture::new(MAKES, &[&tenant]).smoke();
    (tenant, ran)
}

#[test]
fn what_an_answer_names_before_it_breaks_off_is_taken_away() {
    let (tenant, ran) = made(TenantFault::CutCreation);
    ran.ends(3).says("the answer broke off before its end");
    assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
}

#[test]
fn an_id_that_came_in_half_names_nothing_and_that_is_said() {
    let (tenant, ran) = made(TenantFault::CutInId);
    ran.ends(3).complains(UNNAMED).says("`commit` may have left something behind");
    assert!(!tenant.requests().iter().any(|asked| asked.method == "DELETE"), "half an id is somebody else's");
}

#[test]
fn a_write_without_an_answer_may_have_left_something_and_that_is_said() {
    let (_tenant, ran) = made(TenantFault::SilentCreation);
    ran.ends(3).complains(UNNAMED).complains("no answer within 1s");
}

#[test]
fn a_write_that_was_refused_or_never_sent_has_left_nothing() {
    for (suite, fault) in [
        (MAKES.replace("content = ", "text = "), None),
        (MAKES.to_owned(), Some(TenantFault::RefuseConnection)),
    ] {
        let tenant = tenant(fault);
        let ran = Fixture::new(&suite, &[&tenant]).smoke();
        assert!(!ran.stdout.contains("left something") && ran.code != Some(0), "{}", ran.stdout);
    }
}

#[track_caller]
fn signalled_in_a_write(fault: TenantFault, signal: &str, code: i32) -> (Tenant, Ran) {
    let tenant = tenant(Some(fault));
    let suite = MAKES.replace("timeout = \"1s\"", "timeout = \"1m\"");
    let fixture = Fixture::new(&suite, &[&tenant]);
    let child = fixture.spawn(&["--sha", SHA]);
    while !tenant.requests().iter().any(|asked| asked.path == "/memories/commit") {
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let ran = Ran::from(child.wait_with_output().expect("the binary ends"));
    ran.ends(code).says("STOPPED");
    (tenant, ran)
}

#[test]
fn a_signal_during_a_write_waits_a_moment_for_the_name_of_what_was_made() {
    let slow = TenantFault::SlowCreation(Duration::from_millis(500));
    let (tenant, ran) = signalled_in_a_write(slow, "-INT", 130);
    assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
    assert!(!ran.stdout.contains("left something"), "{}", ran.stdout);
}

#[test]
fn a_signal_during_a_write_without_an_answer_says_what_may_be_there() {
    let (_tenant, ran) = signalled_in_a_write(TenantFault::SilentCreation, "-HUP", 129);
    ran.complains(UNNAMED).complains("stopped by SIGHUP").says("may have left something behind");
}
