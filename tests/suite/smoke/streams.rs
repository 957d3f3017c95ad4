//! Answers that come event by event.

use std::time::Duration;

use coalmine_sandbox::{TenantFault, TenantSetup};

use super::fixture::{Fixture, Ran, SHA, TOKEN, start, tenant};
use coalmine::io::clock;

/// A chat, streamed; `stream` and `expect` are lines of the suite.
fn chat(stream: &str, expect: &str) -> String {
    format!(
        "format = 1\n[[check]]\nname = \"chat\"\nrequest = \"POST /v1/chat/completions\"\nidempotent = true\n\
         body.json = {{ model = \"m\", stream = true, messages = [{{ role = \"user\", content = \"knee\" }}] }}\n\
         stream = {{ {stream} }}\nexpect.status = 200\n{expect}\n"
    )
}

const JOIN: &str =
    "join = \"$.choices[0].delta.content\", stop_when = \"[DONE]\", within = \"2s\", max_events = 200";
const BOLD: &str = "expect.first_event_within = \"1s\"\nexpect.body = { matches = '\\*\\*[^*]+\\*\\*', ends_with = \"knee\" }\n\
     expect.json.\"$[0].object\" = \"chat.completion.chunk\"\nexpect.json.\"$[*].choices[0].finish_reason\" = { contains = \"stop\" }";

fn against(fault: Option<TenantFault>, suite: &str) -> Ran {
    let tenant = start(TenantSetup { fault, token: TOKEN.into(), ..TenantSetup::fixed(SHA) });
    Fixture::new(suite, &[&tenant]).smoke()
}

#[test]
fn the_joined_deltas_and_the_events_are_what_is_asserted() {
    against(None, &chat(JOIN, BOLD)).ends(0).says("GREEN");
    let ran = against(Some(TenantFault::PlainProse), &chat(JOIN, BOLD));
    ran.ends(1).says("body").says("found \"Glad you reached out. Please tell me more.\"");
}

#[test]
fn a_stream_that_never_ends_is_left_in_time_and_red() {
    let began = clock::instant();
    against(Some(TenantFault::StreamEndless), &chat(JOIN, BOLD))
        .ends(1)
        .says("stream")
        .says("expected an event with \"[DONE]\" within 2s and 200 events, found 200 events without it");
    let unbounded = JOIN.replace(", max_events = 200", "").replace("2s", "500ms");
    let bold = BOLD.replace("1s", "500ms");
    against(Some(TenantFault::StreamEndless), &chat(&unbounded, &bold)).ends(1).says("and no end");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_stream_that_ends_early_is_red_and_one_that_breaks_off_is_inconclusive() {
    against(Some(TenantFault::StreamShort), &chat(JOIN, BOLD))
        .ends(1)
        .says("expected an event with \"[DONE]\"")
        .says("events without it");
    against(Some(TenantFault::StreamCut), &chat(JOIN, BOLD)).ends(3).says("broke off before its end");
}

#[test]
fn the_first_event_has_a_time_of_its_own() {
    let slow = Some(TenantFault::SlowFirstEvent(Duration::from_millis(1_300)));
    against(slow, &chat(JOIN, BOLD)).ends(1).says("expected a first event within 1s, found one after 1");
    let stalled = JOIN.replace("2s", "600ms");
    let bold = BOLD.replace("1s", "600ms");
    against(Some(TenantFault::StreamStalls), &chat(&stalled, &bold))
        .ends(1)
        .says("found no event, and no end")
        .says("expected a first event within 600ms, found none");
}

#[test]
fn something_else_than_a_stream_is_red() {
    let whole = chat(JOIN, BOLD).replace("stream = true", "stream = false").replace("\"chat\"", "\"whole\"");
    against(None, &whole).ends(1).says("text in the events");
    let ran = against(Some(TenantFault::HtmlLogin), &chat(JOIN, BOLD));
    ran.ends(1).says("header content-type").says("expected text/event-stream, or JSON in lines");
}

#[test]
fn lines_of_json_are_a_stream_and_a_feed_without_end_is_read_as_far_as_wanted() {
    let lines = "format = 1\n[[check]]\nname = \"generate\"\nrequest = \"POST /api/generate\"\nidempotent = true\n\
        body.json = { prompt = \"knee\" }\nstream = { join = \"$.response\", stop_when = { json = \"$.done\", equals = true } }\n\
        expect.status = 200\nexpect.body = { contains = \"**how soon**\" }\nexpect.json.\"$[-1].done\" = true\n\
        [[check]]\nname = \"feed\"\nrequest = \"GET /feed\"\nstream = { max_events = 3 }\nexpect.status = 200\n\
        expect.json.\"$[*].tick\" = [1, 2, 3]\n";
    against(None, lines).ends(0).says("2 passed");
}

#[test]
fn a_proof_spoils_the_events_of_a_stream_and_lint_wants_to_know_its_end() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&chat(JOIN, BOLD), &[&tenant]);
    let ran = fixture.run(&["prove", "--sha", SHA, "--min-score", "0", "--result", "verdict.json"]);
    ran.ends(0);
    let faults = fixture.json("verdict.json")["faults"].as_array().unwrap().clone();
    let noticed = |fault: &str, place: &str| {
        let place = format!("POST /v1/chat/completions{place}");
        let row = faults.iter().find(|row| row["fault"] == fault && row["request"] == place.as_str());
        let row = row.unwrap_or_else(|| panic!("no {fault} at {place} in {faults:?}"));
        !row["noticed_by"].as_array().unwrap().is_empty()
    };
    for (fault, place) in [
        ("a stream that ends early", ""),
        ("a cut connection", ""),
        ("an empty body", ""),
        ("an HTML page with status 200", ""),
        ("a missing key", " at $[*].choices[*].delta"),
        ("a wrong type", " at $[*].choices[*].delta"),
        ("a null", " at $[*].choices[*].delta"),
    ] {
        assert!(noticed(fault, place), "{fault} {place}");
    }
    fixture.run(&["lint"]).ends(0);
    let open = Fixture::new(&chat("join = \"$.x\"", "expect.body = \"x\""), &[]);
    open.run(&["lint"]).ends(0).says("`chat` has a `stream` without `stop_when`");
}
