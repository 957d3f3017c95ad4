//! The course of every metric as a picture: one panel each, no script, no font but the reader's own.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::table;
use crate::base::{duration, text};
use crate::model::verdict::Verdict;
use crate::policy::soak::judge::{Finding, Rule};
use crate::policy::soak::state::Point;
use crate::policy::soak::suite::Metric;
use crate::tool::canary_soak::SoakOutcome;

/// A panel, in pixels.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 170.0;
/// The plot within its panel: left, top, right and bottom.
const PLOT: (f64, f64, f64, f64) = (64.0, 52.0, 404.0, 140.0);
const COLUMNS: usize = 2;
/// Bytes of a name that fit a panel.
const NAME_BYTES: usize = 44;

/// The whole picture.
pub(super) fn draw(soak: &SoakOutcome) -> String {
    let panels: Vec<_> = soak.soak.metrics.iter().zip(&soak.judged.metrics).collect();
    let rows = panels.len().div_ceil(COLUMNS);
    let (width, height) = (WIDTH * COLUMNS as f64, HEIGHT.mul_add(rows as f64, 40.0));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    label(&mut out, (16.0, 26.0), "font-size=\"15\" font-weight=\"600\"", &soak.headline().1);
    for (at, (metric, finding)) in panels.into_iter().enumerate() {
        let (column, row) = (at % COLUMNS, at / COLUMNS);
        let (x, y) = (column as f64 * WIDTH, HEIGHT.mul_add(row as f64, 40.0));
        let _ = writeln!(out, "<g transform=\"translate({x} {y})\">");
        panel(&mut out, soak, metric, finding);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

fn panel(out: &mut String, soak: &SoakOutcome, metric: &Metric, finding: &Finding) {
    let colour = colour(finding.verdict);
    let value = finding.shown.estimate.map_or("-".to_owned(), |value| table::number(metric, value));
    label(out, (16.0, 20.0), "font-weight=\"600\"", &text::escape(&metric.name, NAME_BYTES));
    let line = format!("{value}, target {}", table::target(metric));
    label(out, (16.0, 38.0), "fill=\"#555\"", &text::escape(&line, 60));
    let verdict = format!("text-anchor=\"end\" font-weight=\"600\" fill=\"{colour}\"");
    label(out, (PLOT.2, 20.0), &verdict, finding.verdict.as_str());
    let (left, top, right, bottom) = PLOT;
    let _ = writeln!(
        out,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"#f6f7f8\" stroke=\"#d5d8dc\"/>",
        right - left,
        bottom - top
    );
    let course =
        soak.state.metrics.get(&metric.name).map(|memory| memory.course.as_slice()).unwrap_or_default();
    let window = soak.state.window(&soak.soak);
    label(out, (left, bottom + 16.0), "fill=\"#555\"", "0");
    label(out, (right, bottom + 16.0), "text-anchor=\"end\" fill=\"#555\"", &duration::show(window));
    let Some(scale) = Scale::of(course, &metric.rule, window.as_secs_f64()) else {
        let middle = f64::midpoint(left, right);
        label(out, (middle, 100.0), "text-anchor=\"middle\" fill=\"#555\"", "nothing was measured");
        return;
    };
    for (value, y) in [(scale.high, top + 10.0), (scale.low, bottom)] {
        let told = table::number(metric, (value * 1_000.0).round() / 1_000.0);
        label(out, (left - 6.0, y), "text-anchor=\"end\" fill=\"#555\" font-size=\"10\"", &told);
    }
    scale.course(out, course, colour);
    if let Some(limit) = limit(&metric.rule) {
        let y = scale.y(limit);
        let _ = writeln!(
            out,
            "<line x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#333\" stroke-dasharray=\"5 3\"/>"
        );
    }
}

/// What a number has to keep to, where that is one line.
fn limit(rule: &Rule) -> Option<f64> {
    match *rule {
        Rule::Rate { goal, .. } | Rule::Value { goal, .. } => Some(goal.limit()),
        Rule::Latency { share, .. } => Some(share),
        Rule::Zero { .. } | Rule::Equal { .. } => Some(0.0),
        Rule::Compare { margin, .. } => match margin {
            crate::policy::soak::judge::Margin::Points(points) => Some(-points),
            crate::policy::soak::judge::Margin::Percent(_) => None,
        },
        Rule::Trend => None,
    }
}

struct Scale {
    low: f64,
    high: f64,
    window: f64,
}

impl Scale {
    /// From the lowest to the highest of numbers, bands and limit, with a little room.
    fn of(course: &[Point], rule: &Rule, window: f64) -> Option<Self> {
        let banded = course.iter().flat_map(|point| {
            let (low, high) = point.limits.unwrap_or((point.value, point.value));
            [point.value, low, high]
        });
        let all: Vec<f64> = banded.chain(limit(rule)).filter(|number| number.is_finite()).collect();
        if course.is_empty() || all.is_empty() {
            return None;
        }
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let room = if high > low { (high - low) * 0.08 } else { high.abs().max(1.0) * 0.1 };
        // A share is between 0 and 1.
        let share = matches!(rule, Rule::Rate { .. } | Rule::Zero { .. } | Rule::Latency { .. });
        let (least, most) = if share { (0.0, 1.0) } else { (f64::NEG_INFINITY, f64::INFINITY) };
        let (low, high) = ((low - room).max(least), (high + room).min(most));
        Some(Self { low, high, window: window.max(f64::MIN_POSITIVE) })
    }

    fn y(&self, value: f64) -> f64 {
        let (_, top, _, bottom) = PLOT;
        let part = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        part.mul_add(top - bottom, bottom)
    }

    fn at(&self, point: &Point, value: f64) -> String {
        let (left, _, right, _) = PLOT;
        let part = (point.counted.as_secs_f64() / self.window).clamp(0.0, 1.0);
        format!("{:.1},{:.1}", part.mul_add(right - left, left), self.y(value))
    }

    /// The band of the limits, the line, and its last point.
    fn course(&self, out: &mut String, course: &[Point], colour: &str) {
        let banded: Vec<_> = course.iter().filter_map(|point| Some((point, point.limits?))).collect();
        if banded.len() > 1 {
            let above = banded.iter().map(|(point, (_, high))| self.at(point, *high));
            let below = banded.iter().rev().map(|(point, (low, _))| self.at(point, *low));
            let edge: Vec<String> = above.chain(below).collect();
            let points = edge.join(" ");
            let _ = writeln!(out, "<polygon points=\"{points}\" fill=\"{colour}\" fill-opacity=\"0.15\"/>");
        }
        let line: Vec<String> = course.iter().map(|point| self.at(point, point.value)).collect();
        let points = line.join(" ");
        let _ = writeln!(
            out,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        );
        if let Some((x, y)) = line.last().and_then(|last| last.split_once(',')) {
            let _ = writeln!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>");
        }
    }
}

fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Green => "#1a7f37",
        Verdict::Red => "#cf222e",
        Verdict::Inconclusive | Verdict::Error => "#9a6700",
        Verdict::Pending => "#0969da",
    }
}

fn label(out: &mut String, (x, y): (f64, f64), attributes: &str, words: &str) {
    let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" {attributes}>{}</text>", escape(words));
}
