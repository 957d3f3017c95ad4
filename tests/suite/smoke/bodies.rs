//! Bodies of requests and answers that are neither plain JSON nor UTF-8 text.

use super::fixture::{Fixture, tenant};

/// A suite of one check with these lines.
fn check(lines: &str) -> String {
    format!("format = 1\n[[check]]\nname = \"c\"\n{lines}\n")
}

/// Bytes that are no text, with a line end and something like a boundary in them.
const LOGO: &[u8] = b"\x89PNG\r\n\x1a\n--coalmine-\r\n\x00\xff";

const UPLOAD: &str = r#"
  [[check.step]]
  request = "POST /files"
  body.multipart.title = "Logo {{ nonce }}"
  body.multipart.file = { file = "logo.png", type = "image/png" }
  expect.status = 201
  expect.json."$.filename" = "logo.png"
  expect.json."$.content_type" = "image/png"
  expect.json."$.bytes" = 23
  expect.json."$.fields.title" = "Logo {{ nonce }}"
  capture.file = "$.id"

  [[check.cleanup]]
  request = "DELETE /files/{{ file }}"
  expect.status = 204
"#;

#[test]
fn a_form_with_a_file_arrives_byte_by_byte_and_is_named_in_the_verdict() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&check(UPLOAD), &[&tenant]);
    std::fs::write(fixture.path("logo.png"), LOGO).unwrap();
    fixture.smoke().ends(0).says("GREEN");
    assert!(tenant.leftovers().is_empty(), "{:?}", tenant.leftovers());
    let digest = coalmine_sandbox::sha256(LOGO);
    let digest = digest.trim_start_matches("sha256:");
    assert_eq!(fixture.json("verdict.json")["suite"]["body_files"]["logo.png"], digest);
    // One byte less.
    std::fs::write(fixture.path("logo.png"), &LOGO[1..]).unwrap();
    fixture.smoke().ends(1).says("$.bytes").says("expected 23, found 22");
}

#[test]
fn a_file_is_sent_as_it_is_and_one_outside_the_suites_folder_is_not() {
    let tenant = tenant(None);
    let put = |file: &str| {
        let text = format!(
            "request = \"PUT /files/blob\"\nheader.Content-Type = \"image/png\"\nbody.binary = \"{file}\"\n\
             expect.status = 201\nexpect.json.\"$\" = {{ type = \"object\" }}\nexpect.json.\"$.bytes\" = 23\nidempotent = true"
        );
        let fixture = Fixture::new(&check(&text), &[&tenant]);
        std::fs::write(fixture.path("logo.png"), LOGO).unwrap();
        fixture
    };
    put("logo.png").smoke().ends(0);
    put("gone.png").smoke().ends(2).complains("smoke.toml:6:15").complains("failed to read");
    put("../../etc/passwd").smoke().ends(2).complains("smoke.toml:6:15");
    let text = put("logo.png");
    text.write("smoke.toml", &text.read("smoke.toml").replace("body.binary", "body.file"));
    text.smoke().ends(2).complains("is no UTF-8 text").complains("body.binary");
}

#[test]
fn a_recorded_upload_can_be_replayed() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&check(UPLOAD), &[&tenant]);
    std::fs::write(fixture.path("logo.png"), LOGO).unwrap();
    let ran = fixture.run(&["prove", "--sha", super::fixture::SHA, "--min-score", "0"]);
    ran.ends(0).says("status 500 with the same body");
    assert!(!ran.stdout.contains("INCONCLUSIVE"), "{}", ran.stdout);
}

#[test]
fn null_and_two_braces_can_be_said() {
    let tenant = tenant(None);
    let text = |deleted: &str, title: &str| {
        check(&format!(
            "[[check.step]]\nrequest = \"GET /account\"\nexpect.status = 200\nexpect.json.\"$.deleted_at\" = \"{deleted}\"\n\
             [[check.step]]\nrequest = \"POST /items\"\nbody.json = {{ title = \"{title}\", note = \"{{{{ null }}}}\" }}\n\
             expect.status = 201\nexpect.json.\"$.title\" = \"{title}\"\ncapture.item = \"$.id\"\n\
             [[check.cleanup]]\nrequest = \"DELETE /items/{{{{ item }}}}\"\nexpect.status = 204\n"
        ))
    };
    let fixture = Fixture::new(&text("{{ null }}", "Hello {{ '{{' }} name }}"), &[&tenant]);
    fixture.smoke().ends(0);
    let sent = tenant.requests().into_iter().find(|asked| asked.method == "POST").unwrap().body;
    assert_eq!(sent, r#"{"note":null,"title":"Hello {{ name }}"}"#);
    Fixture::new(&text("null", "x"), &[&tenant]).smoke().ends(1).says("expected \"null\", found null");
    let misplaced = Fixture::new(&text("{{ null }}", "x {{ null }}"), &[&tenant]);
    misplaced.smoke().ends(2).complains("`{{ null }}` is no text").complains("smoke.toml:10:23");
}

#[test]
fn answers_are_read_in_their_own_charset() {
    let tenant = tenant(None);
    for charset in ["", "utf-8", "iso-8859-1", "utf-16le"] {
        let text = format!(
            "request = \"GET /greeting?charset={charset}\"\nexpect.status = 200\nexpect.body = \"Gr\u{fc}\u{df}e aus Z\u{fc}rich\""
        );
        Fixture::new(&check(&text), &[&tenant]).smoke().ends(0);
    }
    let text =
        "request = \"GET /greeting?charset=klingon\"\nexpect.status = 200\nexpect.body = { min_len = 1 }";
    Fixture::new(&check(text), &[&tenant]).smoke().ends(1).says("the charset `klingon`, which is not known");
}

#[test]
fn a_number_in_a_text_or_header_is_one_if_the_suite_says_so() {
    let tenant = tenant(None);
    let text = |predicate: &str| {
        check(&format!(
            "request = \"GET /account\"\nexpect.status = 200\nexpect.header.x-ratelimit-remaining = {predicate}\n\
             expect.json.\"$.quota\" = {{ as = \"number\", equals = 25 }}"
        ))
    };
    Fixture::new(&text("{ as = \"number\", ge = 42, lt = 43 }"), &[&tenant]).smoke().ends(0);
    Fixture::new(&text("{ as = \"number\", gt = 42 }"), &[&tenant])
        .smoke()
        .ends(1)
        .says("expected > 42, found 42");
    Fixture::new(&text("{ ge = 1 }"), &[&tenant]).smoke().ends(1).says("expected >= 1, found \"42\"");
    let user = text("\"42\"").replace("$.quota", "$.user");
    Fixture::new(&user, &[&tenant])
        .smoke()
        .ends(1)
        .says("expected a text that is a number, found \"canary\"");
}
