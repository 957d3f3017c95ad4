//! Commands, JSON over HTTP and JUnit files.

use std::time::Duration;

use coalmine::base::secret::Secret;
use coalmine::io::metrics::json::{self, Question, Take};
use coalmine::io::metrics::{Answer, Authorization, Failure, Http, command, junit};
use coalmine::model::measurement::Counts;
use coalmine::policy::smoke::suite::json_path::Path;
use serde_json::json;

use super::canned::Canned;
use super::{PATIENCE, run, wait};

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

fn asked(script: &str) -> Result<Answer, Failure> {
    run(command::ask(&shell(script), &[], PATIENCE))
}

fn counts(good: u64, total: u64) -> Answer {
    Answer::Counts(Counts { good, total })
}

#[test]
fn a_command_prints_counts_or_a_number() {
    assert_eq!(asked(r#"echo '{"good": 9, "total": 10}'"#), Ok(counts(9, 10)));
    assert_eq!(asked(r#"echo '{"bad": 1, "total": 10}'; echo noise >&2"#), Ok(counts(9, 10)));
    assert_eq!(asked("echo 0.25"), Ok(Answer::Number(0.25)));
    assert!(matches!(asked("true"), Err(Failure::NoData(_))));
    assert!(matches!(asked("echo null"), Err(Failure::NoData(_))));
    assert!(matches!(asked("echo many"), Err(Failure::Failed(_))));
}

#[test]
fn a_command_that_fails_is_no_breach() {
    for (script, words) in [
        (r#"echo '{"good": 0, "total": 10}'; echo no token >&2; exit 1"#, "no token"),
        ("kill -9 $$", "signal"),
        ("head -c 70000 /dev/zero | tr '\\0' 1", "more than"),
    ] {
        match asked(script) {
            Err(Failure::Failed(told)) => assert!(told.contains(words), "{told}"),
            other => panic!("{script}: {other:?}"),
        }
    }
    let nobody = run(command::ask(&["/nonexistent/program".to_owned()], &[], PATIENCE));
    assert!(matches!(nobody, Err(Failure::Failed(_))));
}

#[test]
fn a_command_that_is_too_late_ends_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let script = format!("(sleep 1; touch '{}') & sleep 30", trace.display());
    let late = run(command::ask(&shell(&script), &[], Duration::from_millis(300)));
    assert!(late.is_err_and(|failure| failure.to_string().contains("not done within 300ms")));
    wait(Duration::from_millis(1_500));
    assert!(!trace.exists(), "a child outlived its command");
}

#[test]
fn a_token_is_one_line_and_never_told() {
    let token = |script: &str| run(command::token(&shell(script), PATIENCE));
    assert!(token("echo s3cret-token").is_ok_and(|token| token.expose() == "s3cret-token"));
    for script in ["true", "printf 's3cret\\ntoken'", "echo s3cret token"] {
        let failure = token(script).unwrap_err().to_string();
        assert!(!failure.contains("s3cret"), "{failure}");
    }
}

fn http(url: &str, authorization: &Authorization) -> Http {
    Http::new(url, authorization, Duration::from_secs(2)).unwrap()
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

#[test]
fn json_is_asked_for_with_its_token_and_read_by_path() {
    let server = Canned::ok(r#"{"data": [{"id": 1}, {"id": 2}], "sum": {"bad": 3, "all": 40}, "mean": 0.5}"#);
    let secret = Authorization::Bearer(Secret::new("s3cret"));
    let http = http(&server.url(), &secret);
    let get = |take: Take<'_>| run(json::ask(&http, &Question::Get("/stats?from=1"), &take));
    let (list, bad, all, mean, gone) =
        (path("$.data[*].id"), path("$.sum.bad"), path("$.sum.all"), path("$.mean"), path("$.gone"));
    assert_eq!(get(Take::Value(&list)), Ok(Answer::Number(2.0)), "a list is its length");
    assert_eq!(get(Take::Value(&mean)), Ok(Answer::Number(0.5)));
    assert_eq!(get(Take::Bad(&bad, &all)), Ok(counts(37, 40)));
    assert!(matches!(get(Take::Value(&gone)), Err(Failure::NoData(_))));
    assert!(matches!(get(Take::Good(&all, &bad)), Err(Failure::Failed(_))));
    let body = json!({"query": "errors"});
    let posted = run(json::ask(&http, &Question::Post("/query", &body), &Take::Value(&mean)));
    assert_eq!(posted, Ok(Answer::Number(0.5)));
    let asked = server.asked();
    assert!(asked[0].starts_with("GET /stats?from=1 "), "{}", asked[0]);
    assert!(asked[0].contains("authorization: Bearer s3cret"), "{}", asked[0]);
    assert!(asked.last().unwrap().ends_with(r#"{"query":"errors"}"#), "{asked:?}");
}

#[test]
fn an_answer_that_is_not_whole_is_no_answer() {
    let (list, mean) = (path("$.data[*]"), path("$.mean"));
    let body = r#"{"data": [1, 2], "mean": 7}"#;
    let next = "link: <https://api.example/?page=2>; rel=\"next\"\r\n";
    for (server, take, words) in [
        (Canned::start("503 Service Unavailable", "", body), &mean, "503"),
        (Canned::start("302 Found", "location: http://127.0.0.1:1/\r\n", body), &mean, "302"),
        (Canned::start("200 OK", next, body), &list, "one page of several"),
        (Canned::ok("<html>"), &mean, "expected JSON"),
        (Canned::ok(r#"{"mean": 7"#), &mean, "expected JSON"),
    ] {
        let http = http(&server.url(), &Authorization::None);
        match run(json::ask(&http, &Question::Get("/"), &Take::Value(take))) {
            Err(Failure::Failed(told)) => assert!(told.contains(words), "{told}"),
            other => panic!("{words}: {other:?}"),
        }
    }
    let number = Canned::start("200 OK", next, body);
    let http = http(&number.url(), &Authorization::None);
    let found = run(json::ask(&http, &Question::Get("/"), &Take::Value(&mean)));
    assert_eq!(found, Ok(Answer::Number(7.0)), "a number is whole on its page");
}

#[test]
fn a_junit_file_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.xml");
    assert!(matches!(junit::ask(&file, "*"), Err(Failure::NoData(_))));
    let report = "<testsuite><testcase name='a 1'/><testcase name='a 2'><failure/></testcase></testsuite>";
    std::fs::write(&file, report).unwrap();
    assert_eq!(junit::ask(&file, "a *"), Ok(counts(1, 2)));
    assert!(matches!(junit::ask(&file, "b *"), Err(Failure::NoData(_))));
    std::fs::write(&file, &report[..60]).unwrap();
    assert!(matches!(junit::ask(&file, "*"), Err(Failure::Failed(_))));
}
