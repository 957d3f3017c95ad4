//! The right verdict and exit code for each way in which a tenant can be.

use std::time::Duration;

use coalmine_sandbox::{Tenant, TenantFault, TenantSetup};

use super::fixture::{CONVERSATION, EXAMPLE, Fixture, Ran, SHA, TOKEN, example, start, tenant};

/// Runs the example against one tenant with `fault`.
fn example_against(fault: TenantFault) -> (Fixture, Ran, Tenant) {
    let tenant = tenant(Some(fault));
    let fixture = Fixture::new(&example("1s"), &[&tenant]);
    let ran = fixture.smoke();
    (fixture, ran, tenant)
}

#[track_caller]
fn is_red(fault: TenantFault, check: &str, found: &str) {
    let (fixture, ran, tenant) = example_against(fault);
    ran.ends(1).says("RED").says(&format!("FAILED {check}")).says(found);
    assert_eq!(fixture.json("verdict.json")["verdict"], "red");
    assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
}

#[track_caller]
fn is_inconclusive(fault: TenantFault, found: &str) {
    let (fixture, ran, _tenant) = example_against(fault);
    ran.ends(3).says("INCONCLUSIVE").says(found);
    assert_eq!(fixture.json("verdict.json")["verdict"], "inconclusive");
}

#[test]
fn both_examples_are_sound_as_they_stand() {
    for suite in [EXAMPLE, CONVERSATION] {
        Fixture::new(suite, &[]).run(&["lint"]).ends(0).says("no mistake").says("longest run");
    }
}

#[test]
fn the_tenant_example_is_green_on_the_right_build_and_leaves_nothing_behind() {
    let fleet = [tenant(None), tenant(None)];
    let fixture = Fixture::new(&example("5s"), &[&fleet[0], &fleet[1]]);
    fixture.smoke().ends(0).says("GREEN: 12e4567 on 2 tenants: 10 passed");
    assert_eq!(fixture.json("verdict.json")["proves_build"], true);
    assert!(fleet.iter().all(|tenant| tenant.leftovers().is_empty()));
}

#[test]
fn the_conversation_example_is_green_with_twenty_samples_and_says_that_no_build_was_proven() {
    let tenant = tenant(None);
    let fixture = Fixture::new(CONVERSATION, &[&tenant]);
    let arguments = ["--sha", SHA, "--result-full", "--result", "verdict.json"];
    fixture.run(&arguments).ends(0).says("GREEN").says("nothing proves which build answered");
    let verdict = fixture.json("verdict.json");
    assert_eq!(verdict["proves_build"], false);
    assert_eq!(verdict["tenants"][0]["checks"][0]["samples"].as_array().map(Vec::len), Some(20));
    assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
}

#[test]
fn a_model_that_lost_its_style_is_red_with_the_count_of_samples() {
    for fault in [TenantFault::PlainProse, TenantFault::OldPrompt("v5".into())] {
        let tenant = tenant(Some(fault));
        let fast =
            CONVERSATION.replace("within = \"15s\", every = \"1s\"", "within = \"20ms\", every = \"10ms\"");
        Fixture::new(&fast, &[&tenant]).smoke().ends(1).says("0 of 20 passed; 19 must");
        assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
    }
}

#[test]
fn open_authentication_is_red() {
    is_red(TenantFault::OpenAuth, "liveness without a token is refused", "expected 401, found 200");
}

#[test]
fn status_500_with_the_right_words_is_red() {
    is_red(
        TenantFault::ServerErrorRightWords,
        "workspaces is a JSON array",
        "expected 200, found 500 with []",
    );
}

#[test]
fn a_login_page_with_status_200_is_red() {
    is_red(TenantFault::HtmlLogin, "workspaces is a JSON array", "expected JSON, found <!doctype html>");
}

#[test]
fn an_object_instead_of_an_array_is_red() {
    is_red(
        TenantFault::ObjectForArray,
        "workspaces is a JSON array",
        "expected type array, found {\"items\":[]}",
    );
}

#[test]
fn a_search_that_finds_nothing_is_red_and_the_probe_is_cleaned_up() {
    is_red(TenantFault::SearchFindsNothing, "memory round trip", "$[*].id");
}

#[test]
fn an_old_build_for_ever_is_inconclusive_and_says_what_is_served() {
    is_inconclusive(TenantFault::OldBuildForever("7654321".into()), "header x-build-sha is \"7654321\"");
}

#[test]
fn no_check_runs_on_a_tenant_that_never_served_the_build() {
    let (_, ran, tenant) = example_against(TenantFault::OldBuildForever("7654321".into()));
    ran.ends(3);
    assert!(tenant.requests().iter().all(|asked| asked.path == "/admin/liveness"));
}

#[test]
fn a_build_that_changes_in_mid_run_is_inconclusive() {
    is_inconclusive(TenantFault::ChangesMidRun(6), "but no longer after them");
}

#[test]
fn a_tenant_that_hangs_is_inconclusive() {
    is_inconclusive(TenantFault::Hang, "no answer within 1s");
}

#[test]
fn a_refused_connection_is_inconclusive() {
    is_inconclusive(TenantFault::RefuseConnection, "refused");
}

