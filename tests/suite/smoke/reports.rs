//! The same facts in every report.

use coalmine_sandbox::{TenantFault, TenantSetup};

use super::fixture::{CONVERSATION, EXAMPLE, Fixture, SHA, TOKEN, example, start, tenant};

#[test]
fn a_failure_that_all_tenants_share_is_told_once() {
    let fleet = [0, 1, 2].map(|_| tenant(Some(TenantFault::ObjectForArray)));
    let fixture = Fixture::new(&example("5s"), &[&fleet[0], &fleet[1], &fleet[2]]);
    let ran = fixture.smoke();
    ran.ends(1).says("FAILED workspaces is a JSON array (3 of 3 tenants) smoke.toml:33");
    assert_eq!(ran.stdout.matches("FAILED").count(), 3, "{}", ran.stdout);
    ran.says("curl -sS -H \"Authorization: Bearer $CANARY_TOKEN\" http://127.0.0.1");
    ran.says("GET /workspaces -> 200 in");
}

#[test]
fn a_failure_of_one_tenant_names_it() {
    let fleet = [None, Some(TenantFault::ObjectForArray), None]
        .map(|fault| start(TenantSetup { fault, token: TOKEN.into(), ..TenantSetup::fixed(SHA) }));
    let fixture = Fixture::new(&example("5s"), &[]);
    let fixture = ["A", "B", "C"]
        .iter()
        .fold(fixture, |fixture, name| fixture.var(&format!("CANARY_TOKEN_{name}"), TOKEN));
    let named: Vec<String> =
        ["a", "b", "c"].iter().zip(&fleet).map(|(n, t)| format!("{n}={}", t.url())).collect();
    let ran =
        fixture.run(&["--sha", SHA, "--tenant", &named[0], "--tenant", &named[1], "--tenant", &named[2]]);
    ran.ends(1).says("FAILED events admin read (only b)").says("a  served  ok").says("b  served  ok  FAIL");
}

#[test]
fn the_json_on_stdout_is_the_result_file() {
    let tenant = tenant(Some(TenantFault::ObjectForArray));
    let fixture = Fixture::new(&example("5s"), &[&tenant]);
    let ran = fixture.run(&["--sha", SHA, "--format", "json", "--result", "verdict.json"]);
    ran.ends(1);
    assert_eq!(ran.stdout, fixture.read("verdict.json"));
    let verdict = fixture.json("verdict.json");
    assert_eq!(verdict["exit_code"], 1);
    let check = &verdict["tenants"][0]["checks"][1];
    assert_eq!((&check["name"], &check["outcome"]), (&"workspaces is a JSON array".into(), &"failed".into()));
    let mismatch = &check["samples"][0]["steps"][0]["mismatches"][0];
    assert_eq!((&mismatch["subject"], &mismatch["expected"]), (&"$".into(), &"type array".into()));
    assert_eq!(mismatch["found"], "{\"items\":[]}");
}

#[test]
fn junit_has_a_suite_for_each_tenant_and_an_error_for_what_nobody_knows() {
    let (bad, gone) =
        (tenant(Some(TenantFault::ObjectForArray)), tenant(Some(TenantFault::RefuseConnection)));
    let fixture = Fixture::new(&example("2s"), &[&bad, &gone]);
    fixture.smoke().ends(1);
    let junit = fixture.read("junit.xml");
    assert_eq!(junit.matches("<testsuite ").count(), 2, "{junit}");
    assert!(junit.contains("tests=\"11\" failures=\"3\" errors=\"6\" time"), "{junit}");
    assert!(
        junit.contains(
            "<failure message=\"$: expected type array, found {&quot;items&quot;:[]}\" type=\"failed\">"
        ),
        "{junit}"
    );
    assert!(junit.contains("name=\"[ready]\"") && junit.contains("does not serve 12e4567"), "{junit}");
    assert!(junit.contains(">smoke.toml:33\n"), "{junit}");
}

