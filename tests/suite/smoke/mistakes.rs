//! Every kind of mistake in a suite: its message, letter by letter, and that nothing was sent.

use std::path::Path;

use super::fixture::{Fixture, SHA, tenant};

const HEAD: &str = "format = 1\n";
const CHECK: &str = "[[check]]\nname = \"c\"\nrequest = \"GET /a\"\nexpect.status = 200\n";

/// Each mistake: what it is, and the file.
fn mistakes() -> Vec<(&'static str, String)> {
    let check = |rest: &str| format!("{HEAD}{CHECK}{rest}\n");
    let ready = |request: &str, expect: &str| {
        format!("{HEAD}{CHECK}[ready]\nrequest = \"{request}\"\nexpect.status = 200\n{expect}\n")
    };
    let bare = |rest: &str| format!("{HEAD}[[check]]\nname = \"c\"\n{rest}\n");
    vec![
        ("no TOML", "format = 1\n[[check]\n".to_owned()),
        ("a key twice", check("expect.status = 201")),
        ("no format", CHECK.to_owned()),
        ("another format", format!("format = 2\n{CHECK}")),
        ("no check", HEAD.to_owned()),
        ("an empty list of checks", format!("{HEAD}check = []\n")),
        ("an unknown table", format!("{HEAD}{CHECK}[raedy]\nrequest = \"GET /\"\n")),
        ("an unknown key", check("expect.jsn.\"$\" = 1")),
        ("an unknown predicate", check("expect.json.\"$.a\" = { start_with = \"x\" }")),
        ("no name", format!("{HEAD}[[check]]\nrequest = \"GET /a\"\nexpect.status = 200\n")),
        (
            "an empty name",
            format!("{HEAD}[[check]]\nname = \" \"\nrequest = \"GET /a\"\nexpect.status = 200\n"),
        ),
        ("a name twice", format!("{HEAD}{CHECK}{CHECK}")),
        ("no request", bare("expect.status = 200")),
        ("no expectation", bare("request = \"GET /a\"")),
        ("no status", bare("request = \"GET /a\"\nexpect.body = \"x\"")),
        ("no status in a step", bare("[[check.step]]\nrequest = \"GET /a\"\nexpect.body = \"x\"")),
        ("no status in a cleanup", check("[[check.cleanup]]\nrequest = \"DELETE /a\"\nexpect.body = \"x\"")),
        ("a status as text", bare("request = \"GET /a\"\nexpect.status = \"200\"")),
        ("a status that is none", bare("request = \"GET /a\"\nexpect.status = [200, 999]")),
        ("both a request and steps", check("[[check.step]]\nrequest = \"GET /a\"\nexpect.status = 200")),
        ("a method that is none", bare("request = \"get /a\"\nexpect.status = 200")),
        ("a request with a host", bare("request = \"GET https://h/a\"\nexpect.status = 200")),
        ("a request without a method", bare("request = \"/a\"\nexpect.status = 200")),
        ("a body for a GET", check("body.text = \"x\"")),
        ("two bodies", bare("request = \"POST /a\"\nexpect.status = 200\nbody.text = \"x\"\nbody.json = 1")),
        (
            "a body file that is not there",
            bare("request = \"POST /a\"\nexpect.status = 200\nbody.file = \"gone.json\""),
        ),
        ("a way to authorise that is none", check("auth = \"baerer\"")),
        ("a header that carries the token already", check("header.Authorization = \"x\"")),
        ("a header of the client", check("header.Host = \"x\"")),
        ("a JSONPath that does not parse", check("expect.json.\"$.subsystems[\" = { type = \"object\" }")),
        ("a JSONPath without a root", check("expect.json.\"subsystems\" = 1")),
        ("a JSONPath with a placeholder", check("expect.json.\"$[?@.id == '{{ sha }}']\" = 1")),
        ("a regular expression that does not compile", check("expect.body = { matches = '(' }")),
        ("a type that is none", check("expect.json.\"$\" = { type = \"list\" }")),
        ("a predicate of the wrong kind", check("expect.json.\"$\" = { min_len = \"1\" }")),
        ("an expectation of nothing", check("expect.json.\"$\" = {}")),
        ("an expectation of a date", check("expect.json.\"$\" = 2026-11-21")),
        ("absent and something else", check("expect.json.\"$.a\" = { exists = false, type = \"string\" }")),
        ("a limit that cannot be passed", check("expect.within = \"30s\"")),
        ("a span without a unit", check("timeout = \"10\"")),
        ("an undefined placeholder", bare("request = \"GET /a/{{ shaa }}\"\nexpect.status = 200")),
        ("a placeholder that is none", bare("request = \"GET /a/{{ sha }\"\nexpect.status = 200")),
        (
            "a placeholder of a later step",
            bare(
                "[[check.step]]\nrequest = \"GET /{{ id }}\"\nexpect.status = 200\n[[check.step]]\nrequest = \"GET /b\"\nexpect.status = 200\ncapture.id = \"$.id\"",
            ),
        ),
        ("a capture that is never used", check("capture.id = \"$.id\"")),
        ("a capture with a name that is taken", check("capture.sha = \"$.id\"")),
        (
            "a retry of a write",
            bare("request = \"POST /a\"\nexpect.status = 200\nretry = { within = \"5s\", every = \"1s\" }"),
        ),
        ("a retry that is none", check("retry = { within = \"1s\", every = \"5s\" }")),
        (
            "until of a write",
            bare("request = \"POST /a\"\nexpect.status = 200\nuntil = { within = \"5s\", every = \"1s\" }"),
        ),
        (
            "both until and retry",
            check("until = { within = \"5s\", every = \"1s\" }\nretry = { within = \"5s\", every = \"1s\" }"),
        ),
        ("a variable that is never used", format!("{HEAD}[vars]\nplace = \"eu\"\n{CHECK}")),
        ("a variable with a placeholder", format!("{HEAD}[vars]\nplace = \"{{{{ sha }}}}\"\n{CHECK}")),
        (
            "a variable that is not defined",
            bare("request = \"GET /{{ var.palce }}\"\nexpect.status = 200\n[vars]\nplace = \"eu\""),
        ),
        ("a secret in the file", format!("{HEAD}[secrets]\npassword = \"hunter2\"\n{CHECK}")),
        ("a secret of the runner", format!("{HEAD}[secrets]\ntoken = {{ env = \"GITHUB_TOKEN\" }}\n{CHECK}")),
        ("a capture from two places", check("capture.id = { json = \"$.id\", header = \"X-Id\" }")),
        ("a capture of nothing", check("capture.id = { redact = true }")),
        ("a capture by an expression that does not compile", check("capture.id = { regex = '(' }")),
        (
            "a capture of the setup that is never used",
            format!(
                "{HEAD}{CHECK}[[setup]]\nrequest = \"GET /s\"\nexpect.status = 200\ncapture.id = \"$.id\"\n"
            ),
        ),
        (
            "a capture that the setup has already",
            format!(
                "{HEAD}[[setup]]\nrequest = \"GET /s\"\nexpect.status = 200\ncapture.id = \"$.id\"\n{CHECK}capture.id = \"$.id\"\n"
            ),
        ),
        (
            "a readiness that needs the setup",
            format!(
                "{HEAD}{CHECK}[[setup]]\nrequest = \"GET /s\"\nexpect.status = 200\ncapture.id = \"$.id\"\n[ready]\nrequest = \"GET /{{{{ id }}}}\"\nexpect.status = 200\nexpect.body = \"{{{{ sha }}}}\"\n"
            ),
        ),
        ("a cookie header beside the cookies", check("cookies = true\nheader.Cookie = \"a=b\"")),
        ("a request that is half a URL", bare("request = \"GET x{{ sha }}\"\nexpect.status = 200")),
        ("a null", bare("request = \"POST /a\"\nexpect.status = 200\nbody.json = null")),
        ("a JSONPath without quotes", check("expect.json.$.a = 1")),
        (
            "one bracket",
            "format = 1\n[check]\nname = \"c\"\nrequest = \"GET /a\"\nexpect.status = 200\n".to_owned(),
        ),
        ("a body that is only text", bare("request = \"POST /a\"\nexpect.status = 200\nbody = \"x\"")),
        ("half a retry", check("retry = { within = \"1s\" }")),
        ("more passes than samples", check("repeat = { times = 2, pass = 3 }")),
        ("no passes at all", check("repeat = { times = 2, pass = 0 }")),
        (
            "a readiness for every build",
            format!("{HEAD}{CHECK}[ready]\nrequest = \"GET /v\"\nexpect.status = 200\n"),
        ),
        (
            "a readiness that asks with the sha",
            ready("GET /v?sha={{ sha }}", "expect.body = { contains = \"{{ sha }}\" }"),
        ),
        (
            "a readiness that another build meets too",
            ready("GET /v", "expect.json.\"$.v\" = { one_of = [\"{{ sha }}\", \"unknown\"] }"),
        ),
        (
            "a readiness of what is not",
            ready("GET /v", "expect.json.\"$.v\" = { not_equals = \"{{ sha }}\" }"),
        ),
        ("a status for every answer", format!("{HEAD}[defaults]\nexpect.status = 200\n{CHECK}")),
        (
            "a readiness that writes",
            format!(
                "{HEAD}{CHECK}[ready]\nrequest = \"POST /v\"\nexpect.status = 200\nexpect.body = \"{{{{ sha }}}}\"\n"
            ),
        ),
        (
            "a probe without a token to leave out",
            format!("{HEAD}[defaults]\nauth = \"none\"\n{CHECK}[isolation]\nprobe = \"GET /a\"\n"),
        ),
        ("half a client certificate", format!("{HEAD}{CHECK}[tls]\ncert_file = \"c.pem\"\n")),
        ("a flaky rule that is none", format!("{HEAD}[defaults]\nflaky = \"wran\"\n{CHECK}")),
    ]
}

#[test]
fn every_kind_of_mistake_is_shown_at_its_place_and_nothing_is_sent() {
    let tenant = tenant(None);
    let mut found = String::new();
    for (what, suite) in mistakes() {
        let fixture = Fixture::new(&suite, &[&tenant]);
        let ran = fixture.run(&["--sha", SHA]);
        ran.ends(2).complains("smoke.toml:");
        assert_eq!(fixture.run(&["lint"]).ends(2).stderr, ran.stderr, "{what}");
        found.push_str(&format!("## {what}\n{}\n", ran.stderr));
    }
    assert!(tenant.requests().is_empty());
    matches_golden("smoke-mistakes.txt", &found);
}

/// Compares with what was read and accepted.
#[track_caller]
fn matches_golden(name: &str, found: &str) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::fs::read_to_string(&kept).unwrap_or_default() == found {
        return;
    }
    let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&new, found).expect("the folder for temporary files is writable");
    panic!(
        "the messages changed; read the difference, then accept it: mv {} {}",
        new.display(),
        kept.display()
    );
}
