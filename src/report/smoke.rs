//! Runs of the smoke suite: verdict, grid, failures, documents for machines.

mod document;
mod failures;
mod grid;
mod junit;
mod lint;
mod prove;

use serde_json::{Map, Value, json};

use self::failures::Group;
use super::Render;
use super::github::{Annotation, Level, Summary};
use super::json::object;
use super::page::{Mood, Page};
use crate::base::duration;
use crate::base::exit::Exit;
use crate::model::check::Outcome as CheckOutcome;
use crate::model::commit::CommitSha;
use crate::model::verdict::Verdict;
use crate::policy::smoke::judge::{self, tally};
use crate::policy::smoke::suite::FlakyRule;
use crate::tool::canary_smoke::{Outcome, Recorded, RunOutcome};

/// A runner shows no more annotations of one level and step (actions/runner, `ExecutionContext.cs`); the last one says
/// how many there are beyond.
const ANNOTATIONS: usize = 10;

impl RunOutcome {
    /// The verdict. A run that was stopped has none of its own.
    fn verdict(&self) -> Verdict {
        match self.signal {
            Some(_) => Verdict::Error,
            None => judge::fleet(&self.tenants, self.checks, self.flaky),
        }
    }

    fn exit(&self) -> Exit {
        match (self.signal, self.verdict()) {
            (Some(signal), _) => signal.exit(),
            (None, Verdict::Green) => Exit::Done,
            (None, Verdict::Red) => Exit::No,
            (None, Verdict::Inconclusive | Verdict::Pending) => Exit::Inconclusive,
            (None, Verdict::Error) => Exit::Usage,
        }
    }

    /// The build that took this one's place while it was tested; then the verdict says nothing against this one.
    pub(crate) fn superseded_by(&self) -> Option<CommitSha> {
        judge::superseded(&self.tenants, &self.sha).filter(|_| self.verdict() == Verdict::Inconclusive)
    }

    /// One word for why the verdict is what it is, where there is one.
    fn reason(&self) -> &'static str {
        if self.superseded_by().is_some() { "superseded" } else { "" }
    }

    fn duration(&self) -> std::time::Duration {
        std::time::Duration::try_from(self.finished.duration_since(self.started)).unwrap_or_default()
    }

    fn headline(&self) -> (Mood, String) {
        let tally = tally(self.tenants.iter().flat_map(|tenant| &tenant.checks));
        let all = self.tenants.len();
        let took = duration::show(self.duration());
        let other = self.tenants.iter().filter(|tenant| tenant.build.is_other()).count();
        let astray = self.tenants.iter().filter(|tenant| tenant.build.astray().is_some()).count();
        let mut counts = Vec::new();
        for (count, word) in [
            (tally.failed, "failed"),
            (tally.flaky, "flaky"),
            (tally.inconclusive, "inconclusive"),
            (tally.passed, "passed"),
        ] {
            if count > 0 {
                counts.push(format!("{count} {word}"));
            }
        }
        let counts = counts.join(", ");
        let mut build = String::new();
        if self.ready_line.is_none() {
            build.push_str("; the suite does not check which build it is");
        }
        if other > 0 {
            build.push_str(&format!("; {other} of {all} tenants do not serve it"));
        }
        if astray > other {
            build.push_str(&format!("; of {} of {all} tenants it is not known", astray - other));
        }
        if let Some(other) = self.superseded_by() {
            build.push_str(&format!("; superseded: the tenants went on to {other}, whose own run decides"));
        }
        let (mood, word) = match self.verdict() {
            Verdict::Green => (Mood::Good, "GREEN"),
            Verdict::Red => (Mood::Bad, "RED"),
            Verdict::Inconclusive | Verdict::Pending => (Mood::Odd, "INCONCLUSIVE"),
            Verdict::Error => (Mood::Odd, "STOPPED"),
        };
        let tenants = if all == 1 { "1 tenant".to_owned() } else { format!("{all} tenants") };
        (mood, format!("{word}: {} on {tenants}: {counts}{build} ({took})", self.sha))
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.ready_line.is_none() {
            remarks.push("without `[ready]` in the suite nothing proves which build answered".to_owned());
        }
        for (first, second) in &self.twins {
            remarks.push(format!(
                "{first} and {second} take the same token at the same address: they may be one tenant, tested twice"
            ));
        }
        let no_route: Vec<String> = self
            .tenants
            .iter()
            .flat_map(|tenant| {
                tenant.places.no_route.iter().map(|place| format!("{} ({place})", tenant.name))
            })
            .collect();
        if !no_route.is_empty() {
            let listed = no_route.join(", ");
            remarks.push(format!("not asked which build it serves, as there is no route to it: {listed}"));
        }
        let left = |c: &&crate::model::check::CheckResult| {
            c.samples.iter().flat_map(|s| &s.cleanup).any(|step| step.outcome != CheckOutcome::Passed)
        };
        for tenant in &self.tenants {
            for check in tenant.checks.iter().filter(left) {
                remarks.push(format!("{}: `{}` may have left something behind", tenant.name, check.name));
            }
        }
        remarks
    }

    fn text(&self, page: &mut Page) {
        let (mood, headline) = self.headline();
        page.line(mood, &headline);
        page.gap();
        grid::text(self, page);
        for group in failures::groups(self) {
            page.gap();
            group.text(&self.suite.file, page);
        }
        let remarks = self.remarks();
        if !remarks.is_empty() {
            page.gap();
            remarks.iter().for_each(|remark| page.line(Mood::Odd, &format!("warning: {remark}")));
        }
    }

    fn summary(&self, summary: &mut Summary) {
        summary.heading(&self.headline().1);
        grid::summary(self, summary);
        for group in failures::groups(self) {
            group.summary(&self.suite.file, summary);
        }
        for remark in self.remarks() {
            summary.paragraph(&format!("warning: {remark}"));
        }
    }

    fn annotations(&self) -> Vec<Annotation> {
        let groups = failures::groups(self);
        let mut all: Vec<Annotation> =
            groups.iter().map(|group| annotation(group, &self.suite.file, self.flaky)).collect();
        if all.len() > ANNOTATIONS {
            let more = all.len() - (ANNOTATIONS - 1);
            all.truncate(ANNOTATIONS - 1);
            let message = "the log, the step summary and the result file have all of them".to_owned();
            all.push(Annotation {
                level: Level::Error,
                title: format!("and {more} more"),
                message,
                place: None,
            });
        }
        all
    }
}

