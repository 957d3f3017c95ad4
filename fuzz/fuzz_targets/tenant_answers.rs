//! Answers of a tenant: whatever it says, no secret of the run, control character, workflow command, markup or broken
//! XML reaches a report; a long answer is cut; and a check that the answer fails makes no run green.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use coalmine::base::redact::Redactor;
use coalmine::base::secret::Secret;
use coalmine::base::text;
use coalmine::model::check::{
    Answer, BodyEnd, Build, CheckResult, Outcome, Places, Sample, StepResult, TenantResult,
};
use coalmine::model::verdict::Verdict;
use coalmine::policy::smoke::assess::{Assessment, Exhibit};
use coalmine::policy::smoke::judge;
use coalmine::policy::smoke::suite::template::Variables;
use coalmine::policy::smoke::suite::{Check, Step, Suite, read};
use coalmine::policy::toml::TomlFile;
use coalmine::report::Render;
use coalmine::report::github::{Annotation, Level, Summary, output};
use coalmine::report::page::{Mood, Page, cell};
use coalmine::tool::canary_smoke::{Outcome as Report, RunOutcome, SuiteFile};
use coalmine_fuzz::{command, every_report, harmless, markdown, no_command, one_line, xml};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "s3cr3t-token-value";
/// One that begins with other bits, and has other characters at the same places.
const OTHER: &str = "M9vh4k-gbpra-inyhr";
const SUITE: &str = include_str!("../suite.toml");

static STEPS: LazyLock<Suite> = LazyLock::new(|| {
    let file = TomlFile { name: "suite.toml", text: SUITE };
    read(&file, &|name| Err(name.to_owned())).unwrap_or_else(|mistake| panic!("{mistake:?}"))
});

/// Reads `STATUS END`, then headers, an empty line and a body.
fn answer(text: &[u8]) -> Answer {
    let at = text.windows(2).position(|window| window == b"\n\n").unwrap_or(text.len());
    let body = text.get(at + 2..).unwrap_or_default().to_vec();
    let head = String::from_utf8_lossy(&text[..at]).into_owned();
    let mut lines = head.lines();
    let (status, end) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or_default();
    let end = match end {
        "cut" => BodyEnd::Cut,
        "long" => BodyEnd::TooLong,
        _ => BodyEnd::Whole,
    };
    let header = |line: &str| line.split_once(": ").map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned()));
    Answer { status: status.parse().unwrap_or(200), headers: lines.filter_map(header).collect(), body, end }
}

fn judged(step: &Step, answer: &Answer, variables: &mut Variables, secrets: &Redactor) -> StepResult {
    let exhibit = Exhibit::new(answer, variables, secrets);
    let (outcome, mismatches, trouble) = match exhibit.assess(step, Duration::from_millis(7), None) {
        Assessment::Holds(captured) => {
            variables.extend(captured);
            (Outcome::Passed, Vec::new(), None)
        }
        Assessment::Fails(mismatches) => (Outcome::Failed, mismatches.as_slice().to_vec(), None),
        Assessment::Unknown(why) => (Outcome::Inconclusive, Vec::new(), Some(why)),
    };
    for told in mismatches.iter().flat_map(|m| [&m.expected, &m.found]) {
        assert!(!secrets.finds(told), "a secret: {told:?}");
        assert!(told.len() <= 2_000, "{} bytes", told.len());
        one_line(told);
    }
    let id = answer.headers.iter().find(|(name, _)| name == "x-request-id");
    StepResult {
        name: step.name.clone(),
        request: step.request.to_string(),
        outcome,
        status: Some(answer.status),
        elapsed_ms: 7,
        attempts: 1,
        mismatches,
        trouble,
        request_id: id.map(|(name, value)| format!("{name}: {}", secrets.excerpt(value, 80))),
        ..StepResult::blank(step.line)
    }
}

fn checked(check: &Check, answers: &[Answer], secrets: &Redactor) -> CheckResult {
    let mut variables: Variables = [("sha".to_owned(), "4c1d56e".into())].into();
    let steps: Vec<StepResult> = check
        .steps
        .iter()
        .zip(answers)
        .map(|(step, answer)| judged(step, answer, &mut variables, secrets))
        .collect();
    let samples = vec![Sample { outcome: judge::sample(&steps), steps, cleanup: Vec::new() }];
    CheckResult {
        name: check.name.clone(),
        why: check.why.clone(),
        line: check.line,
        part: check.part,
        outcome: judge::check(&samples, check.repeat),
        flaky: check.flaky,
        elapsed_ms: 7,
        repeat: check.repeat,
        samples,
        skipped: None,
    }
}

