//! A canary is proven on a bundle, and not only on a build.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use super::{digest_of, example, publish};
use crate::support::{Done, Fixture, ONE};

const SUITE: &str = r#"
format = 1
[ready]
request = "GET /version"
expect.status = 200
expect.json."$.bundle" = "{{ digest.prompts }}"
every = "50ms"
within = "600ms"
[[check]]
name = "it answers with the pinned model"
request = "GET /version"
expect.status = 200
expect.json."$.model" = "{{ pin.MODEL_VER }}"
expect.json."$.prompts" = "{{ pin.PROMPT_VER }}"
"#;

/// A tenant that says which bundle it answers with; its URL.
fn tenant(answer: serde_json::Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, body) = (stream.unwrap(), answer.to_string());
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
            let _ = write!(stream, "{head} {}\r\n\r\n{body}", body.len());
        }
    });
    url
}

fn smoke(fixture: &Fixture, suite: &str, url: &str) -> Done {
    std::fs::write(fixture.path("smoke.toml"), suite).unwrap();
    std::fs::rename(fixture.path("result.json"), fixture.path("release.json")).unwrap();
    let tenant = format!("canary={url}");
    let program =
        fixture.run("canary-smoke").args(["--release", "release.json", "--tenant", &tenant, "--no-record"]);
    let done = program.env("CANARY_TOKEN_CANARY", "a-token-of-the-canary").with_result().run();
    std::fs::copy(fixture.path("release.json"), fixture.path("result.json")).unwrap();
    done
}

#[test]
fn ready_waits_for_the_bundle_of_the_release_and_a_check_compares_its_pins() {
    let fixture = Fixture::new();
    let done = publish(&fixture, ONE, &example()).code(0);
    let pins = done.json()["images"][0]["pins"]["pins"].clone();
    let answer = |bundle: &str, model: &str| serde_json::json!({ "bundle": bundle, "model": model, "prompts": pins["PROMPT_VER"] });
    let (digest, model) = (digest_of(&done), pins["MODEL_VER"].as_str().unwrap());
    smoke(&fixture, SUITE, &tenant(answer(&digest, model))).code(0);
    smoke(&fixture, SUITE, &tenant(answer(&digest, "provider/other"))).code(1);
    let old = format!("sha256:{}", "0".repeat(64));
    smoke(&fixture, SUITE, &tenant(answer(&old, model))).code(3);
}

#[test]
fn a_pin_that_the_release_does_not_have_is_refused_before_anything_is_sent() {
    let fixture = Fixture::new();
    publish(&fixture, ONE, &example()).code(0);
    let suite = SUITE.replace("pin.MODEL_VER", "pin.MODLE_VER");
    smoke(&fixture, &suite, "http://127.0.0.1:1").code(2).tells(&[
        "pin.MODLE_VER",
        "pin.MODEL_VER",
        "pin.PROMPT_VER",
    ]);
}
