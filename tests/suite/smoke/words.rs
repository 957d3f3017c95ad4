//! What a suite can say of a product with logins, cookies, pages and an index that lags.

use std::time::Duration;

use coalmine_sandbox::{Tenant, TenantFault, TenantSetup};
use serde_json::Value;

use super::fixture::{Fixture, SHA, TOKEN, example, start, tenant};

/// A password that must be seen nowhere.
const PASSWORD: &str = "pa55+word/of=canary-Q7";

/// The suite on the page about such products: a setup, pages, a write, a wait. The tenant's token is not used.
pub(crate) fn product_suite() -> String {
    let page = include_str!("../../../docs/suite.md");
    let (_, rest) = page.split_once("<!-- suite: product -->\n```toml\n").expect("the page has the example");
    let (suite, _) = rest.split_once("\n```\n").expect("the example ends");
    suite.replacen("[[setup]]  ", "every = \"20ms\"\n\n[[setup]]  ", 1)
}

/// Tenants with these passwords.
fn fleet(passwords: &[&str]) -> Vec<Tenant> {
    let tenant = |password: &&str| {
        start(TenantSetup { password: (*password).into(), token: TOKEN.into(), ..TenantSetup::fixed(SHA) })
    };
    passwords.iter().map(tenant).collect()
}

fn product(tenants: &[Tenant], passwords: &str) -> Fixture {
    let urls: Vec<String> = tenants.iter().map(Tenant::url).collect();
    Fixture::new(&product_suite(), &[])
        .var("CANARY_TENANT_URLS", &urls.join("\n"))
        .var("CANARY_PASSWORDS", passwords)
        .var("CANARY_TITLE", "made by, canary")
}

fn asked(tenant: &Tenant, what: &str) -> usize {
    tenant
        .requests()
        .iter()
        .filter(|asked| format!("{} {}", asked.method, asked.path).starts_with(what))
        .count()
}