/// Elements and their attributes as `junit-10.xsd` has them (jenkinsci/xunit-plugin, read 2026-11); of `testsuite`,
/// what is written here.
const STRICT: [(&str, &[&str]); 6] = [
    ("testsuites", &["name", "time", "tests", "failures", "errors"]),
    ("testsuite", &["name", "tests", "failures", "errors", "time", "timestamp"]),
    ("testcase", &["name", "time", "classname"]),
    ("failure", &["type", "message"]),
    ("error", &["type", "message"]),
    ("flakyFailure", &["type", "message"]),
];

#[test]
fn junit_has_only_elements_and_attributes_that_strict_readers_take() {
    let fleet = [
        tenant(Some(TenantFault::ObjectForArray)),
        tenant(Some(TenantFault::RefuseConnection)),
        tenant(Some(TenantFault::FlakyOnce("/events".into()))),
    ];
    let suite = example("2s").replace("timeout = \"1s\"", "timeout = \"1s\"\nflaky = \"warn\"").replace(
        "request = \"GET /events\"",
        "request = \"GET /events\"\nretry = { within = \"5s\", every = \"10ms\" }",
    );
    let fixture = Fixture::new(&suite, &[&fleet[0], &fleet[1], &fleet[2]]);
    fixture.smoke().ends(1);
    let junit = fixture.read("junit.xml");
    let mut seen = std::collections::BTreeSet::new();
    for tag in junit.split('<').skip(1).filter(|tag| !tag.starts_with(['/', '?'])) {
        let tag = tag.split('>').next().unwrap().trim_end_matches('/');
        let (element, rest) = tag.split_once(' ').unwrap_or((tag, ""));
        let (_, allowed) =
            STRICT.iter().find(|(name, _)| *name == element).unwrap_or_else(|| panic!("{element}"));
        seen.insert(element.to_owned());
        // Quotes within values are written as `&quot;`.
        let names = rest.split('"').step_by(2).filter_map(|part| part.trim().strip_suffix('='));
        for name in names {
            assert!(allowed.contains(&name), "{element} has {name}: {junit}");
        }
    }
    assert_eq!(seen.len(), STRICT.len(), "{seen:?}");
}

#[test]
fn junit_counts_as_a_failure_what_makes_the_exit_code_1() {
    let suite = "format = 1\n[[check]]\nname = \"events\"\nrequest = \"GET /events\"\nexpect.status = 200\nretry = { within = \"5s\", every = \"10ms\" }\n";
    let flaky = || tenant(Some(TenantFault::FlakyOnce("/events".into())));
    let (first, second) = (flaky(), flaky());
    let fixture = Fixture::new(suite, &[&first]);
    fixture.smoke().ends(1);
    let junit = fixture.read("junit.xml");
    assert!(junit.contains("failures=\"1\"") && junit.contains("<failure"), "{junit}");
    let warned = suite.replace("format = 1\n", "format = 1\n[defaults]\nflaky = \"warn\"\n");
    let fixture = Fixture::new(&warned, &[&second]);
    fixture.smoke().ends(0);
    let junit = fixture.read("junit.xml");
    assert!(junit.contains("failures=\"0\"") && junit.contains("<flakyFailure"), "{junit}");
}

#[test]
fn a_runner_gets_outputs_a_summary_and_annotations_at_the_suites_lines() {
    let tenant = tenant(Some(TenantFault::ObjectForArray));
    let fixture = Fixture::new(&example("5s"), &[&tenant]).on_github();
    let ran = fixture.smoke();
    ran.ends(1)
        .says("::error title=workspaces is a JSON array failed%3A 127.0.0.1%3A")
        .says("file=smoke.toml,line=33::");
    let output = fixture.read("output");
    assert!(
        output.starts_with("verdict=error\n") && output.ends_with("exit-code=1\nverdict=red\n"),
        "{output}"
    );
    assert!(output.contains("sha=12e4567\n"), "{output}");
    let summary = fixture.read("summary");
    assert!(summary.starts_with("### ✘ RED") && summary.contains("| tenant | build | 1 | 2 |"), "{summary}");
    assert_eq!(fixture.json("verdict.json")["run"]["id"], "77");
}

