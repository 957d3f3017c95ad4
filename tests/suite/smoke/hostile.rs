//! Answers that mean harm: no crash, no injection, no unbounded memory, and never green.

use coalmine_sandbox::{TenantFault, TenantSetup};

use super::fixture::{Fixture, SHA, TOKEN, example, start, tenant};

#[track_caller]
fn ends(fault: TenantFault, code: i32, found: &str) -> String {
    let tenant = tenant(Some(fault));
    let fixture = Fixture::new(&example("1s"), &[&tenant]).on_github();
    let ran = fixture.smoke();
    ran.ends(code).says(found);
    let all = fixture.everything(&ran);
    assert!(!all.contains('\x1b'), "{all}");
    // The runner obeys `##[` anywhere in a line of a log; a document on stdout is one as well.
    let document = fixture.run(&["--sha", SHA, "--format", "json"]).ends(code).stdout.clone();
    serde_json::from_str::<serde_json::Value>(&document).expect("JSON");
    assert!(![&ran.stdout, &ran.stderr, &document].iter().any(|log| log.contains("##[")), "{all}");
    let begins = |words: &str| all.lines().any(|line| line.trim_start().starts_with(words));
    for command in ["::set-output", "::stop-commands", "::set-env", "::error file=x", "::add-mask::e"] {
        assert!(
            !begins(command) || command == "::add-mask::e" && !all.contains("\n::add-mask::e\n"),
            "{command}: {all}"
        );
    }
    all
}

#[test]
fn workflow_commands_in_a_body_reach_no_runner() {
    ends(TenantFault::WorkflowCommands, 1, "expected JSON");
}

#[test]
fn escape_sequences_and_direction_marks_are_shown_and_not_obeyed() {
    let all = ends(TenantFault::Ansi, 1, "control character");
    assert!(!all.contains('\u{202e}') && all.contains("u{202e}"), "{all}");
}

#[test]
fn bytes_that_are_no_text_are_no_json() {
    ends(TenantFault::InvalidUtf8, 1, "expected JSON");
}

#[test]
fn a_body_of_100_megabytes_is_cut_off_at_one() {
    ends(TenantFault::HugeBody, 1, "expected at most 1048576 bytes, found more");
}

#[test]
fn a_body_without_end_is_cut_off_at_one_megabyte() {
    ends(TenantFault::EndlessChunked, 1, "expected at most 1048576 bytes, found more");
}

#[test]
fn a_slow_drip_ends_with_the_attempt() {
    ends(TenantFault::SlowDrip, 3, "the answer broke off before its end");
}

#[test]
fn deep_nesting_is_refused() {
    ends(TenantFault::DeepJson, 1, "recursion limit");
}

#[test]
fn an_answer_with_a_key_twice_proves_nothing() {
    ends(TenantFault::DuplicateKeys, 3, "stands twice");
}

#[test]
fn a_cut_body_is_inconclusive() {
    ends(TenantFault::CutBody, 3, "the answer broke off before its end");
}

#[test]
fn a_wrong_status_is_red_however_the_body_ends() {
    let tenant = tenant(Some(TenantFault::CutBody));
    let suite = "format = 1\n[[check]]\nname = \"c\"\nrequest = \"GET /events\"\nexpect.status = 404\n";
    Fixture::new(suite, &[&tenant]).smoke().ends(1).says("expected 404, found 200");
}

#[test]
fn a_captured_value_cannot_lead_a_request_astray() {
    // The sandbox echoes what it was told in `content`; a tenant under attack could do so in an id.
    let suite = "format = 1\n[[check]]\nname = \"c\"\n\
        [[check.step]]\nrequest = \"POST /memories/commit\"\nbody.json = { content = \"../../admin/liveness?x=1#{{ nonce }}\" }\nexpect.status = 201\ncapture.id = \"$.id\"\n\
        [[check.step]]\nrequest = \"POST /memories/search\"\nbody.json = { query = \"admin\" }\nexpect.status = 200\ncapture.path = \"$[0].content\"\n\
        [[check.step]]\nrequest = \"GET /workspaces/{{ path }}\"\nexpect.status = 404\n\
        [[check.cleanup]]\nrequest = \"DELETE /memories/{{ id }}\"\nexpect.status = 204\n";
    let tenant = start(TenantSetup { token: TOKEN.into(), ..TenantSetup::fixed(SHA) });
    Fixture::new(suite, &[&tenant]).smoke().ends(0);
    let asked = tenant.requests();
    assert!(
        asked.iter().any(|a| a.path.starts_with("/workspaces/..%2F..%2Fadmin%2Fliveness%3Fx%3D1%23")),
        "{asked:?}"
    );
}
