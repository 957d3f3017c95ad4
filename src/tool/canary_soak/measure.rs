//! One tick's questions to the sources, and their answers as what the judge takes.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use crate::io::metrics::{Answer, Failure, Question, Sources};
use crate::model::measurement::{Counts, Measurement};
use crate::model::soak::Interval;
use crate::policy::soak::judge::{Reason, Rule};
use crate::policy::soak::state::{Measured, added};
use crate::policy::soak::suite::{Ask, Metric, Query, Soak};

/// Who asks.
pub(in crate::tool) struct Asker<'a> {
    pub(in crate::tool) sources: &'a Sources<'a>,
    /// The judged release; empty: it has no name.
    pub(in crate::tool) sha: &'a str,
    /// The one beside it; empty: there is none.
    pub(in crate::tool) stable: &'a str,
    /// The last tick; answers of sources that cannot look back are taken to begin there.
    pub(in crate::tool) before: Option<Timestamp>,
}

impl Asker<'_> {
    /// Asks for every metric at the same time; nothing where no time was counted yet.
    pub(super) async fn measure(
        &self,
        soak: &Soak,
        intervals: &[Interval],
    ) -> BTreeMap<String, Result<Measured, Reason>> {
        if intervals.is_empty() {
            return BTreeMap::new();
        }
        let asked = soak.metrics.iter().map(async |metric| {
            let measured = self.metric(metric, intervals).await.map_err(reason);
            (metric.name.clone(), measured)
        });
        join_all(asked).await.into_iter().collect()
    }

    /// What one metric shows in `span` alone.
    ///
    /// # Errors
    /// There is no answer, or another than the metric needs.
    pub(in crate::tool) async fn once(&self, metric: &Metric, span: Interval) -> Result<Measurement, Reason> {
        match self.metric(metric, &[span]).await {
            Ok(Measured::Whole(measured) | Measured::Since(measured)) => Ok(measured),
            Err(failure) => Err(reason(failure)),
        }
    }

    async fn metric(&self, metric: &Metric, intervals: &[Interval]) -> Result<Measured, Failure> {
        let all = whole(intervals);
        match metric.rule {
            Rule::Value { .. } | Rule::Trend => {
                let number = number(&self.ask(metric.asks.first(), all).await?)?;
                Ok(Measured::Whole(Measurement::Values(vec![Some(number)])))
            }
            Rule::Equal { .. } => {
                let left = self.count(metric.asks.first(), intervals);
                let right = self.count(metric.asks.last(), intervals);
                let (left, right) = futures_util::future::join(left, right).await;
                Ok(Measured::Whole(Measurement::Pairs(vec![Some((left?, right?))])))
            }
            Rule::Rate { .. } | Rule::Zero { .. } | Rule::Latency { .. } | Rule::Compare { .. } => {
                let ask = metric.asks.first();
                if !ask.query.looks_back() {
                    let since = Interval { start: self.before.unwrap_or(all.start), end: all.end };
                    return counts(metric, self.ask(ask, since).await?).map(Measured::Since);
                }
                if matches!(ask.query, Query::Junit { .. }) {
                    return counts(metric, self.ask(ask, all).await?).map(Measured::Whole);
                }
                let mut sum = None;
                for interval in intervals {
                    sum = Some(added(sum, counts(metric, self.ask(ask, *interval).await?)?));
                }
                let nothing = || Failure::NoData("no time was counted".to_owned());
                sum.map(Measured::Whole).ok_or_else(nothing)
            }
        }
    }

    /// A whole number over all intervals.
    async fn count(&self, ask: &Ask, intervals: &[Interval]) -> Result<u64, Failure> {
        let mut sum = 0_u64;
        for interval in intervals {
            let found = number(&self.ask(ask, *interval).await?)?;
            if found < 0.0 || found.fract() != 0.0 || found > 9e15 {
                return Err(Failure::Failed(format!("expected a count, found {found}")));
            }
            sum = sum.saturating_add(found as u64);
        }
        Ok(sum)
    }

    /// The failing rows of a metric, as far as its source can show them.
    ///
    /// # Errors
    /// The source does not answer.
    pub(super) async fn samples(
        &self,
        metric: &Metric,
        intervals: &[Interval],
    ) -> Result<Vec<Value>, Failure> {
        self.sources.samples(metric.asks.first(), &self.question(whole(intervals))).await
    }

    async fn ask(&self, ask: &Ask, interval: Interval) -> Result<Answer, Failure> {
        self.sources.ask(ask, &self.question(interval)).await
    }

    fn question(&self, interval: Interval) -> Question {
        Question::new(interval, self.sha, self.stable)
    }
}

/// An answer as the counts that a metric is judged by.
fn counts(metric: &Metric, answer: Answer) -> Result<Measurement, Failure> {
    let found = match (&metric.rule, answer) {
        (Rule::Rate { .. } | Rule::Zero { .. }, Answer::Counts(counts)) => {
            return Ok(Measurement::Counts(counts));
        }
        // What counts only bad samples gets its total from another metric.
        (Rule::Zero { .. }, Answer::Number(bad))
            if metric.exposure.is_some() && bad >= 0.0 && bad.fract() == 0.0 =>
        {
            return Ok(Measurement::Counts(Counts { good: 0, total: bad as u64 }));
        }
        (Rule::Latency { .. }, Answer::Buckets { surely, perhaps }) => {
            return Ok(Measurement::Buckets { surely, perhaps });
        }
        (Rule::Compare { .. }, Answer::Arms { canary, stable }) => {
            return Ok(Measurement::Arms { canary, stable });
        }
        (_, Answer::Counts(_)) => "one pair of counts",
        (_, Answer::Arms { .. }) => "counts by arm",
        (_, Answer::Buckets { .. }) => "buckets",
        (_, Answer::Number(_)) => "a single number",
    };
    let expected = match metric.rule {
        Rule::Compare { .. } => "counts of canary and stable",
        Rule::Latency { .. } => "buckets",
        _ => "good or bad samples and their total",
    };
    Err(Failure::Failed(format!("expected {expected}, found {found}")))
}

fn number(answer: &Answer) -> Result<f64, Failure> {
    match answer {
        Answer::Number(number) => Ok(*number),
        Answer::Counts(_) | Answer::Arms { .. } | Answer::Buckets { .. } => {
            Err(Failure::Failed("expected a single number, found counts".to_owned()))
        }
    }
}

/// From the beginning of the first to the end of the last.
fn whole(intervals: &[Interval]) -> Interval {
    let (first, last) = (intervals.first(), intervals.last());
    let none = Timestamp::UNIX_EPOCH;
    Interval { start: first.map_or(none, |it| it.start), end: last.map_or(none, |it| it.end) }
}

fn reason(failure: Failure) -> Reason {
    match failure {
        Failure::NoData(_) => Reason::NoData,
        Failure::Failed(what) => Reason::Error { what },
        Failure::Dead(what) => Reason::DeadSource { what },
    }
}
