//! Tokens go to their own tenant, and into no text.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coalmine_sandbox::{TenantFault, TenantSetup};

use self::encodings::ENCODINGS;
use super::fixture::{Fixture, SHA, TOKEN, example, start, tenant};

#[path = "../../../src/base/redact/encodings.rs"]
mod encodings;

/// Fails if `text` shows the token in any encoding of the redactor's list, whole or its first half.
#[track_caller]
fn shows_no_token(text: &str) {
    shows_nothing_of(TOKEN, text);
}

#[track_caller]
fn shows_nothing_of(secret: &str, text: &str) {
    let folded = |text: &str| text.split_whitespace().collect::<String>().to_lowercase();
    for (name, encode) in ENCODINGS {
        for part in [secret, &secret[..secret.len() / 2], &secret[secret.len() / 2..]] {
            let encoded = encode(part);
            // The last digits of base64 depend on what follows.
            let encoded = folded(encoded.trim_end_matches('=')).chars().rev().skip(2).collect::<Vec<_>>();
            let encoded: String = encoded.into_iter().rev().collect();
            assert!(!folded(text).contains(&encoded), "{name}: {encoded} in\n{text}");
        }
    }
}

/// A tenant that answers each path with this status and body, on any number of connections. Its URL.
fn scripted(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut first = String::new();
            let _ = stream.read_line(&mut first);
            let (mut line, mut length) = (String::new(), 0);
            while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                let header = line.to_ascii_lowercase();
                length = header
                    .strip_prefix("content-length:")
                    .map_or(length, |text| text.trim().parse().unwrap());
                line.clear();
            }
            let _ = stream.read_exact(&mut vec![0; length]);
            let (status, body) = answer(first.split(' ').nth(1).unwrap_or_default());
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.get_mut().write_all(format!("{head}{body}").as_bytes());
        }
    });
    url
}

/// A suite whose one check has these steps.
fn steps(steps: &[&str]) -> String {
    let steps: Vec<String> = steps.iter().map(|step| format!("[[check.step]]\n{step}\n")).collect();
    format!("format = 1\n[[check]]\nname = \"c\"\n{}", steps.join(""))
}

const EVERYWHERE: [&str; 7] = ["--sha", SHA, "--result", "verdict.json", "--junit", "junit.xml", "-vv"];

#[test]
fn a_token_is_in_no_output_whatever_a_tenant_writes_it_in() {
    for (name, encode) in ENCODINGS {
        for twice in [false, true] {
            let said =
                move || if twice { encode(&format!("bad token {}", encode(TOKEN))) } else { encode(TOKEN) };
            let url = scripted(move |_| (500, format!("{{\"error\":\"cannot decode {} at all\"}}", said())));
            let suite = steps(&["request = \"GET /a\"\nexpect.status = 200"]);
            let fixture = Fixture::new(&suite, &[])
                .var("CANARY_TENANT_URLS", &url)
                .var("CANARY_ADMIN_TOKENS", TOKEN)
                .on_github();
            let ran = fixture.run(&EVERYWHERE);
            ran.ends(1).says("cannot decode ");
            let all = fixture.everything(&ran);
            assert!(all.contains("***"), "{name}: {all}");
            shows_no_token(&all);
        }
    }
}