#[test]
fn a_session_is_made_once_a_tenant_with_its_own_password_and_closed_at_the_end() {
    let passwords = [PASSWORD, "other-pa55word-1"];
    let tenants = fleet(&passwords);
    let fixture = product(&tenants, &passwords.join("\n"));
    let ran = fixture.smoke();
    ran.ends(0).says("GREEN: 12e4567 on 2 tenants: 8 passed").says("build   setup  1 ");
    for (tenant, password) in tenants.iter().zip(passwords) {
        assert_eq!((asked(tenant, "POST /login"), asked(tenant, "POST /logout")), (1, 1));
        let bodies: String = tenant.requests().into_iter().map(|asked| asked.body).collect();
        let other = if password == PASSWORD { passwords[1] } else { "pa55%2Bword" };
        assert!(bodies.contains("password=") && !bodies.contains(other), "{bodies}");
        assert!(tenant.requests().iter().all(|asked| asked.authorization.is_none()));
        assert_eq!(asked(tenant, "DELETE /items/"), 1);
    }
    let all = fixture.everything(&ran) + &fixture.run(&["--sha", SHA, "-vv"]).stderr;
    for secret in ["pa55", "session-0", "csrf-0"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[test]
fn one_secret_may_be_for_all_and_a_named_tenant_may_have_its_own() {
    let tenants = fleet(&[PASSWORD, PASSWORD]);
    product(&tenants, PASSWORD).smoke().ends(0);
    let named = [format!("a=http{}", &tenants[0].url()[4..]), format!("b-1={}", tenants[1].url())];
    let arguments = ["--sha", SHA, "--tenant", &named[0], "--tenant", &named[1]];
    let fixture = Fixture::new(&product_suite(), &[])
        .var("CANARY_TITLE", "made by canary")
        .var("CANARY_PASSWORDS_A", PASSWORD)
        .var("CANARY_PASSWORDS_B_1", PASSWORD);
    fixture.run(&arguments).ends(0).says("b-1  served");
    let without = fixture.var("CANARY_PASSWORDS_B_1", "");
    without.run(&arguments).ends(2).complains("`b-1` has no value: CANARY_PASSWORDS_B_1 is empty or not set");
}

#[test]
fn values_that_do_not_fit_the_tenants_end_the_run_before_anything_is_sent() {
    let tenants = fleet(&[PASSWORD, PASSWORD]);
    for (passwords, words) in [
        ("", "CANARY_PASSWORDS is empty or not set"),
        ("hush-hush-1 hush-hush-2 hush-hush-3", "2 tenants and 3 values in CANARY_PASSWORDS"),
        ("short", "CANARY_PASSWORDS has 5 characters"),
    ] {
        let ran = product(&tenants, passwords).smoke();
        ran.ends(2).complains(words);
        assert!(!ran.stderr.contains("hush"), "{}", ran.stderr);
    }
    assert!(tenants.iter().all(|tenant| tenant.requests().is_empty()));
}

#[test]
fn a_setup_that_fails_says_so_once_and_no_check_runs() {
    let tenants = fleet(&[PASSWORD]);
    let fixture = product(&tenants, "wrong-pa55word");
    let ran = fixture.smoke();
    ran.ends(1)
        .says("RED")
        .says("FAILED [setup]")
        .says("log in")
        .says("the setup did not pass on 1 of 1 tenants");
    assert_eq!(ran.stdout.matches("\nFAILED ").count() + ran.stdout.matches("\nINCONCLUSIVE ").count(), 1);
    assert_eq!((asked(&tenants[0], "GET /items"), asked(&tenants[0], "POST /logout")), (0, 0));
    let verdict = fixture.json("verdict.json");
    assert_eq!(verdict["tenants"][0]["setup"][0]["outcome"], "failed");
    assert_eq!(verdict["tenants"][0]["checks"][0]["outcome"], "inconclusive");
    assert!(fixture.read("junit.xml").contains("name=\"[setup]\""));
}

#[test]
fn a_setup_that_nobody_can_tell_is_inconclusive() {
    let silent = tenant(Some(TenantFault::Hang));
    let suite = "format = 1\n[defaults]\ntimeout = \"200ms\"\n[[setup]]\nrequest = \"GET /a\"\nexpect.status = 200\n\
        [[check]]\nname = \"c\"\nrequest = \"GET /b\"\nexpect.status = 200\n";
    let ran = Fixture::new(suite, &[&silent]).smoke();
    ran.ends(3).says("INCONCLUSIVE [setup]").says("no answer within 200ms");
    assert_eq!(asked(&silent, "GET /b"), 0);
}

#[test]
fn a_link_to_another_place_is_not_followed() {
    let elsewhere = tenant(None);
    let at = tenant(Some(TenantFault::RedirectElsewhere(elsewhere.url())));
    let suite = "format = 1\n[[check]]\nname = \"c\"\n[[check.step]]\nrequest = \"GET /a\"\nexpect.status = 307\n\
        capture.next = { header = \"Location\" }\n[[check.step]]\nrequest = \"GET {{ next }}\"\nexpect.status = 200\n";
    Fixture::new(suite, &[&at]).smoke().ends(1).says("expected a URL of the tenant, found http://127.0.0.1");
    assert!(elsewhere.requests().is_empty());
}

/// The memory of the example, on a tenant whose index lags.
fn lagging(suite: &str) -> (Fixture, Tenant) {
    let setup =
        TenantSetup { index_lag: Duration::from_millis(300), token: TOKEN.into(), ..TenantSetup::fixed(SHA) };
    let tenant = start(setup);
    (Fixture::new(suite, &[&tenant]), tenant)
}

fn search(verdict: &Value) -> Value {
    verdict["tenants"][0]["checks"][2]["samples"][0]["steps"][1].clone()
}

#[test]
fn waiting_for_an_index_that_lags_is_green_and_says_how_long_it_took() {
    let patient =
        example("5s").replace("within = \"200ms\", every = \"50ms\"", "within = \"5s\", every = \"50ms\"");
    let (fixture, tenant) = lagging(&patient);
    fixture
        .smoke()
        .ends(0)
        .says("GREEN")
        .says("waited up to ")
        .says("for memory round trip, search finds it (");
    let step = search(&fixture.json("verdict.json"));
    assert_eq!(step["outcome"], "passed");
    assert!(step["waited_ms"].as_u64() >= Some(250) && step["attempts"].as_u64() >= Some(2), "{step}");
    assert!(tenant.leftovers().is_empty());
}

#[test]
fn a_lag_beyond_the_limit_of_until_is_red_and_one_behind_a_retry_is_flaky() {
    let (fixture, tenant) = lagging(&example("5s"));
    fixture.smoke().ends(1).says("FAILED memory round trip").says(" attempts");
    assert!(tenant.leftovers().is_empty());
    let retried = example("5s").replace("until = { within = \"200ms\"", "retry = { within = \"5s\"");
    let (fixture, _tenant) = lagging(&retried);
    fixture.smoke().ends(1).says("FLAKY memory round trip");
}

#[test]
fn one_check_may_say_that_being_flaky_is_no_reason_to_stop() {
    let check = |name: &str, flaky: &str| {
        format!(
            "[[check]]\nname = \"{name}\"\nrequest = \"GET /events\"\n{flaky}\nretry = {{ within = \"5s\", every = \"10ms\" }}\nexpect.status = 200\n"
        )
    };
    for (flaky, code, level) in
        [("flaky = \"warn\"", 0, "::warning title=a flaky"), ("", 1, "::error title=a flaky")]
    {
        let tenant = tenant(Some(TenantFault::FlakyOnce("/events".into())));
        let suite = format!("format = 1\n{}", check("a", flaky));
        let fixture = Fixture::new(&suite, &[&tenant]).on_github();
        fixture.smoke().ends(code).says("1 flaky").says(level);
        assert_eq!(fixture.read("junit.xml").contains("<flakyFailure"), code == 0);
    }
}

#[test]
fn a_proof_plays_faults_on_the_setup_too_and_follows_links() {
    let tenants = fleet(&[PASSWORD]);
    let fixture = product(&tenants, PASSWORD);
    let ran = fixture.run(&["prove", "--sha", SHA, "--result", "verdict.json", "--min-score", "95"]);
    ran.ends(0).says("POST /login").says("[setup]").says("GET {{ next }}");
    assert!(!ran.stdout.contains("pa55"), "{}", ran.stdout);
    let ill = product(&tenants, "wrong-pa55word").run(&["prove", "--sha", SHA]);
    ill.ends(3).says("not passed: [setup]: status: expected 303, found 401");
}

#[test]
fn thirty_tenants_are_counted_while_they_are_waited_for() {
    let mut tenants = fleet(&[PASSWORD; 29]);
    tenants
        .push(Tenant::start(TenantSetup { token: TOKEN.into(), ..TenantSetup::fixed("7654321") }).unwrap());
    let suite = example("1s").replace("streak = 3", "streak = 1");
    let ran = Fixture::new(&suite, &tenants.iter().collect::<Vec<_>>()).smoke();
    ran.ends(3).complains("30 tenants: 29 ready");
    assert!(!ran.stderr.contains(": serves "), "{}", ran.stderr);
}
