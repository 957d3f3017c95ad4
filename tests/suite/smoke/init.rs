//! `init`: a first suite that can be used at once.

use super::fixture::{Fixture, SHA, tenant};

#[test]
fn a_suite_from_nothing_passes_lint_and_one_that_is_there_is_kept() {
    let fixture = Fixture::new("", &[]);
    fixture.run(&["init", "--suite", "first.toml"]).ends(0).says("wrote first.toml");
    let text = fixture.read("first.toml");
    fixture.run(&["lint", "first.toml"]).ends(0).says("no mistake");
    fixture.run(&["init", "--suite", "first.toml"]).ends(2).complains("`first.toml` is there already");
    assert_eq!(fixture.read("first.toml"), text);
}

#[test]
fn a_suite_from_a_tenant_is_green_on_it_and_no_token_was_sent() {
    let tenant = tenant(None);
    let fixture = Fixture::new("", &[&tenant]);
    let ran = fixture.run(&["init", "--suite", "first.toml", "--from", &tenant.url()]);
    ran.ends(0)
        .says("/health names the build")
        .says("/version asks who is there (401)")
        .says("/health answers");
    assert!(tenant.requests().iter().all(|asked| asked.authorization.is_none() && asked.method == "GET"));
    fixture.run(&["lint", "first.toml"]).ends(0).says("no mistake");
    fixture.run(&["--suite", "first.toml", "--sha", SHA, "--result", "verdict.json"]).ends(0).says("GREEN");
    assert_eq!(fixture.json("verdict.json")["proves_build"], true);
}

#[test]
fn a_tenant_that_does_not_answer_is_no_suite() {
    let fixture = Fixture::new("", &[]);
    let none = ["init", "--suite", "first.toml", "--from", "http://127.0.0.1:1"];
    fixture.run(&none).ends(2).complains("does not answer");
    fixture.run(&["init", "--suite", "first.toml", "--from", "ftp://x"]).ends(2);
    assert!(!fixture.path("first.toml").exists());
}
