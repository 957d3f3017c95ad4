//! Counters and histograms, counted from the samples that a real server scraped.

use std::time::Duration;

use coalmine::io::metrics::prometheus::{Prometheus, Selector};
use coalmine::io::metrics::{Answer, Authorization, Failure, Http};
use coalmine::model::measurement::Counts;
use coalmine_sandbox::Exporter;
use jiff::Timestamp;

use super::canned::Canned;
use super::servers::Server;
use super::{PATIENCE, run, wait};

const GOOD: &str = r#"http_requests_total{code="200"}"#;
const BAD: &str = r#"http_requests_total{code="500"}"#;

fn selector(text: &str) -> Selector<'_> {
    Selector { text, and: "" }
}

fn http(url: &str) -> Http {
    Http::new(url, &Authorization::None, PATIENCE).unwrap()
}

fn now() -> Timestamp {
    coalmine::io::clock::now()
}

/// Waits until everything that was counted so far was scraped.
fn scraped(exporter: &Exporter) {
    // The next scrape may have begun already.
    let until = exporter.scrapes() + 2;
    for _ in 0..PATIENCE.as_millis() / 20 {
        if exporter.scrapes() >= until {
            return;
        }
        wait(Duration::from_millis(20));
    }
    panic!("nobody scrapes the exporter");
}

/// 1,000 requests, 7 of them errors, over two restarts, each after a scrape; the errors' series is born at 1, and again
/// in the last life at a value that is no lower than the one before. Gives the interval.
fn life(exporter: &Exporter) -> (Timestamp, Timestamp) {
    exporter.count(GOOD, 50);
    scraped(exporter);
    scraped(exporter);
    let start = now();
    exporter.count(BAD, 1);
    exporter.count(GOOD, 300);
    scraped(exporter);
    exporter.count(BAD, 1);
    exporter.count(GOOD, 200);
    scraped(exporter);
    // Start times that are nearer to each other are taken for one.
    wait(Duration::from_millis(1_600));
    exporter.restart();
    exporter.count(BAD, 2);
    exporter.count(GOOD, 193);
    scraped(exporter);
    wait(Duration::from_millis(1_600));
    exporter.restart();
    exporter.count(GOOD, 300);
    scraped(exporter);
    exporter.count(BAD, 3);
    scraped(exporter);
    let end = now();
    // Both servers make what they scraped visible a little later.
    wait(Duration::from_millis(2_500));
    (start, end)
}

fn counts_exactly(exporter: &Exporter, server: &Server) {
    let (start, end) = life(exporter);
    let http = http(&server.url());
    let prometheus = Prometheus::new(&http, start, end);
    run(async {
        let counted = prometheus.counter_share(selector("http_requests_total"), r#"code=~"5..""#).await;
        assert_eq!(counted, Ok((7, 1_000)));
        assert_eq!(prometheus.counter(selector(r#"http_requests_total{code="200"}"#)).await, Ok(993));
        let none = prometheus.counter_share(selector("http_requests_total"), r#"code="404""#).await;
        assert_eq!(none, Ok((0, 1_000)), "a series that was never born counts 0");
        let missing = prometheus.counter(selector("nobody_total")).await;
        assert!(matches!(missing, Err(Failure::NoData(_))), "{missing:?}");
        let later = Prometheus::new(&http, end, end + jiff::SignedDuration::from_secs(600));
        let dead = later.counter(selector("http_requests_total")).await;
        assert!(matches!(dead, Err(Failure::Dead(_))), "{dead:?}");
        let several = prometheus.number("http_requests_total").await;
        let told = several.as_ref().map_err(ToString::to_string);
        assert!(told.is_err_and(|why| why.contains("exactly one series")), "{several:?}");
        assert_eq!(prometheus.number("vector(3) * 2").await, Ok(Answer::Number(6.0)));
        let nan = prometheus.number("vector(0) / 0").await;
        assert!(matches!(nan, Err(Failure::NoData(_))), "{nan:?}");
        let wrong = prometheus.number("sum(").await;
        assert!(matches!(wrong, Err(Failure::Failed(_))), "{wrong:?}");
    });
}

fn reads_buckets(exporter: &Exporter, server: &Server) {
    scraped(exporter);
    let start = now();
    for (le, count) in [("0.25", 900), ("1", 990), ("+Inf", 1_000)] {
        exporter.count(&format!("latency_seconds_bucket{{le=\"{le}\"}}"), count);
    }
    scraped(exporter);
    let end = now();
    wait(Duration::from_millis(2_500));
    let http = http(&server.url());
    let prometheus = Prometheus::new(&http, start, end);
    let of = |good| Counts { good, total: 1_000 };
    for (limit, surely, perhaps) in [(0.25, 900, 900), (0.5, 900, 990), (2.0, 990, 1_000)] {
        let found = run(prometheus.histogram(selector("latency_seconds"), limit));
        assert_eq!(found, Ok(Answer::Buckets { surely: of(surely), perhaps: of(perhaps) }), "{limit}");
    }
}

#[test]
fn prometheus_counts_seven_of_a_thousand_over_restarts_and_births() {
    let exporter = Exporter::start().unwrap();
    let Some(server) = Server::prometheus(&exporter.host()) else { return };
    counts_exactly(&exporter, &server);
    reads_buckets(&exporter, &server);
}

#[test]
fn victoria_metrics_counts_seven_of_a_thousand_over_restarts_and_births() {
    let exporter = Exporter::start().unwrap();
    let Some(server) = Server::victoria_metrics(&exporter.host()) else { return };
    counts_exactly(&exporter, &server);
    reads_buckets(&exporter, &server);
}

#[test]
fn a_part_of_the_data_is_not_the_data() {
    let scalar = r#""data":{"resultType":"scalar","result":[1.5,"3"]}"#;
    for (body, good) in [
        (format!(r#"{{"status":"success",{scalar}}}"#), true),
        (format!(r#"{{"status":"success","isPartial":false,"warnings":[],{scalar}}}"#), true),
        (format!(r#"{{"status":"success","warnings":["store down"],{scalar}}}"#), false),
        (format!(r#"{{"status":"success","isPartial":true,{scalar}}}"#), false),
        (r#"{"status":"error","errorType":"timeout","error":"too slow"}"#.to_owned(), false),
        (r#"{"status":"success"}"#.to_owned(), false),
        (r#"{"status":"success","data":{"resultType":"streams","result":[]}}"#.to_owned(), false),
        (r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#.to_owned(), false),
        ("<html>".to_owned(), false),
    ] {
        let server = Canned::ok(&body);
        let http = http(&server.url());
        let start = now();
        let found = run(Prometheus::new(&http, start, start).number("3"));
        assert_eq!(found.is_ok(), good, "{body}: {found:?}");
    }
}
