//! `canary-soak preflight`: the table of what must be true before, and the evidence of it.

use coalmine_sandbox::Setup;

use super::gates;
use crate::metrics::canned::Canned;
use crate::support::records::{attach, now, promote, published, verdict};
use crate::support::{Done, Fixture, ONE};

const ROWS: &str = r#"
[source.canary]
type = "http-json"
url_env = "CANARY"
[source.stable]
type = "http-json"
url_env = "STABLE"
[[preflight]]
name = "sign-off"
owner = "ann"
issue = "acme/app#1376"
closed = "acme/app#1376"
[[preflight]]
name = "reviewed"
labelled = { issue = "acme/app#7", label = "reviewed" }
[[preflight]]
name = "head"
tip_of = "main"
[[preflight]]
name = "pins"
why = "the canary must differ in the build alone"
same = { canary = "canary", stable = "stable", request = "GET /config", ignore = ["build"] }
[[preflight]]
name = "tests"
junit = "report.xml"
[[preflight]]
name = "script"
run = ["sh", "-c", "test -e ok"]
[[preflight]]
name = "quality now"
metric = "quality"
"#;

fn fixture() -> Fixture {
    let fixture = published(Setup::default(), &[ONE]);
    fixture.configure("[release]\nrequire = [\"preflight\", \"smoke\"]\n");
    let report = "<testsuite><testcase name='a'/><testcase name='b'/></testsuite>";
    for (name, text) in [
        ("soak.toml", format!("{}{ROWS}", gates("1m"))),
        ("counts", "{\"good\": 96, \"total\": 100}".to_owned()),
        ("report.xml", report.to_owned()),
        ("ok", String::new()),
    ] {
        std::fs::write(fixture.path(name), text).unwrap();
    }
    fixture
}

fn github(state: &str, label: &str, tip: &str) -> Canned {
    Canned::ok(&format!(
        "{{\"state\": \"{state}\", \"labels\": [{{\"name\": \"{label}\"}}], \"sha\": \"{tip}\", \"html_url\": \"x\"}}"
    ))
}

fn preflight(fixture: &Fixture, github: &Canned, stable: &Canned) -> Done {
    let canary = Canned::ok("{\"build\": \"1\", \"model\": {\"name\": \"m\"}}");
    let program = fixture.run("canary-soak").args(["preflight", "--sha", &ONE[..9]]);
    program
        .env("GITHUB_TOKEN", "t0ken-of-github")
        .env("GITHUB_REPOSITORY", "acme/app")
        .env("GITHUB_API_URL", &github.url())
        .env("CANARY", &canary.url())
        .env("STABLE", &stable.url())
        .with_result()
        .run()
}

#[test]
fn what_is_met_is_evidence_that_a_promotion_may_ask_for() {
    let fixture = fixture();
    attach(&fixture, ONE, &verdict(&fixture, ONE, "green", &now()));
    promote(&fixture, ONE, &[]).code(1).tells(&["green preflight evidence", "found none"]);
    let same = Canned::ok("{\"build\": \"2\", \"model\": {\"name\": \"m\"}}");
    let github = github("closed", "reviewed", ONE);
    let done = preflight(&fixture, &github, &same).code(0).tells(&["the verdict is attached"]);
    assert!(done.stdout.contains("GREEN") && done.stdout.contains("acme/app#1376"), "{}", done.stdout);
    let asked = github.asked().join("\n");
    for path in ["/repos/acme/app/issues/1376 ", "/repos/acme/app/issues/7 ", "/repos/acme/app/commits/main "]
    {
        assert!(asked.contains(path), "{asked}");
    }
    promote(&fixture, ONE, &[]).code(0);
}

#[test]
fn every_gate_that_is_not_met_is_named_with_its_owner_and_what_was_found() {
    let fixture = fixture();
    for name in ["ok", "counts"] {
        std::fs::remove_file(fixture.path(name)).unwrap();
    }
    let report = "<testsuite><testcase name='a'><failure/></testcase></testsuite>";
    std::fs::write(fixture.path("report.xml"), report).unwrap();
    let other = Canned::ok("{\"build\": \"2\", \"model\": {\"name\": \"n\"}}");
    let done = preflight(&fixture, &github("open", "draft", "77777777"), &other).code(1);
    for words in [
        "RED: 1111111aaaa0000000000000000000000000aaaa: 7 of 7 gates are not met",
        "sign-off: acme/app#1376 is open",
        "reviewed: acme/app#7 does not bear `reviewed`",
        "head: the tip of main is 77777777",
        "pins: canary and stable differ in model.name (the canary must differ in the build alone)",
        "tests: 1 of 1 cases failed",
        "script: ",
        "quality now: could not be found out",
    ] {
        assert!(done.stdout.contains(words), "{words}\n{}", done.stdout);
    }
    assert_eq!(done.json()["rows"][0]["owner"], "ann");
    promote(&fixture, ONE, &[]).code(1).tells(&["found red at"]);
    // A registry of issues that does not answer is no gate that is met.
    let dead = Canned::start("500 Internal Server Error", "", "{}");
    let done = preflight(&fixture, &dead, &other).code(1);
    assert!(done.stdout.contains("sign-off: could not be found out: status 500"), "{}", done.stdout);
}
