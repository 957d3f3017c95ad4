//! `canary-soak preflight`: what must be true before a soak begins.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::args::Args;
use super::load::{GatesFile, load, sources};
use super::measure::Asker;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::github_api::GithubApi;
use crate::io::metrics::{Sources, command, junit};
use crate::model::commit::CommitSha;
use crate::model::record::JudgedImage;
use crate::model::soak::Interval;
use crate::policy::soak::preflight::difference;
use crate::policy::soak::recovery::{Targets, target};
use crate::policy::soak::suite::Soak;
use crate::policy::soak::suite::beside::{Check, Row};
use crate::tool::failure::Failure;

/// What a preflight found.
#[derive(Clone, Debug)]
pub struct PreflightOutcome {
    /// The release.
    pub sha: CommitSha,
    /// Its images, where records are kept.
    pub images: Vec<JudgedImage>,
    /// The file.
    pub gates: GatesFile,
    /// Every row and how it stands, in the order of the file.
    pub rows: Vec<(Row, Stand)>,
    /// When it was done.
    pub finished: Timestamp,
}

/// How a row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It is true.
    Met,
    /// It is not; what was found.
    NotMet(String),
    /// It could not be found out; why.
    Unknown(String),
}

/// Bound on a program of a row.
const PATIENCE: Duration = Duration::from_secs(120);
/// The time that a metric is measured over.
const OVER: SignedDuration = SignedDuration::from_hours(1);

/// Finds out every row at the same time.
///
/// # Errors
/// The file has a mistake or no rows, or a variable is not set.
pub(super) async fn preflight(args: &Args, context: &Context) -> Result<PreflightOutcome, Failure> {
    let (soak, gates) = load(&args.gates)?;
    let Some(sha) = &args.sha else {
        return Err(Failure::usage("it is not said which release is meant", "give `--sha SHA`"));
    };
    if soak.preflight.is_empty() {
        return Err(Failure::usage(
            format!("`{}` has no `[[preflight]]`", gates.file),
            "write what must be true before a soak begins",
        ));
    }
    let release = args.recording(context).release(sha).await?;
    let sha = release.as_ref().map_or(sha, |release| &release.sha).clone();
    let sources = sources(&soak, &args.gates, context)?;
    let asking = Asking { soak: &soak, sha: &sha, args, sources: &sources, context };
    let stands = join_all(soak.preflight.iter().map(async |row| {
        context
            .stop
            .unless(asking.stand(row))
            .await
            .unwrap_or_else(|signal| Stand::Unknown(format!("stopped by {}", signal.name())))
    }))
    .await;
    let rows = soak.preflight.iter().cloned().zip(stands).collect();
    let images = release.map(|release| JudgedImage::of(&release)).unwrap_or_default();
    Ok(PreflightOutcome { sha, images, gates, rows, finished: clock::now() })
}

struct Asking<'a> {
    soak: &'a Soak,
    sha: &'a CommitSha,
    args: &'a Args,
    sources: &'a Sources<'a>,
    context: &'a Context,
}

impl Asking<'_> {
    async fn stand(&self, row: &Row) -> Stand {
        self.check(&row.check)
            .await
            .unwrap_or_else(|why| Stand::Unknown(self.context.console.secrets.clean(&why)))
    }

    async fn check(&self, check: &Check) -> Result<Stand, String> {
        let met = |met: bool, found: String| if met { Stand::Met } else { Stand::NotMet(found) };
        Ok(match check {
            Check::Closed(issue) => {
                let found = self.github()?.issue(&issue.repository, issue.number).await?;
                met(found.state == "closed", format!("{issue} is {}", found.state))
            }
            Check::Labelled(issue, label) => {
                let found = self.github()?.issue(&issue.repository, issue.number).await?;
                let bears = found.labels.iter().any(|other| other.name == *label);
                met(bears, format!("{issue} does not bear `{label}`"))
            }
            Check::TipOf(branch) => {
                let tip = self.github()?.tip(branch).await?;
                met(tip.starts_with(self.sha.as_str()), format!("the tip of {branch} is {tip}"))
            }
            Check::Alive(source) => {
                let answer = self.sources.alive(source).await;
                answer.map_or_else(|failure| Stand::NotMet(failure.to_string()), |()| Stand::Met)
            }
            Check::Same { canary, stable, target, ignore } => {
                let ask = |source| self.sources.document(source, target);
                let (canary, stable) = futures_util::future::join(ask(canary), ask(stable)).await;
                let (canary, stable) =
                    (canary.map_err(|e| e.to_string())?, stable.map_err(|e| e.to_string())?);
                match difference(&canary, &stable, ignore) {
                    None => Stand::Met,
                    Some(place) => Stand::NotMet(format!("canary and stable differ in {place}")),
                }
            }
            Check::Junit(file) => {
                let path = self.args.gates.parent().unwrap_or(Path::new("")).join(file);
                match junit::ask(&path, "*").map_err(|failure| failure.to_string())? {
                    crate::io::metrics::Answer::Counts(counts) => {
                        met(counts.bad() == 0, format!("{} of {} cases failed", counts.bad(), counts.total))
                    }
                    _ => Stand::Unknown("no counts".to_owned()),
                }
            }
            Check::Run(argv) => {
                let vars = [("RELEASE_SHA", self.sha.to_string())];
                let ended = command::check(argv, &vars, PATIENCE).await;
                ended.map_or_else(|failure| Stand::NotMet(failure.to_string()), |()| Stand::Met)
            }
            Check::Metric(name) => self.metric(name).await?,
        })
    }

    /// The metric in the last hour, taken at its word.
    async fn metric(&self, name: &str) -> Result<Stand, String> {
        let metric = self.soak.metric(name).ok_or("there is no such metric")?;
        let lag = SignedDuration::try_from(self.soak.lag).unwrap_or_default();
        let end = clock::now().checked_sub(lag).unwrap_or(Timestamp::UNIX_EPOCH);
        let start = end.checked_sub(OVER).unwrap_or(Timestamp::UNIX_EPOCH);
        let stable = self.args.stable.as_ref().map_or("", CommitSha::as_str);
        let asker = Asker { sources: self.sources, sha: self.sha.as_str(), stable, before: Some(start) };
        let measured = asker.once(metric, Interval { start, end }).await.map_err(|why| why.to_string())?;
        let (state, number) = target(&metric.rule, None, Some(&measured));
        let number = number.map(|number| format!(": {number}")).unwrap_or_default();
        Ok(match state {
            Targets::Met => Stand::Met,
            Targets::Missed => Stand::NotMet(format!("`{name}` missed its target in the last hour{number}")),
            Targets::Unknown => {
                Stand::Unknown(format!("`{name}` had too few samples in the last hour{number}"))
            }
        })
    }

    fn github(&self) -> Result<GithubApi, String> {
        GithubApi::of(&self.context.env)
    }
}
