//! `ring-of`: which ring a tenant, session or task is in. Reads files only.

mod args;

pub use self::args::{Args, Form};
use super::Tool;
use super::failure::Failure;
use super::options::OutputOptions;
use super::rings::{self, Declared};
use crate::io::context::Context;
use crate::model::key::Key;
use crate::policy::rings::bucket::Share;
use crate::policy::rings::members::{Member, Row, changed, deal, fit, member, too_few};
use crate::policy::rings::{Rings, export};

/// The binary.
pub struct RingOf;

/// The answer.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Where each key is, with the name of its ring.
    Members(Vec<(Member, String)>),
    /// Everybody.
    Table(Vec<Row>),
    /// Who is in another ring than by the older configuration: the key, before, after; and of how many.
    Changed(Vec<(Key, String, String)>, usize),
    /// The smallest share with which a ring has enough, and who is in it then.
    Fitted(String, Share, Vec<Key>),
    /// Even the largest share of the band is too small: the ring, that share, and how many are in it.
    Unfit(String, Share, usize),
    /// The map in the form that was asked for.
    Exported(String),
    /// Rings in which nobody is, or too few.
    TooFew(Vec<String>),
}

impl Tool for RingOf {
    const NAME: &'static str = "ring-of";
    type Args = Args;
    type Outcome = Outcome;

    fn output(args: &Args) -> &OutputOptions {
        &args.output
    }

    async fn run(args: Args, context: &Context) -> Result<Outcome, Failure> {
        let declared = Declared::find(args.config.as_deref(), &context.env)?;
        let rings = &declared.rings;
        if !args.keys.is_empty() {
            let found = args.keys.iter().map(|key| member(rings, key));
            let found = found.map(|found| (found.clone(), rings.rings[found.ring].name.clone()));
            return Ok(Outcome::Members(found.collect()));
        }
        if args.export == Some(Form::Flagd) {
            return Ok(Outcome::Exported(export::flagd(rings)));
        }
        let keys = match &args.list {
            Some(path) => rings::list(path)?,
            None => declared.tenants()?.ok_or_else(|| {
                Failure::usage(
                    "no list of tenants",
                    "give `--list FILE`, or write `tenants = \"FILE\"` into `[rings]`",
                )
            })?,
        };
        if let Some(older) = &args.diff {
            let older = Declared::find(Some(older), &context.env)?;
            return Ok(Outcome::Changed(changed(&older.rings, rings, &keys), keys.len()));
        }
        if let Some(band) = args.fit {
            return fitted(rings, (band.least, band.most), &keys);
        }
        let rows = deal(rings, &keys);
        let Some(form) = args.export else { return Ok(Outcome::Table(rows)) };
        let few: Vec<String> = rows.iter().filter_map(too_few).collect();
        if !few.is_empty() {
            return Ok(Outcome::TooFew(few));
        }
        Ok(Outcome::Exported(match form {
            Form::Json => export::json(&rows),
            Form::Csv => export::csv(&rows),
            Form::Env => export::env(&rows),
            Form::Haproxy => export::haproxy(&rows),
            Form::Flagd => export::flagd(rings),
        }))
    }
}

fn fitted(rings: &Rings, (least, most): (Share, Share), keys: &[Key]) -> Result<Outcome, Failure> {
    let inside = |share: Option<Share>| share.is_some_and(|share| (least..=most).contains(&share));
    let meant: Vec<usize> = (0..rings.last()).filter(|place| inside(rings.rings[*place].share)).collect();
    let [place] = meant[..] else {
        let found =
            meant.iter().map(|place| rings.rings[*place].name.as_str()).collect::<Vec<_>>().join(", ");
        let found = if found.is_empty() { "none".to_owned() } else { found };
        return Err(Failure::usage(
            format!("expected one ring whose `percent` is in the band, found {found}"),
            "set the ring's `percent` to a share in the band, and no other ring's",
        ));
    };
    let name = rings.rings[place].name.clone();
    Ok(match fit(rings, place, (least, most), keys) {
        Ok((share, keys)) => Outcome::Fitted(name, share, keys),
        Err(found) => Outcome::Unfit(name, most, found),
    })
}
