//! Prometheus and what speaks its API. Counters and histograms are counted exactly, from their raw samples; a free
//! expression is evaluated by the server and may extrapolate.

mod wire;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::wire::Series;
use super::answer::{Answer, Failure};
use super::http::Http;
use crate::base::text;
use crate::model::measurement::Counts;
use crate::policy::soak::counters::{self, Target, growth};

/// How far back the last sample before an interval is looked for, and how old the newest one may be: what Prometheus
/// itself calls stale (`--query.lookback-delta`), in milliseconds.
const STALE: i64 = 5 * 60 * 1_000;

/// What is asked of a Prometheus, over one interval: after `start` and until `end`.
pub struct Prometheus<'a> {
    http: &'a Http,
    start: i64,
    end: i64,
}

/// Series of one counter or histogram.
#[derive(Clone, Copy, Debug)]
pub struct Selector<'a> {
    /// Its name, or name and matchers: `name{label="value"}`.
    pub text: &'a str,
    /// Further matchers, without braces; may be empty.
    pub and: &'a str,
}

impl<'a> Prometheus<'a> {
    /// Questions about the interval after `start` and until `end`.
    pub fn new(http: &'a Http, start: Timestamp, end: Timestamp) -> Self {
        Self { http, start: start.as_millisecond(), end: end.as_millisecond() }
    }

    /// The number that `expression` comes to at the end of the interval.
    ///
    /// # Errors
    /// No answer, a warning, no series or several, or a number that is not finite.
    pub async fn number(&self, expression: &str) -> Result<Answer, Failure> {
        wire::number(self.http, expression, self.end).await.map(Answer::Number)
    }

    /// The counts that two expressions come to, rounded: `increase()` gives fractions.
    ///
    /// # Errors
    /// As [`Prometheus::number`]; also a negative number.
    pub async fn share(&self, hits: &str, total: &str) -> Result<(u64, u64), Failure> {
        let count = async |expression: &str| {
            let number = wire::number(self.http, expression, self.end).await?;
            counters::whole(number.round()).ok_or_else(|| {
                let shown = text::escape(expression, 200);
                Failure::Failed(format!("expected `{shown}` to be a count, found {number}"))
            })
        };
        Ok((count(hits).await?, count(total).await?))
    }

    /// What a counter grew by, over all series that `selector` names.
    ///
    /// # Errors
    /// No answer, a warning, no such series, a newest sample that is older than five minutes, or a counter that does
    /// not count in whole numbers.
    pub async fn counter(&self, selector: Selector<'_>) -> Result<u64, Failure> {
        let name = selector.joined("", "")?;
        let series = self.alive(&name).await?;
        self.sum(&name, series).await
    }

    /// Of [`Prometheus::counter`] of `all`, the part that also meets the matchers `hits`. That no series meets them
    /// counts as 0: a counter of errors is often born with the first error.
    ///
    /// # Errors
    /// As [`Prometheus::counter`].
    pub async fn counter_share(&self, all: Selector<'_>, hits: &str) -> Result<(u64, u64), Failure> {
        let total = self.counter(all).await?;
        let name = all.joined(hits, "")?;
        let series = wire::samples(self.http, &name, self.end - self.start + STALE, self.end).await?;
        Ok((self.sum(&name, series).await?, total))
    }

    /// How many requests of a histogram took no longer than `limit`, in the unit of its buckets. `selector` names it
    /// without `_bucket`.
    ///
    /// # Errors
    /// As [`Prometheus::counter`]; also a bucket without a bound, or a series without the bucket for everything.
    pub async fn histogram(&self, selector: Selector<'_>, limit: f64) -> Result<Answer, Failure> {
        let name = selector.joined("", "_bucket")?;
        let series = self.alive(&name).await?;
        let targets = self.targets(&series).await?;
        let mut groups: BTreeMap<BTreeMap<String, String>, counters::Buckets> = BTreeMap::new();
        for mut series in series {
            let target = targets.get(&identity(&series.labels)).cloned().unwrap_or_default();
            let grown = growth(&series.samples, &target, self.start, self.end);
            let bound = series.labels.remove("le").and_then(|bound| bound.parse().ok());
            let bound = bound.ok_or_else(|| unlike(&name, "a bucket has no bound in its label `le`"))?;
            groups.entry(series.labels).or_default().push((bound, grown));
        }
        let (mut surely, mut perhaps, mut total) = (0.0, 0.0, 0.0);
        for buckets in groups.values() {
            let read = counters::under(limit, buckets);
            let read = read.ok_or_else(|| unlike(&name, "a series has no bucket with `le=\"+Inf\"`"))?;
            (surely, perhaps, total) = (surely + read.0, perhaps + read.1, total + read.2);
        }
        let counts = |good: f64| Counts::of_good(counters::whole(good)?, counters::whole(total)?);
        match (counts(surely), counts(perhaps)) {
            (Some(surely), Some(perhaps)) => Ok(Answer::Buckets { surely, perhaps }),
            _ => Err(unlike(&name, "its buckets do not count whole requests")),
        }
    }

