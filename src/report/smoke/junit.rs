//! The run as JUnit: `testsuite` = tenant, `testcase` = check. The dialect that Jenkins' junit plugin, GitLab and the
//! GitHub reporters read: <https://github.com/testmoapp/junitxml> (read 2026-11), `flakyFailure` as Maven Surefire
//! writes it. Elements and attributes are only those of `junit-10.xsd` (jenkinsci/xunit-plugin, read 2026-11), which
//! refuses others. What makes the exit code 1 is counted as a failure.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::base::text::escape;
use crate::model::check::{CheckResult, Outcome, StepResult, TenantResult};
use crate::policy::smoke::judge::tally;
use crate::policy::smoke::suite::FlakyRule;
use crate::tool::canary_smoke::RunOutcome;

/// The longest text of one element.
const TEXT_BYTES: usize = 8_000;

pub(super) fn report(run: &RunOutcome) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing into memory cannot fail, and what is written is text.
    let written = write(run, &mut writer);
    debug_assert!(written.is_ok(), "{written:?}");
    let mut text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    text.push('\n');
    text
}

fn write(run: &RunOutcome, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = run.tenants.iter().flat_map(|tenant| &tenant.checks);
    let element = writer.create_element("testsuites").with_attribute(("name", "canary-smoke"));
    let counts = counts(all, run.tenants.iter().filter(|t| is_astray(t)).count(), run.flaky);
    let element = element.with_attributes(counts.iter().map(|(name, n)| (*name, n.as_str())));
    let time =
        seconds(u64::try_from(run.finished.duration_since(run.started).as_millis()).unwrap_or_default());
    element.with_attribute(("time", time.as_str())).write_inner_content(|writer| {
        for tenant in &run.tenants {
            suite(run, tenant, writer)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn is_astray(tenant: &TenantResult) -> bool {
    tenant.build.astray().is_some()
}

/// `tests`, `failures`, `errors`.
fn counts<'c>(
    checks: impl Iterator<Item = &'c CheckResult>,
    astray: usize,
    flaky: FlakyRule,
) -> [(&'static str, String); 3] {
    let tally = tally(checks);
    let total = tally.passed + tally.flaky + tally.failed + tally.inconclusive + astray;
    let failures = match flaky {
        FlakyRule::Fail => tally.failed + tally.flaky,
        FlakyRule::Warn => tally.failed,
    };
    [
        ("tests", total.to_string()),
        ("failures", failures.to_string()),
        ("errors", (tally.inconclusive + astray).to_string()),
    ]
}

fn suite(run: &RunOutcome, tenant: &TenantResult, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
    let time = seconds(tenant.checks.iter().map(|check| check.elapsed_ms).max().unwrap_or_default());
    let stamp = run.started.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let element = writer.create_element("testsuite").with_attributes([
        ("name", tenant.name.as_str()),
        ("timestamp", stamp.as_str()),
        ("time", time.as_str()),
    ]);
    let counts = counts(tenant.checks.iter(), usize::from(is_astray(tenant)), run.flaky);
    let element = element.with_attributes(counts.iter().map(|(name, n)| (*name, n.as_str())));
    element.write_inner_content(|writer| {
        if let Some(found) = tenant.build.astray() {
            let case = writer.create_element("testcase");
            let case = case.with_attributes([
                ("name", "[ready]"),
                ("classname", tenant.name.as_str()),
                ("time", "0.000"),
            ]);
            let found = clean(found);
            let message = match tenant.build.is_other() {
                true => format!("does not serve {}: {found}", run.sha),
                false => format!("not known whether it serves {}: {found}", run.sha),
            };
            case.write_inner_content(|writer| verdict(writer, "error", "build", &message, ""))?;
        }
        tenant.checks.iter().try_for_each(|check| case(run, tenant, check, writer))
    })?;
    Ok(())
}

fn case(
    run: &RunOutcome,
    tenant: &TenantResult,
    check: &CheckResult,
    writer: &mut Writer<Vec<u8>>,
) -> io::Result<()> {
    let (name, time) = (clean(&check.name), seconds(check.elapsed_ms));
    let case = writer.create_element("testcase").with_attributes([
        ("name", name.as_str()),
        ("classname", tenant.name.as_str()),
        ("time", time.as_str()),
    ]);
    let element = match (check.outcome, run.flaky) {
        (Outcome::Passed, _) => {
            case.write_empty()?;
            return Ok(());
        }
        (Outcome::Failed, _) | (Outcome::Flaky, FlakyRule::Fail) => "failure",
        (Outcome::Inconclusive, _) => "error",
        (Outcome::Flaky, FlakyRule::Warn) => "flakyFailure",
    };
    let steps: Vec<&StepResult> = check.samples.iter().flat_map(|sample| &sample.steps).collect();
    let telling = steps.iter().find(|step| step.outcome == check.outcome);
    let message = match (telling, &check.skipped) {
        (Some(step), _) => said(step),
        (None, Some(why)) => why.clone(),
        (None, None) => "not told".to_owned(),
    };
    let place = clean(&format!("{}:{}", run.suite.file, telling.map_or(check.line, |step| step.line)));
    let text = format!("{place}\n{}", telling.map(|step| details(step)).unwrap_or_default());
    case.write_inner_content(|writer| verdict(writer, element, check.outcome.as_str(), &message, &text))?;
    Ok(())
}

fn verdict(
    writer: &mut Writer<Vec<u8>>,
    element: &str,
    kind: &str,
    message: &str,
    text: &str,
) -> io::Result<()> {
    let message = clean(message);
    let element =
        writer.create_element(element).with_attributes([("message", message.as_str()), ("type", kind)]);
    element.write_text_content(BytesText::new(text))?;
    Ok(())
}

/// What a step came to, on one line.
fn said(step: &StepResult) -> String {
    let mismatch =
        step.mismatches.first().map(|m| format!("{}: expected {}, found {}", m.subject, m.expected, m.found));
    mismatch.or_else(|| step.first_failure.clone()).or_else(|| step.trouble.clone()).unwrap_or_default()
}

fn details(step: &StepResult) -> String {
    let mut lines = vec![step.request.clone()];
    lines.extend(
        step.mismatches.iter().map(|m| format!("{}: expected {}, found {}", m.subject, m.expected, m.found)),
    );
    lines.extend(step.trouble.iter().cloned());
    let first = step.first_failure.iter().filter(|_| step.outcome == Outcome::Flaky);
    lines.extend(first.map(|failure| format!("at first: {failure}")));
    lines.extend(step.curl.iter().cloned());
    lines.iter().map(|line| clean(line)).collect::<Vec<_>>().join("\n")
}

/// XML has no form at all for most control characters, so they are shown as in every other report.
fn clean(text: &str) -> String {
    escape(text, TEXT_BYTES)
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}
