//! A promotion counts evidence about this very release, and no other.

use coalmine::ledger::{evidence, releases};
use coalmine::model::record::VERDICT_TYPE;
use coalmine_sandbox::{Fault, Setup, Tenant, TenantSetup, When};
use serde_json::Value;

use crate::support::records::{
    attach, attach_text, file, history, hours_ago, now, promote, promote_proven, published, registries,
    through, verdict,
};
use crate::support::{Fixture, IMAGES, ONE, TWO, digests};

#[test]
fn without_evidence_nothing_is_promoted_with_it_it_is_and_that_is_remembered() {
    for (fixture, _real) in registries() {
        fixture.publish(ONE).code(0);
        promote(&fixture, ONE, &[]).code(1).tells(&["green smoke evidence", "found none", "canary-smoke"]);
        assert_eq!(fixture.seen("PUT", "latest"), 0);
        let done = promote_proven(&fixture, ONE, &[]).code(0);
        assert!(done.json()["release"].as_str().unwrap().contains("/acme/platform@sha256:"));
        assert_eq!(history(&fixture), ["promotion"]);
        // The evidence was recorded with the promotion: it counts without its file now.
        fixture.publish(TWO).code(0);
        promote_proven(&fixture, TWO, &[]).code(0);
        fixture.run("rollback-latest").args([ONE, "--no-hold"]).run().code(0);
        promote(&fixture, TWO, &["--dry-run"]).code(0);
    }
}

#[test]
fn evidence_about_anything_else_is_refused_each_with_its_own_words() {
    let fixture = published(Setup::default(), &[ONE]);
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 8] = [
        (|v| v["images"][1]["digest"] = digests(TWO)[1].clone().into(), "acme/platform-tenant@sha256:"),
        (|v| drop(v["images"].as_array_mut().unwrap().pop()), "does not name every image"),
        (|v| v["sha"] = TWO.into(), "a verdict on 2222222"),
        (|v| v["verdict"] = "red".into(), "found red at"),
        (|v| v["verdict"] = "inconclusive".into(), "found inconclusive at"),
        (|v| v["finished"] = hours_ago(25).into(), "1d 1h old; the limit is 1d 0h"),
        (|v| v["tool"] = "canary-soak".into(), "found none"),
        (|v| v["images"][0]["digest"] = "sha256:12".into(), "a verdict that cannot be read"),
    ];
    for (change, words) in cases {
        let mut document = verdict(&fixture, ONE, "green", &now());
        change(&mut document);
        promote(&fixture, ONE, &["--evidence", &file(&fixture, "evidence.json", &document)])
            .code(1)
            .tells(&[words]);
    }
    let whole = verdict(&fixture, ONE, "green", &now()).to_string();
    std::fs::write(fixture.path("cut.json"), &whole[..whole.len() / 2]).unwrap();
    promote(&fixture, ONE, &["--evidence", "cut.json"])
        .code(1)
        .tells(&["cut.json: a verdict that cannot be read"]);
    promote(&fixture, ONE, &["--evidence", "missing.json"]).code(2).tells(&["missing.json"]);
    assert_eq!(fixture.latest(), [None, None]);
}

#[test]
fn only_evidence_of_the_suite_that_is_named_counts() {
    let fixture = published(Setup::default(), &[ONE]);
    std::fs::write(fixture.path("other.toml"), "another suite").unwrap();
    std::fs::write(fixture.path("smoke.toml"), "suite").unwrap();
    promote_proven(&fixture, ONE, &["--suite", "other.toml"]).code(1).tells(&["only of another suite"]);
    promote_proven(&fixture, ONE, &["--suite", "smoke.toml"]).code(0);
}

#[test]
fn red_evidence_that_came_later_outranks_an_older_green() {
    for (fixture, _real) in registries() {
        fixture.publish(ONE).code(0);
        attach(&fixture, ONE, &verdict(&fixture, ONE, "green", &hours_ago(2)));
        promote(&fixture, ONE, &["--dry-run"]).code(0);
        attach(&fixture, ONE, &verdict(&fixture, ONE, "red", &hours_ago(1)));
        promote(&fixture, ONE, &[]).code(1).tells(&["found red at"]);
        attach(&fixture, ONE, &verdict(&fixture, ONE, "green", &now()));
        promote(&fixture, ONE, &[]).code(0);
    }
}

