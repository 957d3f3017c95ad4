//! What stands beside the verdict: notices, charts, snapshots, replays, failing rows, breaches that are overdue.

use serde_json::Value;

use super::{Fixture, SHA, gates, pause, tenant};
use crate::metrics::canned::Canned;

fn with(window: &str, soak: &str, tables: &str) -> String {
    gates(window).replace("[soak]\n", &format!("[soak]\n{soak}\n")) + tables
}

#[test]
fn a_notice_is_one_document_and_one_that_fails_is_a_warning() {
    let tenant = tenant(SHA);
    let hook = Canned::ok("ok");
    let text = with("500ms", "", "[notify]\nurl_env = \"HOOK\"\non = [\"green\", \"red\"]\n");
    let fixture = Fixture::new(&tenant, &text, "{\"good\": 96, \"total\": 100}");
    let secret = format!("{}/hooks/s3cr3t-part", hook.url());
    let output = fixture.command(&["--sha", SHA]).env("HOOK", &secret).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let asked = hook.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let body: Value = serde_json::from_str(asked[0].split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&body["event"], &body["sha"]), (&"green".into(), &SHA.into()));
    assert!(body["text"].as_str().unwrap().starts_with("soak of 12e4567 is green after"), "{body}");
    // It was told when it closed, and not again.
    fixture.command(&["--sha", SHA, "--once"]).env("HOOK", &secret).output().unwrap();
    assert_eq!(hook.asked().len(), 1);
    let dead = Canned::start("500 Oops", "", "");
    let fixture = Fixture::new(&tenant, &text, "{\"good\": 96, \"total\": 100}");
    let output =
        fixture.command(&["--sha", SHA]).env("HOOK", format!("{}/s3cr3t-part", dead.url())).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        told.contains("the notice of `green` is not sent: status 500") && !told.contains("s3cr3t-part"),
        "{told}"
    );
    let fixture = Fixture::new(&tenant, &text, "{\"good\": 96, \"total\": 100}");
    fixture.soak().ends(0, "HOOK is not set");
}

#[test]
fn a_recorded_soak_is_judged_again_with_the_same_bytes_and_with_another_file_by_its_rules() {
    let tenant = tenant(SHA);
    let fixture = Fixture::new(&tenant, &gates("600ms"), "{\"good\": 28, \"total\": 30}");
    let first = fixture.soak();
    first.ends(0, "GREEN");
    let state = format!("soak-{SHA}.state.json");
    let again = fixture.run(&["replay", &state]);
    again.ends(0, "GREEN");
    assert_eq!(first.document, again.document);
    let strict = gates("600ms").replace("min_samples", "assure = \"bound\"\nmin_samples");
    std::fs::write(fixture.path("strict.toml"), strict).unwrap();
    fixture
        .run(&["replay", &state, "--gates", "strict.toml"])
        .ends(3, "undecided")
        .ends(3, "by another file");
    std::fs::write(fixture.path("counts"), "{\"good\": 10, \"total\": 60}").unwrap();
    let past = ["--from", "2026-11-20T09:00:00Z", "--to", "2026-11-20T10:00:00Z", "--sha", SHA];
    fixture.run(&[&["replay"][..], &past].concat()).ends(1, "RED: 12e4567: quality");
    fixture.run(&["replay"]).ends(2, "it is not said what is judged again");
    fixture.run(&["replay", "nowhere.json"]).ends(2, "there is no state of a soak");
}

#[test]
fn a_chart_has_a_panel_for_each_metric_and_no_script() {
    let tenant = tenant(SHA);
    let fixture = Fixture::new(
        &tenant,
        &gates("900ms").replace("\"quality\"", "\"<quality> & more\""),
        "{\"good\": 96, \"total\": 100}",
    );
    fixture.run(&["--sha", SHA, "--chart", "chart.svg"]).ends(0, "GREEN");
    let chart = std::fs::read_to_string(fixture.path("chart.svg")).unwrap();
    assert!(
        chart.starts_with("<svg xmlns=") && chart.contains("<polyline") && chart.contains("stroke-dasharray")
    );
    assert!(
        chart.contains("&lt;quality&gt; &amp; more")
            && !chart.contains("<script")
            && chart.contains(">green<")
    );
}

#[test]
fn numbers_are_taken_before_the_opening_and_at_the_close() {
    let tenant = tenant(SHA);
    let text = with("1s", "", "[snapshot]\nmetrics = [\"quality\"]\nover = \"1h\"\n");
    let fixture = Fixture::new(&tenant, &text, "{\"good\": 50, \"total\": 100}");
    fixture.once().ends(5, "PENDING");
    std::fs::write(fixture.path("counts"), "{\"good\": 990, \"total\": 1000}").unwrap();
    let ran = fixture.soak();
    assert_eq!(ran.document["snapshot"]["quality"], serde_json::json!({ "before": 0.5, "after": 0.99 }));
    ran.ends(0, "50 %").ends(0, "99 %");
}

#[test]
fn an_undecided_soak_goes_on_for_another_window() {
    let tenant = tenant(SHA);
    let text = with("400ms", "assure = \"bound\"\nextend = 1", "");
    let fixture = Fixture::new(&tenant, &text, "{\"good\": 28, \"total\": 30}");
    let ran = fixture.soak();
    ran.ends(3, "extended 1 of 1 times");
    assert_eq!(ran.document["window_seconds"], 0.8);
}

#[test]
fn a_breach_without_a_rollback_is_told_at_every_tick() {
    let tenant = tenant(SHA);
    let fixture =
        Fixture::new(&tenant, &with("1m", "react_within = \"300ms\"", ""), "{\"good\": 10, \"total\": 60}");
    fixture.soak().ends(1, "RED");
    pause(400);
    let late = fixture.once();
    late.ends(1, "OVERDUE");
    assert!(late.document["overdue"].is_string());
    let other = super::tenant("7654321");
    let gone = Fixture { folder: fixture.folder, url: other.url() };
    assert!(gone.once().ends(1, "RED").document["overdue"].is_null());
}

#[test]
fn lint_tells_the_chances_and_with_traffic_the_days() {
    let tenant = tenant(SHA);
    let text = gates("1m")
        .replace(
            "kind = \"rate\"\nat_least = 0.9\nmin_samples = 30",
            "kind = \"compare\"\nmargin = { points = 10 }\nmin_samples = 10",
        )
        .replace("[soak]\n", "[soak]\nends = \"samples\"\n");
    let fixture = Fixture::new(
        &tenant,
        &text,
        "{\"canary\": {\"good\": 9, \"total\": 10}, \"stable\": {\"good\": 900, \"total\": 1000}}",
    );
    let ran = fixture.run(&["lint"]);
    ran.ends(0, "37.6 %").ends(0, "the whole soak: wrong promotion 37.6 %");
    assert!(ran.document["metrics"][0]["daily"].is_null());
    let ran = fixture.run(&["lint", "--traffic"]);
    ran.ends(0, "10 samples came in 24 hours: 10 take 1.0 days, longer than the window");
    assert_eq!(ran.document["metrics"][0]["daily"], 10);
}
