//! `promote-ring`: moves the tag of a ring to a release that has earned it, with the engine of `promote-latest`.

mod args;
pub(crate) mod due;

pub use self::args::Args;
use super::Tool;
use super::failure::Failure;
use super::options::OutputOptions;
use super::promote_latest;
use super::rings::Declared;
use super::rung::{Affected, Rung};
use super::settings::Settings;
use crate::engine::execute::Executed;
use crate::io::context::Context;
use crate::io::registry::client::{Access, Client};
use crate::model::commit::CommitSha;
use crate::policy::gates::ring::waits;
use crate::policy::rings::outlook::Wait;

/// The binary.
pub struct PromoteRing;

/// What it came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The tag of a ring was moved, or names the release already.
    Stepped {
        /// The ring.
        ring: String,
        /// Who is in it; `None` where no list says so.
        affected: Option<Affected>,
        /// The images.
        moves: Box<Executed>,
        /// Older releases that this ring will never run.
        passed_over: Vec<CommitSha>,
    },
    /// Nothing may move yet: each ring, and what it waits for.
    Waits(Vec<(String, Wait)>),
    /// There is nothing to move.
    Nothing,
}

impl Tool for PromoteRing {
    const NAME: &'static str = "promote-ring";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        let settings = Settings::find(&args.registry, &args.images.images, &context.env)?;
        let declared = Declared::of(settings.rings.clone(), settings.file.as_deref())?;
        let to = args.to.as_deref().map(|name| declared.place(name)).transpose()?;
        let client = settings.client(context, Access::PullPush)?;
        let rung = Rung::read(&client, &settings, declared, to.unwrap_or(0), args.skip_rings.clone()).await?;
        let Some(typed) = &args.sha else {
            return match due::find(&client, &settings, &rung).await? {
                due::Due::Step { place, sha, passed_over } => {
                    step(&args, settings, &client, rung.at(place)?, &sha, passed_over).await
                }
                due::Due::Waits(waits) => Ok(Outcome::Waits(waits)),
                due::Due::Nothing => Ok(Outcome::Nothing),
            };
        };
        let rung = match to {
            Some(_) => rung,
            None => match next(&rung, typed) {
                Some(place) => rung.at(place)?,
                None => return Ok(Outcome::Nothing),
            },
        };
        step(&args, settings, &client, rung, typed, Vec::new()).await
    }
}

/// The ring after the outermost one that the release came to; `None`: it is everywhere.
fn next(rung: &Rung, typed: &CommitSha) -> Option<usize> {
    let history = &rung.survey.history.history;
    let came = |place: &usize| {
        let tag = rung.declared.rings.rings[*place].tag.as_str();
        let meant = |sha: &CommitSha| typed.begins(sha);
        rung.survey.states[*place].runs().is_some_and(meant)
            || history.standing(tag).last_move.is_some_and(|last| last.sha.as_ref().is_some_and(meant))
    };
    let last = rung.declared.rings.last();
    let next = (0..=last).rev().find(came).map_or(0, |place| place + 1);
    (next <= last).then_some(next)
}

async fn step(
    args: &Args,
    settings: Settings,
    client: &Client<'_>,
    rung: Rung,
    sha: &CommitSha,
    passed_over: Vec<CommitSha>,
) -> Result<Outcome, Failure> {
    let console = &client.context().console;
    let ring = rung.declared.rings.rings[rung.place].clone();
    let runs = rung.survey.states[rung.place].runs();
    if rung.skip.is_none()
        && !runs.is_some_and(|runs| sha.begins(runs))
        && let Some(why) = waits(&rung.view().step(rung.place, None), &settings.require)
    {
        let wait = Wait { sha: sha.clone(), why, act: "wait for its verdict".to_owned() };
        return Ok(Outcome::Waits(vec![(ring.name, wait)]));
    }
    if let Some(affected) = &rung.affected {
        console.say(&format!("ring {}: {affected}", ring.name));
    }
    for older in &passed_over {
        console.say(&format!("{older} is passed over: a newer release has earned ring {} too", ring.name));
    }
    let mut settings = settings.on_tag(Some(&ring.tag));
    settings.target.promoter = PromoteRing::NAME;
    let moves =
        promote_latest::step(&args.as_promotion(sha, &ring.tag), settings, client, Some(&rung)).await?;
    Ok(Outcome::Stepped { ring: ring.name, affected: rung.affected, moves: Box::new(moves), passed_over })
}
