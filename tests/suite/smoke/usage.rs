//! The command line and the environment: what is wrong is said before anything is sent.

use coalmine_sandbox::{Tenant, TenantSetup};
use serde_json::json;

use super::fixture::{Fixture, SHA, TOKEN, example, tenant};

#[test]
fn nothing_is_sent_unless_the_lists_fit() {
    let (one, two) = (tenant(None), tenant(None));
    let urls = [one.url(), two.url()];
    for (urls, tokens, words) in [
        (String::new(), String::new(), "there are no tenants"),
        (urls.join(" "), TOKEN.to_owned(), "2 URLs in CANARY_TENANT_URLS and 1 tokens"),
        (urls[0].clone(), format!("{TOKEN} {TOKEN}"), "1 URLs in CANARY_TENANT_URLS and 2 tokens"),
        (urls.join(","), format!("{TOKEN},,"), "empty token"),
        ([&*urls[0], &format!("{}/", urls[0])].join("\n"), format!("{TOKEN}\n{TOKEN}"), "twice"),
        (
            urls[0].replace("http://", "http://user:hunter2@"),
            TOKEN.to_owned(),
            "carries a user name or password",
        ),
        (urls[0].replace("http", "ftp"), TOKEN.to_owned(), "is not a tenant's URL"),
        (urls[0].clone(), "abc".to_owned(), "has 3 characters"),
    ] {
        let fixture = Fixture::new(&example("1s"), &[])
            .var("CANARY_TENANT_URLS", &urls)
            .var("CANARY_ADMIN_TOKENS", &tokens);
        let ran = fixture.smoke();
        ran.ends(2).complains(words).complains("hint:");
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
        assert_eq!(fixture.json("verdict.json")["verdict"], "error");
    }
    assert!(one.requests().is_empty() && two.requests().is_empty());
}

#[test]
fn fewer_tenants_than_the_suite_asks_for_are_an_error() {
    let tenant = tenant(None);
    let suite = example("1s").replace("min        = 1", "min = 2");
    Fixture::new(&suite, &[&tenant])
        .smoke()
        .ends(2)
        .complains("1 tenants, and the suite asks for at least 2");
    assert!(tenant.requests().is_empty());
}

#[test]
fn a_named_tenant_takes_its_token_from_a_variable_of_its_own() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&example("5s"), &[]).var("CANARY_TOKEN_CANARY_MCP", TOKEN);
    let named = format!("canary-mcp={}", tenant.url());
    fixture.run(&["--sha", SHA, "--tenant", &named]).ends(0).says("canary-mcp  served");
    let other = format!("canary-eu={}", tenant.url());
    fixture
        .run(&["--sha", SHA, "--tenant", &other])
        .ends(2)
        .complains("CANARY_TOKEN_CANARY_EU is empty or not set");
    fixture.run(&["--sha", SHA, "--tenant", "no-url"]).ends(2).complains("NAME=URL");
}

#[test]
fn a_release_binds_the_verdict_to_its_digests() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&example("5s"), &[&tenant]);
    let digest = format!("sha256:{}", "ab".repeat(32));
    let mut release = json!({
        "format": 1, "tool": "publish-staging", "version": "0.1.0", "verdict": "green", "exit_code": 0, "sha": SHA,
        "tag": format!("staging-{SHA}"), "dry_run": false, "digests": {"ghcr.io/acme/app": digest},
        "images": [{"repository": "ghcr.io/acme/app", "digest": digest,
            "media_type": "application/vnd.oci.image.index.v1+json", "platforms": ["linux/amd64", "linux/arm/v7"]}],
    });
    fixture.write("release.json", &release.to_string());
    fixture.run(&["--release", "release.json", "--result", "verdict.json", "--no-record"]).ends(0);
    let verdict = fixture.json("verdict.json");
    assert_eq!(
        (&verdict["format"], &verdict["tool"], &verdict["verdict"]),
        (&json!(1), &json!("canary-smoke"), &json!("green"))
    );
    assert_eq!((&verdict["sha"], &verdict["images"]), (&json!(SHA), &release["images"]));
    assert_eq!(verdict["digests"], release["digests"]);
    assert_eq!(verdict["suite"]["sha256"].as_str().map(str::len), Some(64));
    assert!(verdict["finished"].is_string() && verdict["started"].is_string());
    release["verdict"] = json!("red");
    fixture.write("release.json", &release.to_string());
    fixture.run(&["--release", "release.json"]).ends(2).complains("found red");
    fixture.run(&["--release", "missing.json"]).ends(2).complains("failed to read `missing.json`");
    fixture.run(&["--release", "release.json", "--sha", SHA]).ends(2);
    fixture.run(&[]).ends(2).complains("no build is named");
}