    /// The raw samples of `name`, if there are any and the newest is recent.
    async fn alive(&self, name: &str) -> Result<Vec<Series>, Failure> {
        let series = wire::samples(self.http, name, self.end - self.start + STALE, self.end).await?;
        let newest = series.iter().filter_map(|series| series.samples.last()).map(|(at, _)| *at).max();
        let shown = text::escape(name, 200);
        match newest {
            None => Err(Failure::NoData(format!("`{shown}` has no series"))),
            Some(newest) if self.end - newest > STALE => {
                let age = (self.end - newest) / 1_000;
                Err(Failure::Dead(format!(
                    "the newest sample of `{shown}` is {age} s older than the interval's end"
                )))
            }
            Some(_) => Ok(series),
        }
    }

    async fn sum(&self, name: &str, series: Vec<Series>) -> Result<u64, Failure> {
        let targets = self.targets(&series).await?;
        let unknown = Target::default();
        let sum = series.iter().map(|series| {
            let target = targets.get(&identity(&series.labels)).unwrap_or(&unknown);
            growth(&series.samples, target, self.start, self.end)
        });
        counters::whole(sum.sum()).ok_or_else(|| unlike(name, "it does not count in whole numbers"))
    }

    /// What is known of the processes behind `series`: two questions for all of them.
    async fn targets(&self, series: &[Series]) -> Result<BTreeMap<Identity, Target>, Failure> {
        let identities: BTreeSet<Identity> = series.iter().map(|series| identity(&series.labels)).collect();
        let mut targets: BTreeMap<Identity, Target> = identities
            .into_iter()
            .filter(|(job, _)| !job.is_empty())
            .map(|id| (id, Target::default()))
            .collect();
        if targets.is_empty() {
            return Ok(targets);
        }
        let (jobs, instances) = targets.keys().map(|(job, instance)| (job, instance)).unzip();
        let matchers = format!("job=~\"{}\",instance=~\"{}\"", any(jobs), any(instances));
        let starts = format!("process_start_time_seconds{{{matchers}}}");
        for series in wire::samples(self.http, &starts, self.end - self.start + STALE, self.end).await? {
            if let Some(target) = targets.get_mut(&identity(&series.labels)) {
                target.starts = series.samples;
            }
        }
        for series in wire::samples(self.http, &format!("up{{{matchers}}}"), STALE, self.start).await? {
            let Some(target) = targets.get_mut(&identity(&series.labels)) else { continue };
            let last = series.samples.iter().rev().find(|(at, _)| *at <= self.start);
            target.scraped_before = last.is_some_and(|(_, up)| *up == 1.0);
        }
        Ok(targets)
    }
}

/// Job and instance: what Prometheus calls a target.
type Identity = (String, String);

fn identity(labels: &BTreeMap<String, String>) -> Identity {
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    (label("job"), label("instance"))
}

/// A regular expression for any of `names`, inside a quoted matcher.
fn any(names: BTreeSet<&String>) -> String {
    let escaped: Vec<String> = names.into_iter().map(|name| quoted(&regex::escape(name))).collect();
    escaped.join("|")
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn unlike(name: &str, found: &str) -> Failure {
    Failure::Failed(format!("failed to count `{}`: {found}", text::escape(name, 200)))
}

impl Selector<'_> {
    /// Name, `suffix` and every matcher: its own, `self.and`, and `more`.
    fn joined(self, more: &str, suffix: &str) -> Result<String, Failure> {
        let text = self.text.trim();
        let (name, own) = match text.split_once('{') {
            None => (text, ""),
            Some((name, rest)) => {
                let own = rest.trim_end().strip_suffix('}');
                (name, own.ok_or_else(|| unlike(text, "its braces are not closed"))?)
            }
        };
        let matchers: Vec<&str> = [own, self.and, more]
            .into_iter()
            .map(|part| part.trim().trim_end_matches(',').trim_end())
            .filter(|part| !part.is_empty())
            .collect();
        Ok(format!("{}{suffix}{{{}}}", name.trim(), matchers.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::Selector;

    #[test]
    fn matchers_are_joined() {
        for (text, and, more, wanted) in [
            ("a_total", "", "", "a_total{}"),
            ("a_total{}", "", "x=\"1\"", "a_total{x=\"1\"}"),
            ("a_total{y=\"2\",}", "z=~\"3\"", "x=\"1\"", "a_total{y=\"2\",z=~\"3\",x=\"1\"}"),
            ("a_total { y=\"}\" }", "", "", "a_total{y=\"}\"}"),
        ] {
            assert_eq!(Selector { text, and }.joined(more, "").unwrap(), wanted);
        }
        assert_eq!(
            Selector { text: "a{b=\"c\"}", and: "" }.joined("", "_bucket").unwrap(),
            "a_bucket{b=\"c\"}"
        );
        assert!(Selector { text: "a{b=\"c\"", and: "" }.joined("", "").is_err());
    }
}