impl Recorded {
    fn headline(&self) -> String {
        let superseded = self.superseded_by.as_ref().map(|other| {
            format!(
                "; superseded: the tenants serve {other}, which was published later and whose own run decides"
            )
        });
        format!("recorded: {} on {}{}", self.verdict.as_str(), self.sha, superseded.unwrap_or_default())
    }
}

fn annotation(group: &Group<'_>, file: &str, flaky: FlakyRule) -> Annotation {
    let level = match (group.outcome, flaky) {
        (CheckOutcome::Flaky, FlakyRule::Warn) => Level::Warning,
        _ => Level::Error,
    };
    let lines: Vec<String> =
        group.facts().into_iter().map(|(what, text)| format!("{what}: {text}")).collect();
    Annotation {
        level,
        title: format!("{} {}: {}", group.name, group.outcome.as_str(), group.share()),
        message: lines.join("\n"),
        place: Some((file.to_owned(), group.line)),
    }
}

impl Render for Outcome {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Run(run) => run.verdict(),
            Self::Lint(_) | Self::Recorded(_) | Self::Schema(_) => Verdict::Green,
            Self::Prove(prove) => prove.verdict(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Run(run) => run.exit(),
            Self::Lint(_) | Self::Recorded(_) | Self::Schema(_) => Exit::Done,
            Self::Prove(prove) => prove.exit(),
        }
    }

    fn exit_unpublished(&self) -> Exit {
        // Nothing was moved: a verdict that nobody can read is no verdict.
        Exit::Usage
    }

    fn fields(&self) -> Map<String, Value> {
        match self {
            Self::Run(run) => document::fields(run),
            Self::Lint(lint) => lint.fields(),
            Self::Recorded(recorded) => object(json!({
                "sha": recorded.sha, "recorded": recorded.verdict, "superseded_by": recorded.superseded_by,
            })),
            Self::Prove(prove) => prove.fields(),
            Self::Schema(text) => {
                let schema: Value = serde_json::from_str(text).unwrap_or_default();
                Map::from_iter([("schema".to_owned(), json!(schema))])
            }
        }
    }

    fn text(&self, page: &mut Page) {
        match self {
            Self::Run(run) => run.text(page),
            Self::Lint(lint) => lint.text(page),
            Self::Recorded(recorded) => page.line(Mood::Good, &recorded.headline()),
            Self::Prove(prove) => prove.text(page),
            Self::Schema(text) => text.lines().for_each(|line| page.line(Mood::Plain, line)),
        }
    }

    fn summary(&self, summary: &mut Summary) {
        match self {
            Self::Run(run) => run.summary(summary),
            Self::Lint(lint) => lint.summary(summary),
            Self::Recorded(recorded) => summary.heading(&recorded.headline()),
            Self::Prove(prove) => prove.summary(summary),
            Self::Schema(_) => {}
        }
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Run(run) => vec![("sha", run.sha.to_string()), ("reason", run.reason().to_owned())],
            Self::Prove(prove) => vec![("sha", prove.sha.to_string())],
            Self::Recorded(recorded) => {
                let reason = if recorded.superseded_by.is_some() { "superseded" } else { "" };
                vec![("sha", recorded.sha.to_string()), ("reason", reason.to_owned())]
            }
            Self::Lint(_) | Self::Schema(_) => Vec::new(),
        }
    }

    fn annotations(&self) -> Vec<Annotation> {
        match self {
            Self::Run(run) => run.annotations(),
            Self::Lint(lint) => lint.annotations(),
            Self::Prove(_) | Self::Recorded(_) | Self::Schema(_) => Vec::new(),
        }
    }

    fn junit(&self) -> Option<String> {
        match self {
            Self::Run(run) => Some(junit::report(run)),
            Self::Lint(_) | Self::Prove(_) | Self::Recorded(_) | Self::Schema(_) => None,
        }
    }
}