#[test]
fn a_captured_credential_is_in_no_output() {
    const CAPTURED: &str = "oauth-0Zk3/x+9f=captured-Q7";
    let login = |capture: &str| format!("request = \"POST /login\"\nexpect.status = 200\ncapture.{capture}");
    for (capture, later) in [
        (
            "access = \"$.it\"",
            "request = \"GET /a\"\nauth = \"none\"\nheader.Authorization = \"Bearer {{ access }}\"",
        ),
        ("access = \"$.it\"", "request = \"GET /a\"\nheader.Cookie = \"sid={{ access }}\""),
        ("access = \"$.it\"", "request = \"GET /a?api_key={{ access }}\""),
        ("access = \"$.it\"", "request = \"POST /a\"\nbody.form = { refresh_token = \"{{ access }}\" }"),
        ("access = { json = \"$.it\", redact = true }", "request = \"GET /a/{{ access }}\""),
        ("session_id = \"$.it\"", "request = \"GET /a/{{ session_id }}\""),
    ] {
        // The next step fails, and its answer repeats the credential; then the login itself does.
        for fails in ["/a", "/login"] {
            let url = scripted(move |path| {
                (if path.starts_with(fails) { 500 } else { 200 }, format!("{{\"it\":\"{CAPTURED}\"}}"))
            });
            let later = format!("{later}\nexpect.status = 200");
            let fixture = Fixture::new(&steps(&[&login(capture), &later]), &[])
                .var("CANARY_TENANT_URLS", &url)
                .var("CANARY_ADMIN_TOKENS", TOKEN)
                .on_github();
            let ran = fixture.run(&EVERYWHERE);
            ran.ends(1).says("{\"it\":\"***");
            shows_nothing_of(CAPTURED, &fixture.everything(&ran));
            assert!(!fixture.everything(&ran).contains("::add-mask::"));
            let masked = fixture.run(&["--sha", SHA, "--self-mask"]);
            masked.ends(1).complains(&format!("::add-mask::{CAPTURED}\n"));
            assert_eq!(masked.stderr.matches("add-mask").count(), 2, "{}", masked.stderr);
        }
    }
}

#[test]
fn an_answer_that_should_hold_a_credential_and_has_it_elsewhere_is_not_quoted() {
    const CAPTURED: &str = "oauth-0Zk3/x+9f=captured-Q7";
    let url = scripted(|_| (200, format!("{{\"data\":{{\"it\":\"{CAPTURED}\"}}}}")));
    let login = "request = \"POST /login\"\nexpect.status = 201\nexpect.json.\"$.data.it\" = \"x\"\ncapture.access_token = \"$.it\"";
    let later = "request = \"GET /a?token={{ access_token }}\"\nexpect.status = 200";
    let fixture = Fixture::new(&steps(&[login, later]), &[])
        .var("CANARY_TENANT_URLS", &url)
        .var("CANARY_ADMIN_TOKENS", TOKEN);
    let ran = fixture.run(&EVERYWHERE);
    ran.ends(1).says("expected 201, found 200 with an answer that is not quoted");
    shows_nothing_of(CAPTURED, &fixture.everything(&ran));
}

#[test]
fn a_marked_value_that_cannot_be_kept_out_of_reports_fails_its_step() {
    let url = scripted(|_| (200, "{\"it\":\"green\"}".to_owned()));
    let login =
        "request = \"GET /pin\"\nexpect.status = 200\ncapture.pin = { json = \"$.it\", redact = true }";
    let later = "request = \"GET /a/{{ pin }}\"\nexpect.status = 200";
    let fixture = Fixture::new(&steps(&[login, later]), &[])
        .var("CANARY_TENANT_URLS", &url)
        .var("CANARY_ADMIN_TOKENS", TOKEN);
    let ran = fixture.run(&EVERYWHERE);
    ran.ends(1).says("expected a value that can be kept out of reports, found one that has 5 characters");
    assert!(!fixture.everything(&ran).contains("green"));
}

#[test]
fn a_key_that_stands_twice_and_holds_the_token_is_cut_where_the_token_begins() {
    let url = scripted(|_| {
        let key = format!("{}{TOKEN}", "k".repeat(55)).replace('"', "\\\"");
        (200, format!("{{\"{key}\":1,\"{key}\":2}}"))
    });
    let suite = steps(&["request = \"GET /a\"\nexpect.status = 200\nexpect.json.\"$.x\" = 1"]);
    let fixture = Fixture::new(&suite, &[]).var("CANARY_TENANT_URLS", &url).var("CANARY_ADMIN_TOKENS", TOKEN);
    let ran = fixture.run(&EVERYWHERE);
    ran.ends(1);
    shows_no_token(&fixture.everything(&ran));
    assert!(!fixture.everything(&ran).contains("s3cr"));
}

