//! The HTTP API of Prometheus, as Mimir, Thanos, VictoriaMetrics and Grafana Cloud speak it too: `POST /api/v1/query`.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::base::text;
use crate::io::metrics::answer::Failure;
use crate::io::metrics::http::{Http, Page};
use crate::policy::soak::counters::Sample;

/// One series and its raw samples, oldest first.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) samples: Vec<Sample>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    status: String,
    data: Option<Data>,
    error: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    /// VictoriaMetrics: some of its storage did not answer.
    #[serde(default)]
    is_partial: bool,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Matrix(Vec<Range>),
    Vector(Vec<Instant>),
    Scalar(Point),
    String(serde::de::IgnoredAny),
}

/// Unix seconds, and the number as text.
type Point = (f64, String);

#[derive(Deserialize)]
struct Range {
    metric: BTreeMap<String, String>,
    values: Vec<Point>,
}

#[derive(Deserialize)]
struct Instant {
    value: Point,
}

/// The raw samples of every series that `selector` names, in the `range` milliseconds before `at` (Unix milliseconds).
///
/// # Errors
/// No answer, an error, a warning, a part of the data, or a sample that is no number.
pub(super) async fn samples(
    http: &Http,
    selector: &str,
    range: i64,
    at: i64,
) -> Result<Vec<Series>, Failure> {
    let expression = format!("{selector}[{range}ms]");
    let Data::Matrix(list) = query(http, &expression, at).await? else {
        return Err(failed(&expression, "expected raw samples, found another type of result"));
    };
    let series = list.into_iter().map(|range| {
        // VictoriaMetrics hands out its staleness markers, which are NaN; they count nothing.
        let numbers = range.values.into_iter().filter(|(_, number)| number != "NaN");
        let samples = numbers.map(sample).collect::<Option<Vec<_>>>();
        let mut samples = samples.ok_or_else(|| failed(&expression, "a sample is no finite number"))?;
        samples.sort_by_key(|(at, _)| *at);
        Ok(Series { labels: range.metric, samples })
    });
    series.collect()
}

/// The one number that `expression` comes to at `at`.
///
/// # Errors
/// As [`samples`]; also no series, several, or a number that is not finite.
pub(super) async fn number(http: &Http, expression: &str, at: i64) -> Result<f64, Failure> {
    let shown = text::escape(expression, SHOWN_BYTES);
    let point = match query(http, expression, at).await? {
        Data::Scalar(point) => point,
        Data::Vector(mut list) => match (list.pop(), list.len()) {
            (None, _) => return Err(Failure::NoData(format!("`{shown}` has no series"))),
            (Some(instant), 0) => instant.value,
            (Some(_), more) => {
                let found = format!("expected exactly one series, found {}; add `sum(...)`", more + 1);
                return Err(failed(expression, &found));
            }
        },
        Data::Matrix(_) | Data::String(_) => {
            return Err(failed(expression, "expected one number, found another type of result"));
        }
    };
    match sample(point) {
        Some((_, number)) => Ok(number),
        None => Err(Failure::NoData(format!("`{shown}` is not a finite number"))),
    }
}

/// How much of an expression an error shows, in bytes.
const SHOWN_BYTES: usize = 300;

fn failed(expression: &str, found: &str) -> Failure {
    let shown = text::escape(expression, SHOWN_BYTES);
    Failure::Failed(format!("failed to query `{shown}`: {}", text::escape(found, SHOWN_BYTES)))
}

fn sample((at, number): Point) -> Option<Sample> {
    let number: f64 = number.parse().ok()?;
    (number.is_finite() && at.is_finite()).then_some(((at * 1_000.0).round() as i64, number))
}

async fn query(http: &Http, expression: &str, at: i64) -> Result<Data, Failure> {
    let time = format!("{}.{:03}", at.div_euclid(1_000), at.rem_euclid(1_000));
    let form = Serializer::new(String::new())
        .append_pair("query", expression)
        .append_pair("time", &time)
        // Else VictoriaMetrics answers for 30 s ago where a younger moment is asked for.
        .append_pair("nocache", "1")
        .finish()
        .into_bytes();
    let page: Page<Envelope> = http.post("/api/v1/query", "application/x-www-form-urlencoded", form).await?;
    let envelope = page.document;
    if envelope.status != "success" {
        return Err(failed(expression, envelope.error.as_deref().unwrap_or("an error without words")));
    }
    // A part of the data is not the data: what is missing may be the errors.
    if let Some(warning) = envelope.warnings.first() {
        return Err(failed(expression, &format!("the answer has a warning: {warning}")));
    }
    if envelope.is_partial {
        return Err(failed(expression, "the answer is marked as partial"));
    }
    envelope.data.ok_or_else(|| failed(expression, "the answer has no data"))
}