fn run(answers: &[Answer], build: Build, secrets: &Redactor) -> RunOutcome {
    let checks: Vec<CheckResult> =
        STEPS.checks.iter().map(|check| checked(check, answers, secrets)).collect();
    let tenant = |name: &str| TenantResult {
        name: name.parse().expect("a name"),
        url: "https://canary.example".parse().expect("a URL"),
        build: build.clone(),
        places: Places::default(),
        setup: Vec::new(),
        checks: checks.clone(),
    };
    let at = "2026-11-21T00:00:00Z".parse().expect("a time");
    RunOutcome {
        sha: "4c1d56e".parse().expect("a sha"),
        release: None,
        ring: None,
        suite: SuiteFile {
            file: "smoke.toml".to_owned(),
            sha256: String::new(),
            files: Vec::new(),
            body_files: Vec::new(),
        },
        ready: Some((0, 1)),
        full: true,
        part_of: None,
        checks: STEPS.checks.len(),
        tenants: vec![tenant("one"), tenant("two")],
        twins: vec![("one".parse().expect("a name"), "two".parse().expect("a name"))],
        started: at,
        finished: at,
        signal: None,
        run: None,
    }
}

/// Each of the modules that make foreign text harmless, by itself.
fn modules(foreign: &str) {
    one_line(&text::escape(foreign, 4_000));
    foreign.lines().for_each(|line| no_command(&text::defuse(line)));
    let mut page = Page::new(false);
    page.line(Mood::Bad, foreign);
    page.table(&[vec![cell(foreign), (Mood::Good, foreign.to_owned())], vec![cell("a")]]);
    let page = page.into_text();
    harmless(&page);
    no_command(&page);
    assert_eq!(page.lines().count(), 3);
    let mut summary = Summary::default();
    summary.heading(foreign);
    summary.paragraph(foreign);
    summary.table(&["a", "b"], &[vec![foreign.to_owned(), "c".to_owned()]]);
    summary.block(foreign);
    markdown(&summary.into_text());
    let (title, message) = (foreign.to_owned(), foreign.to_owned());
    for place in [None, Some((foreign.to_owned(), 7))] {
        let (title, message) = (title.clone(), message.clone());
        command(&Annotation { level: Level::Error, title, message, place }.command());
    }
    one_output(&output("name", foreign, "coalmine_d"));
}

/// Asserts that `$GITHUB_OUTPUT` gets one value and no more, as `actions/runner` reads it.
fn one_output(text: &str) {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    if let Some(delimiter) = first.strip_prefix("name<<") {
        assert!(lines.any(|line| line == delimiter), "a block without an end: {text:?}");
    } else {
        assert!(first.starts_with("name=") && first.ends_with('\n'), "{text:?}");
    }
    assert_eq!(lines.next(), None, "more than one value: {text:?}");
}

#[path = "../../src/base/redact/encodings.rs"]
mod encodings;

/// The secret in up to three encodings that the input chooses, with parts of the input around each: what is shown does
/// not depend on the secret.
fn composed(data: &[u8]) {
    let [one, two, three, rest @ ..] = data else { return };
    let around = String::from_utf8_lossy(rest);
    let around: Vec<char> = around.chars().filter(|c| !"\\%&=".contains(*c) && !c.is_ascii_alphanumeric()).collect();
    let (before, after) = around.split_at(around.len() / 2);
    let [before, after] = [before, after].map(|part| part.iter().take(40).collect::<String>());
    let text = |secret: &str| {
        [one, two, three].iter().fold(secret.to_owned(), |text, choice| {
            let encode = encodings::ENCODINGS[usize::from(**choice) % encodings::ENCODINGS.len()].1;
            format!("{before}{}{after}", encode(&text))
        })
    };
    let told = SECRETS.with(|secrets| {
        let text = text(SECRET);
        assert!(secrets.finds(&text), "not found: {text:?}");
        let cleaned = secrets.clean(&text);
        assert!(!secrets.finds(&cleaned), "{text:?} shows {cleaned:?}");
        cleaned
    });
    let (shown, _) = told.split_once("***").expect("a mask");
    assert!(text(OTHER).starts_with(shown), "{told:?}");
}

thread_local! {
    static SECRETS: Redactor = {
        let secrets = Redactor::default();
        secrets.learn(&Secret::new(SECRET));
        secrets
    };
}

fn told(data: &[u8], secrets: &Redactor) {
    let mut parts = data.splitn(2, |&b| b == 0x1e);
    let answers = [answer(parts.next().unwrap_or_default()), answer(parts.next().unwrap_or_default())];
    let foreign = String::from_utf8_lossy(data);
    modules(&foreign);
    one_line(&text::excerpt(data));
    let found = secrets.excerpt(&foreign, 200);
    assert!(!secrets.finds(&found));
    let build = match data.len() % 3 {
        0 => Build::Never(found),
        1 => Build::Changed(found),
        _ => Build::Served,
    };
    let astray = build.astray().is_some();
    let run = run(&answers, build, secrets);
    let well = run.tenants.iter().flat_map(|t| &t.checks).all(|c| c.outcome == Outcome::Passed);
    let report = Report::Run(Box::new(run));
    assert_eq!(report.verdict() == Verdict::Green, well && !astray);
    every_report("canary-smoke", &report);
    xml(&report.junit().expect("a report"));
}

fuzz_target!(|data: &[u8]| {
    composed(data);
    SECRETS.with(|secrets| told(data, secrets));
});