#[test]
fn a_redirect_is_red_and_the_token_does_not_travel() {
    let elsewhere = tenant(None);
    let (_, ran, _) = example_against(TenantFault::RedirectElsewhere(elsewhere.url()));
    ran.ends(1).says("expected 200, found 307");
    assert!(elsewhere.requests().is_empty(), "{:?}", elsewhere.requests());
}

#[test]
fn a_tenant_that_boots_in_time_is_green() {
    let tenant = tenant(Some(TenantFault::BootsAfter(Duration::from_secs(3))));
    Fixture::new(&example("20s"), &[&tenant]).smoke().ends(0).says("GREEN");
}

#[test]
fn red_outranks_inconclusive() {
    let (bad, gone) = (tenant(Some(TenantFault::OpenAuth)), tenant(Some(TenantFault::RefuseConnection)));
    let fixture = Fixture::new(&example("1s"), &[&gone, &bad]);
    fixture.smoke().ends(1).says("1 of 2 tenants do not serve it").says("never served");
}

#[test]
fn shas_that_look_like_numbers_are_text_throughout() {
    for sha in ["1234567", "12e4567", "0000000"] {
        let tenant = Tenant::start(TenantSetup { token: TOKEN.into(), ..TenantSetup::fixed(sha) }).unwrap();
        assert!(tenant.runs(sha, Duration::from_secs(20)));
        let suite = format!(
            "{}\n[[check]]\nname = \"it is a text\"\nrequest = \"GET /health?sha={{{{ sha }}}}\"\nexpect.status = 200\nexpect.json.\"$.sha\" = {{ equals = \"{{{{ sha }}}}\", type = \"string\" }}\n",
            example("5s")
        );
        let fixture = Fixture::new(&suite, &[&tenant]);
        fixture.run(&["--sha", sha, "--result", "verdict.json"]).ends(0);
        assert_eq!(fixture.json("verdict.json")["sha"], sha);
        assert!(tenant.requests().iter().any(|asked| asked.path == format!("/health?sha={sha}")));
    }
}

/// One check of one request that fails the first time.
fn retried(defaults: &str) -> String {
    format!(
        "format = 1\n{defaults}\n[[check]]\nname = \"events\"\nrequest = \"GET /events\"\nretry = {{ within = \"5s\", every = \"10ms\" }}\nexpect.status = 200\n"
    )
}

#[test]
fn a_pass_that_needed_a_retry_is_flaky_and_fails_the_gate() {
    let tenant = tenant(Some(TenantFault::FlakyOnce("/events".into())));
    let fixture = Fixture::new(&retried(""), &[&tenant]);
    fixture
        .smoke()
        .ends(1)
        .says("1 flaky")
        .says("FLAKY events")
        .says("at first")
        .says("expected 200, found 503");
    assert_eq!(fixture.json("verdict.json")["tenants"][0]["checks"][0]["outcome"], "flaky");
}

#[test]
fn a_flaky_check_passes_with_a_warning_where_the_suite_says_so() {
    let tenant = tenant(Some(TenantFault::FlakyOnce("/events".into())));
    let fixture = Fixture::new(&retried("[defaults]\nflaky = \"warn\""), &[&tenant]).on_github();
    fixture.smoke().ends(0).says("GREEN").says("1 flaky").says("::warning title=events flaky");
}

#[test]
fn a_tenant_that_refuses_strangers_passes_the_isolation_probe_and_an_open_one_does_not() {
    let suite = "format = 1\n[isolation]\nprobe = \"GET /workspaces\"\n[[check]]\nname = \"events\"\nrequest = \"GET /events\"\nexpect.status = 200\n";
    let fleet = [("own-token-of-a", None), ("own-token-of-b", Some(TenantFault::OpenAuth))];
    let fleet = fleet
        .map(|(token, fault)| start(TenantSetup { fault, token: token.into(), ..TenantSetup::fixed(SHA) }));
    let fixture = Fixture::new(suite, &[&fleet[0], &fleet[1]]);
    let ran = fixture.smoke();
    ran.ends(1)
        .says("FAILED isolation: a random token is refused (only 127.0.0.1")
        .says("expected 401 or 403, found 200");
    ran.says("FAILED isolation: no token is refused (only 127.0.0.1");
    for (tenant, other) in [(&fleet[0], &fleet[1]), (&fleet[1], &fleet[0])] {
        let sent: Vec<String> =
            tenant.requests().into_iter().filter_map(|asked| asked.authorization).collect();
        assert!(sent.iter().any(|header| header.contains(tenant.token())));
        assert!(!sent.iter().any(|header| header.contains(other.token())), "{sent:?}");
    }
}

#[test]
fn twenty_tenants_are_asked_in_one_run_and_reported_in_their_order() {
    let fleet: Vec<Tenant> = (0..20)
        .map(|_| {
            start(TenantSetup {
                token: TOKEN.into(),
                latency: Duration::from_millis(5),
                ..TenantSetup::fixed(SHA)
            })
        })
        .collect();
    let fixture = Fixture::new(&example("20s"), &fleet.iter().collect::<Vec<_>>());
    fixture.smoke().ends(0).says("GREEN: 12e4567 on 20 tenants: 100 passed");
    let verdict = fixture.json("verdict.json");
    let urls: Vec<&str> =
        verdict["tenants"].as_array().unwrap().iter().filter_map(|t| t["url"].as_str()).collect();
    assert_eq!(urls, fleet.iter().map(Tenant::url).collect::<Vec<_>>());
}