#[test]
fn a_token_that_is_a_word_is_refused_and_nothing_is_sent() {
    let tenant = tenant(None);
    for (token, words) in [
        ("true", "token 1 of CANARY_ADMIN_TOKENS has 4 characters, fewer than 8"),
        ("null", "has 4 characters"),
        ("green", "has 5 characters"),
        ("inconclusive", "is made of fewer than 16 letters and nothing else, like a word"),
        ("20261121", "like a date"),
        ("--------", "repeats 1 different characters"),
    ] {
        let fixture = Fixture::new(&example("1s"), &[])
            .var("CANARY_TENANT_URLS", &tenant.url())
            .var("CANARY_ADMIN_TOKENS", token);
        let ran = fixture.smoke();
        ran.ends(2).complains(words);
        assert_eq!(fixture.json("verdict.json")["verdict"], "error", "{}", fixture.read("verdict.json"));
    }
    let asked = tenant.requests().len();
    let named = Fixture::new(&example("1s"), &[]).var("CANARY_TOKEN_A", "green");
    named
        .run(&["--sha", SHA, "--tenant", &format!("a={}", tenant.url())])
        .ends(2)
        .complains("CANARY_TOKEN_A has 5");
    assert_eq!(tenant.requests().len(), asked);
}

#[test]
fn a_token_at_the_place_of_a_url_is_not_repeated() {
    let url = "https://canary.invalid";
    for (urls, tokens) in [
        (TOKEN.to_owned(), url.to_owned()),
        (format!("{url}\n{TOKEN}"), format!("{TOKEN}\n{url}")),
        (format!("x:{TOKEN}"), TOKEN.replace('s', "t")),
        (format!("{url}/?api_key={TOKEN}"), "another-token-1".to_owned()),
        (format!("{url}/#{TOKEN}"), "another-token-1".to_owned()),
        (format!("https://robot:{}@canary.invalid", TOKEN.replace('/', "")), "another-token-1".to_owned()),
    ] {
        let fixture = Fixture::new(&example("1s"), &[])
            .var("CANARY_TENANT_URLS", &urls)
            .var("CANARY_ADMIN_TOKENS", &tokens)
            .on_github();
        let ran = fixture.run(&EVERYWHERE);
        ran.ends(2).complains("CANARY_TENANT_URLS");
        shows_no_token(&fixture.everything(&ran));
        assert!(!fixture.everything(&ran).contains("s3cr3t"), "{}", ran.stderr);
    }
    for named in
        [format!("a={TOKEN}"), TOKEN.to_owned(), format!("{TOKEN}={url}"), format!("a={url}?api_key={TOKEN}")]
    {
        let fixture = Fixture::new(&example("1s"), &[]).on_github();
        let ran = fixture.run(&["--sha", SHA, "--tenant", &named, "--result", "verdict.json", "-vv"]);
        ran.ends(2).complains("`--tenant` number 1: ");
        assert!(!fixture.everything(&ran).contains("s3cr3t"), "{}", ran.stderr);
    }
}

#[test]
fn a_token_echoed_in_an_error_is_in_no_output() {
    let tenant = tenant(Some(TenantFault::EchoTokenInError));
    let fixture = Fixture::new(&example("1s"), &[&tenant]).on_github();
    let ran = fixture.run(&["--sha", SHA, "--result", "verdict.json", "--junit", "junit.xml", "-vv"]);
    ran.ends(1).says("Bearer ***").says("$CANARY_TOKEN");
    let all = fixture.everything(&ran);
    assert!(all.contains("***") && all.contains("<failure"), "{all}");
    shows_no_token(&all);
}

#[test]
fn a_runner_is_asked_to_mask_each_token_only_where_that_is_wanted() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&example("5s"), &[&tenant]).on_github();
    let ran = fixture.run(&["--sha", SHA, "--result", "verdict.json"]);
    ran.ends(0);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("add-mask"), "{}", ran.stderr);
    shows_no_token(&fixture.everything(&ran));
    let masked = TOKEN.replace('%', "%25");
    fixture.run(&["--sha", SHA, "--self-mask"]).ends(0).complains(&format!("::add-mask::{masked}\n"));
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