#[test]
fn a_proxy_of_the_environment_is_used() {
    let proxy = tenant(None);
    let fixture = Fixture::new(&example("5s"), &[])
        .var("CANARY_TENANT_URLS", "http://canary.invalid")
        .var("CANARY_ADMIN_TOKENS", TOKEN)
        .var("HTTP_PROXY", &proxy.url());
    fixture.smoke().ends(0).says("canary.invalid  served").complains("travels unencrypted");
    assert!(!proxy.requests().is_empty());
}

#[test]
fn a_tenant_may_live_below_a_path() {
    let tenant = tenant(None);
    let suite = "format = 1\n[[check]]\nname = \"c\"\nrequest = \"GET /version\"\nexpect.status = 404\n";
    let fixture = Fixture::new(suite, &[])
        .var("CANARY_TENANT_URLS", &format!("{}/a/b/", tenant.url()))
        .var("CANARY_ADMIN_TOKENS", TOKEN);
    fixture.smoke().ends(0);
    assert_eq!(tenant.requests()[0].path, "/a/b/version");
}

#[test]
fn certificates_that_are_none_are_found_before_anything_is_sent() {
    let tenant = tenant(None);
    let check = "[[check]]\nname = \"c\"\nrequest = \"GET /events\"\nexpect.status = 200\n";
    for (tls, words) in [
        ("ca_file = \"gone.pem\"", "failed to read `gone.pem`"),
        ("ca_file = \"smoke.toml\"", "`ca_file` holds no certificate"),
        ("cert_file = \"smoke.toml\"\nkey_file = \"smoke.toml\"", "hold no certificate with its key"),
    ] {
        let fixture = Fixture::new(&format!("format = 1\n[tls]\n{tls}\n{check}"), &[&tenant]);
        fixture.smoke().ends(2).complains(words);
    }
    assert!(tenant.requests().is_empty());
}

#[test]
fn bodies_of_every_form_arrive_as_written() {
    let tenant = Tenant::start(TenantSetup { token: TOKEN.into(), ..TenantSetup::fixed(SHA) }).unwrap();
    assert!(tenant.runs(SHA, std::time::Duration::from_secs(20)));
    let mut suite = "format = 1\n".to_owned();
    for (name, body) in [
        ("json", "body.json = { sha = \"{{ sha }}\", n = [1, 2.5, true] }"),
        ("text", "body.text = \"hello {{ sha }}\""),
        ("form", "body.form = { a = \"x & {{ sha }}\" }"),
        ("file", "body.file = \"body.txt\""),
    ] {
        suite.push_str(&format!(
            "[[check]]\nname = \"{name}\"\nrequest = \"POST /echo/{name}\"\n{body}\nexpect.status = 404\n"
        ));
    }
    let fixture = Fixture::new(&suite, &[&tenant]);
    fixture.write("body.txt", "from a file: {{ sha }}\n");
    fixture.smoke().ends(0);
    let sent =
        |name: &str| tenant.requests().into_iter().find(|a| a.path == format!("/echo/{name}")).unwrap().body;
    assert_eq!(sent("json"), format!("{{\"n\":[1,2.5,true],\"sha\":\"{SHA}\"}}"));
    assert_eq!(sent("text"), format!("hello {SHA}"));
    assert_eq!(sent("form"), format!("a=x+%26+{SHA}"));
    assert_eq!(sent("file"), format!("from a file: {SHA}\n"));
    assert_eq!(
        fixture.json("verdict.json")["suite"]["body_files"]["body.txt"].as_str().map(str::len),
        Some(64)
    );
}

#[test]
fn a_body_file_outside_the_folder_of_the_suite_is_refused_and_nothing_is_sent() {
    let tenant = Tenant::start(TenantSetup { token: TOKEN.into(), ..TenantSetup::fixed(SHA) }).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let private = elsewhere.path().join("private.txt");
    std::fs::write(&private, "a key of somebody else").unwrap();
    let suite = |file: &str| {
        let check = "[[check]]\nname = \"x\"\nrequest = \"POST /echo\"\nexpect.status = 404\n";
        format!("format = 1\n{check}body.file = \"{file}\"\n")
    };
    let up = format!("../{}/private.txt", elsewhere.path().file_name().unwrap().to_str().unwrap());
    for file in [private.to_str().unwrap(), &up, "link.txt"] {
        let fixture = Fixture::new(&suite(file), &[&tenant]);
        std::os::unix::fs::symlink(&private, fixture.path("link.txt")).unwrap();
        fixture
            .smoke()
            .ends(2)
            .complains("body.file = ")
            .complains("outside the folder of the suite")
            .complains("stays below its folder");
    }
    assert!(tenant.requests().is_empty());
}
