//! What each program shows, whole: text, step summary, outputs and JSON document. A change of any of them is a change
//! of a file in `snapshots/`, to be looked at: `INSTA_UPDATE=always cargo test -p coalmine --test suite -- snapshots::`
//! writes them anew.

use coalmine_sandbox::{Fault, Setup, Tenant, TenantFault, TenantSetup, When};
use regex::{Captures, Regex};

use crate::support::records::{published, twice_promoted};
use crate::support::{Fixture, IMAGES, ONE, Program, THREE, TWO};

/// Runs a program as a step of a workflow and compares all that it shows with the file `name`.
#[track_caller]
fn shows(name: &str, fixture: &Fixture, program: Program) {
    let files = ["summary", "output"].map(|file| fixture.path(file));
    files.iter().for_each(|file| std::fs::write(file, "").unwrap());
    let done = program
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", files[0].to_str().unwrap())
        .env("GITHUB_OUTPUT", files[1].to_str().unwrap())
        .with_result()
        .run();
    let [summary, outputs] = files.map(|file| std::fs::read_to_string(file).unwrap());
    let document = done.result_text().unwrap_or_default();
    let seen = format!(
        "exit {}\n\n=== stdout\n{}\n=== step summary\n{summary}\n=== outputs\n{outputs}\n=== document\n{document}",
        done.code, done.stdout
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, stable(fixture, &seen)));
}

/// `text` without what differs from run to run: ports, folders, times, durations. Digests are numbered, so that it
/// still shows which of them are the same.
fn stable(fixture: &Fixture, text: &str) -> String {
    let text = text.replace(fixture.folder.path().to_str().unwrap(), "FOLDER");
    let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let mut digests: Vec<String> = Vec::new();
    let text = pattern(r"sha256:([0-9a-f]{12})[0-9a-f]*").replace_all(&text, |found: &Captures<'_>| {
        let known = digests.iter().position(|digest| *digest == found[1]);
        let number = known.unwrap_or_else(|| {
            digests.push(found[1].to_owned());
            digests.len() - 1
        });
        format!("sha256:DIGEST-{}", number + 1)
    });
    [
        (r"127\.0\.0\.1(:|%3A)\d+", "127.0.0.1${1}PORT"),
        (r"post-mortem-\d{8}-\d{6}-[0-9a-f]{4}", "post-mortem-TIME"),
        (r"\d{4}-\d\d-\d\d[T ][0-9:.]+(Z| UTC)", "TIME"),
        (r"\b\d+(\.\d+)?(ms|s|m|h|d)( \d+(ms|s|m|h))?\b", "DURATION"),
        (r"\b\d{13}-[0-9a-f]{16}\b", "ID"),
        (r"\b[0-9a-f]{64}\b", "SHA256"),
        (r#"("elapsed_ms": )\d+"#, "${1}DURATION"),
    ]
    .iter()
    .fold(text.into_owned(), |text, (from, to)| pattern(from).replace_all(&text, *to).into_owned())
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

#[test]
fn a_publication() {
    let fixture = published(Setup::default(), &[]);
    let images = fixture.repositories().into_iter().zip(fixture.layouts(ONE));
    let images = images.flat_map(|(repository, layout)| {
        ["--image".to_owned(), format!("{repository}=oci:{}", layout.display())]
    });
    shows("publish-staging", &fixture, fixture.run("publish-staging").arg(ONE).args(images));
}

#[test]
fn a_promotion_by_tags_alone() {
    let fixture = Fixture::promoted();
    shows("promote-latest", &fixture, fixture.run("promote-latest").arg(TWO));
}

#[test]
fn a_promotion_that_two_guards_refuse() {
    let fixture = twice_promoted();
    fixture.run("rollback-latest").args([ONE, "--reason", "it lost mail"]).env("USER", "ann").run().code(0);
    fixture.publish(THREE).code(0);
    shows("promote-latest-refused", &fixture, fixture.run("promote-latest").arg(THREE));
}

#[test]
fn a_promotion_that_was_put_back() {
    let fixture = Fixture::promoted();
    fixture.registry.rule(
        When::any().method("PUT").repository(IMAGES[1]).reference("latest").then(Fault::error(
            403,
            "DENIED",
            "read only",
        )),
    );
    shows("promote-latest-failed", &fixture, fixture.run("promote-latest").arg(TWO));
}

#[test]
fn a_rollback_and_its_post_mortem() {
    let fixture = twice_promoted();
    let program = fixture.run("rollback-latest").args([ONE, "--reason", "it lost mail"]).env("USER", "ann");
    shows("rollback-latest", &fixture, program);
}

#[test]
fn everything_that_release_status_tells() {
    let fixture = twice_promoted();
    let status = |words: &[&str]| fixture.run("release-status").args(words).env("USER", "ann");
    shows("release-status", &fixture, status(&[]));
    fixture.run("rollback-latest").args([ONE, "--reason", "it lost mail"]).env("USER", "ann").run().code(0);
    shows("release-status-held", &fixture, status(&["--check"]));
    shows("release-status-candidates", &fixture, status(&["candidates"]));
    shows("release-status-resume", &fixture, status(&["resume", "--reason", "repaired"]));
    shows("release-status-history", &fixture, status(&["history"]));
    let doctor = status(&["doctor"]).env("CANARY_TENANT_URLS", "https://a.example\nhttps://b.example");
    shows("release-status-doctor", &fixture, doctor.env("CANARY_ADMIN_TOKENS", "one-token-0123456789"));
}

#[test]
fn a_smoke_that_is_red() {
    let fixture = published(Setup::default(), &[ONE]);
    let setup = TenantSetup { fault: Some(TenantFault::ObjectForArray), ..TenantSetup::fixed(ONE) };
    let tenant = Tenant::start(setup).unwrap();
    tenant.runs(ONE, std::time::Duration::from_secs(10));
    std::fs::write(fixture.path("smoke.toml"), include_str!("../golden/smoke-quick.toml")).unwrap();
    let program = fixture.run("canary-smoke").args(["--sha", ONE, "--no-record"]);
    let program = program.env("CANARY_TENANT_URLS", &tenant.url()).env("CANARY_ADMIN_TOKENS", tenant.token());
    shows("canary-smoke-red", &fixture, program);
}