#[test]
fn a_fleet_of_failures_stays_within_what_a_runner_shows() {
    let tenant = tenant(None);
    let mut suite = "format = 1\n".to_owned();
    for number in 0..30 {
        suite.push_str(&format!(
            "[[check]]\nname = \"c{number}\"\nrequest = \"GET /events\"\nexpect.status = 404\n"
        ));
    }
    let ran = Fixture::new(&suite, &[&tenant]).on_github().smoke();
    ran.ends(1).says("::error title=and 21 more");
    assert_eq!(ran.stdout.matches("::error").count(), 10);
}

#[test]
fn the_schema_in_the_docs_is_the_one_that_the_reader_goes_by() {
    let ran = Fixture::new("", &[]).run(&["schema"]);
    ran.ends(0);
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/smoke.schema.json");
    let current = std::fs::read_to_string(kept).unwrap_or_default() == ran.stdout;
    assert!(current, "not current; run: canary-smoke schema > docs/schemas/smoke.schema.json");
}

#[test]
fn editors_take_both_examples_and_refuse_what_the_reader_refuses() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../docs/schemas/smoke.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let valid = |text: &str| {
        let value: toml::Value = toml::from_str(text).expect("TOML");
        validator.is_valid(&serde_json::to_value(value).expect("JSON"))
    };
    assert!(valid(EXAMPLE) && valid(CONVERSATION));
    for (right, wrong) in [
        ("auth     = \"bearer\"", "auth = \"baerer\""),
        ("expect.status = 401", "expect.stauts = 401"),
        ("expect.status = 401", "expect.status = \"401\""),
        ("request = \"GET /events\"", "request = \"get /events\""),
        ("type = \"array\"", "type = \"list\""),
        ("min_len = 1", "min_len = \"1\""),
        ("streak = 3", "streak = 0"),
        ("format = 1", "format = 2"),
    ] {
        assert!(EXAMPLE.contains(right), "{right}");
        assert!(!valid(&EXAMPLE.replace(right, wrong)), "{wrong}");
    }
}

#[test]
fn lint_names_what_passes_although_something_is_wrong() {
    let check = |name: &str, rest: &str| format!("[[check]]\nname = \"{name}\"\n{rest}\n");
    let suite = [
        "format = 1\n".to_owned(),
        check("both", "request = \"GET /a\"\nexpect.status = [200, 500]\nexpect.json.\"$\" = []"),
        check("gone", "request = \"GET /a\"\nexpect.status = [\"2xx\", 404]\nexpect.json.\"$\" = []"),
        check("lone", "request = \"GET /a\"\nexpect.status = 200\nexpect.body = { not_contains = \"oops\" }"),
        check(
            "write",
            "request = \"POST /a\"\nexpect.status = 201\nexpect.json.\"$.id\" = { type = \"string\" }",
        ),
        check(
            "reads",
            "request = \"POST /a\"\nidempotent = true\nexpect.status = 200\nexpect.json.\"$\" = []",
        ),
        check("refused", "request = \"POST /a\"\nauth = \"none\"\nexpect.status = 401"),
    ];
    let ran = Fixture::new(&suite.concat(), &[]).run(&["lint"]);
    ran.ends(0)
        .says("smoke.toml:3: `both` takes 200 and 500: an answer that failed passes")
        .says("smoke.toml:8: `gone` takes 2xx and 404")
        .says("smoke.toml:13: `lone` says only what the answer is not: an empty page passes")
        .says("smoke.toml:18: `write` has no `[[check.cleanup]]` for `POST /a`");
    assert_eq!(ran.stdout.matches("weak:").count(), 5, "{}", ran.stdout);
}

#[test]
fn lint_tells_the_longest_run_and_where_a_suite_is_weak() {
    let suite = "format = 1\n[defaults]\ndeadline = \"30s\"\n[[check]]\nname = \"bare\"\nrequest = \"GET /events\"\ntimeout = \"20s\"\nretry = { within = \"1m\", every = \"1s\" }\nexpect.status = 200\n";
    let fixture = Fixture::new(suite, &[]);
    let ran = fixture.run(&["lint", "smoke.toml"]);
    ran.ends(0).says("longest run  30s").says("checks 1m 20s").says("deadline 30s");
    ran.says("smoke.toml: there is no `[ready]`")
        .says("no check asks without a token")
        .says("ends inconclusive");
    ran.says("smoke.toml:5: `bare` looks only at the status");
    assert_eq!(ran.stderr, "");
}
