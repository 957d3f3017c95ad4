//! Tokens go to their own tenant, and into no text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coalmine_sandbox::{TenantFault, TenantSetup};

use super::fixture::{Fixture, SHA, TOKEN, example, start, tenant};

/// Fails if `text` shows the token in any coat; the line that asks the runner to mask it is not meant.
#[track_caller]
fn shows_no_token(text: &str) {
    let text: String =
        text.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n");
    let json = serde_json::Value::from(TOKEN).to_string();
    let percent = "s3cr3t%2F%2Btok%22en%3D%25canary-Z9";
    for coat in
        [TOKEN, &json[1..json.len() - 1], percent, &STANDARD.encode(TOKEN)[..24], "tok\\\"en", "canary-Z9"]
    {
        assert!(!text.contains(coat), "{coat} in\n{text}");
    }
    for shift in 1..3 {
        let encoded = STANDARD.encode(format!("{}{TOKEN}", "x".repeat(shift)));
        assert!(!text.contains(&encoded[4..24]), "{encoded} in\n{text}");
    }
}

#[test]
fn a_token_echoed_in_an_error_is_in_no_output() {
    let tenant = tenant(Some(TenantFault::EchoTokenInError));
    let fixture = Fixture::new(&example("1s"), &[&tenant]).on_github();
    let ran = fixture.run(&["--sha", SHA, "--result", "verdict.json", "--junit", "junit.xml", "-vv"]);
    ran.ends(1).says("cannot decode token ***").says("$CANARY_TOKEN");
    let all = fixture.everything(&ran);
    assert!(all.contains("***") && all.contains("<failure"), "{all}");
    shows_no_token(&all);
}

#[test]
fn a_runner_is_asked_to_mask_each_token_and_can_be_spared_it() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&example("5s"), &[&tenant]).on_github();
    let masked = TOKEN.replace('%', "%25");
    fixture.smoke().ends(0).complains(&format!("::add-mask::{masked}\n"));
    let ran = fixture.run(&["--sha", SHA, "--no-self-mask", "--result", "verdict.json"]);
    ran.ends(0);
    assert!(!ran.stderr.contains("add-mask"), "{}", ran.stderr);
    shows_no_token(&fixture.everything(&ran));
}

#[test]
fn each_way_to_send_a_token_redacts_what_it_sends() {
    let tenant = tenant(Some(TenantFault::EchoTokenInError));
    for auth in ["\"bearer\"", "\"basic\"", "{ header = \"X-Api-Key\" }"] {
        let suite = format!(
            "format = 1\n[defaults]\nauth = {auth}\n[[check]]\nname = \"c\"\nrequest = \"GET /events\"\nexpect.status = 200\n"
        );
        let fixture = Fixture::new(&suite, &[&tenant]);
        let ran = fixture.run(&[
            "--sha",
            SHA,
            "-vv",
            "--format",
            "json",
            "--junit",
            "junit.xml",
            "--result",
            "verdict.json",
        ]);
        ran.ends(1);
        shows_no_token(&fixture.everything(&ran));
    }
    let sent: Vec<String> = tenant.requests().into_iter().filter_map(|asked| asked.authorization).collect();
    assert!(sent.contains(&format!("Basic {}", STANDARD.encode(format!("{TOKEN}:")))), "{sent:?}");
}

#[test]
fn mistakes_in_the_lists_show_no_token() {
    let fixture = Fixture::new(&example("1s"), &[]).var("CANARY_TENANT_URLS", "https://a.invalid");
    for tokens in [format!("{TOKEN},{TOKEN}"), format!("{TOKEN},,"), format!("{TOKEN}\u{fc}")] {
        let fixture = Fixture::new(&example("1s"), &[])
            .var("CANARY_TENANT_URLS", "https://a.invalid")
            .var("CANARY_ADMIN_TOKENS", &tokens);
        let ran = fixture.smoke();
        ran.ends(2);
        shows_no_token(&fixture.everything(&ran));
    }
    fixture.smoke().ends(2).complains("1 URLs in CANARY_TENANT_URLS and 0 tokens in CANARY_ADMIN_TOKENS");
}

#[test]
fn tenants_get_their_own_token_each() {
    let fleet = ["token-of-one", "token-of-two", "token-of-three"]
        .map(|token| start(TenantSetup { token: token.into(), ..TenantSetup::fixed(SHA) }));
    Fixture::new(&example("5s"), &[&fleet[0], &fleet[1], &fleet[2]]).smoke().ends(0);
    for tenant in &fleet {
        let own = format!("Bearer {}", tenant.token());
        assert!(
            tenant
                .requests()
                .iter()
                .all(|asked| asked.authorization.as_ref().is_none_or(|sent| *sent == own))
        );
    }
}

#[test]
fn a_replay_never_sees_the_tenants_token() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&example("5s"), &[&tenant]);
    let ran = fixture.run(&["prove", "--sha", SHA, "-vv", "--format", "json"]);
    ran.ends(0);
    shows_no_token(&fixture.everything(&ran));
}