#[test]
fn a_truncated_verdict_in_the_registry_may_have_been_a_red_one() {
    let fixture = published(Setup::default(), &[ONE]);
    attach_text(&fixture, ONE, "{\"format\":1,\"verd");
    promote_proven(&fixture, ONE, &[]).code(1).tells(&["a verdict that cannot be read"]);
}

#[test]
fn evidence_without_records_is_a_contradiction() {
    let fixture = Fixture::promoted();
    promote(&fixture, TWO, &["--require", "smoke"]).code(2).tells(&["records = false"]);
    assert_eq!(fixture.registry.log().len(), 0);
}

#[test]
fn the_canary_s_own_verdict_is_attached_and_promotes_what_it_proved() {
    for (fixture, _real) in registries() {
        fixture.publish(ONE).code(0);
        let host = fixture.registry.host();
        let tenant = |tag: &str| Tenant::start(TenantSetup::follow_tag(&host, IMAGES[0], tag)).unwrap();
        let canary = tenant(&format!("staging-{ONE}"));
        assert!(canary.runs(ONE, std::time::Duration::from_secs(10)));
        let smoke = |more: &[&str]| {
            let program = fixture.run("canary-smoke").args(["--suite", "smoke.toml"]).args(more);
            program
                .env("CANARY_TENANT_URLS", &canary.url())
                .env("CANARY_ADMIN_TOKENS", canary.token())
                .with_result()
                .run()
        };
        let suite = include_str!("../../golden/smoke-quick.toml");
        std::fs::write(fixture.path("smoke.toml"), suite).unwrap();
        smoke(&["--sha", &ONE[..9], "--no-record"]).code(0);
        promote(&fixture, ONE, &[]).code(1).tells(&["found none"]);
        let done =
            smoke(&["--sha", &ONE[..9]]).code(0).tells(&["the verdict is attached to the record of 1111111"]);
        assert_eq!(done.json()["images"][1]["digest"].as_str(), digests(ONE)[1].as_deref());
        promote(&fixture, ONE, &["--suite", "smoke.toml"]).code(0);
        // The same suite on a build that the tenant does not run: inconclusive, attached, and not enough.
        fixture.publish(TWO).code(0);
        smoke(&["--sha", TWO]).code(3);
        promote(&fixture, TWO, &[]).code(1).tells(&["found inconclusive at"]);
    }
}

#[test]
fn a_verdict_that_cannot_be_recorded_stays_what_it_is() {
    let fixture = published(Setup::default(), &[ONE]);
    let canary = Tenant::start(TenantSetup::fixed(ONE)).unwrap();
    std::fs::write(fixture.path("smoke.toml"), include_str!("../../golden/smoke-quick.toml")).unwrap();
    fixture.registry.rule(When::any().method("PUT").then(Fault::error(403, "DENIED", "read only")));
    let program = fixture.run("canary-smoke").args(["--sha", ONE]).env("CANARY_TENANT_URLS", &canary.url());
    program.env("CANARY_ADMIN_TOKENS", canary.token()).run().code(0).tells(&[
        "warning: the verdict is not recorded",
        "403",
        "--no-record",
    ]);
}

#[test]
fn twenty_writers_of_verdicts_at_once_lose_none() {
    for (fixture, _real) in registries() {
        fixture.publish(ONE).code(0);
        let minutes = |i: i64| (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(i)).to_string();
        let documents: Vec<Value> = (0..20).map(|i| verdict(&fixture, ONE, "green", &minutes(i))).collect();
        std::thread::scope(|scope| {
            documents.iter().for_each(|document| drop(scope.spawn(|| attach(&fixture, ONE, document))));
        });
        let seen = through(&fixture, async |client, home| {
            let kept = releases::read(&client, &home, &ONE.parse().unwrap()).await.unwrap().unwrap();
            let listed =
                client.referrers(&home, &kept.name.digest).await.unwrap().of_type(VERDICT_TYPE).len();
            (evidence::of(&client, &kept).await.unwrap().len(), listed)
        });
        assert_eq!(seen, (20, 20));
    }
}
