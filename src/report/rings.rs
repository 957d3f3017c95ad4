//! Steps of a release from ring to ring.

use serde_json::{Map, Value, json};

use super::Render;
use super::github::Summary;
use super::json::object;
use super::page::{Mood, Page, cell};
use super::ring_of::{counted, part};
use super::table::Table;
use crate::base::exit::Exit;
use crate::model::verdict::Verdict;
use crate::policy::rings::bucket::Share;
use crate::policy::rings::outlook::Wait;
use crate::tool::promote_ring::Outcome;
use crate::tool::release_status::rings::Row;

fn waiting(waits: &[(String, Wait)]) -> Table {
    let rows = waits.iter().map(|(ring, wait)| {
        [
            (Mood::Strong, ring.clone()),
            cell(wait.sha.short()),
            (Mood::Odd, wait.why.clone()),
            cell(wait.act.clone()),
        ]
    });
    Table::new(["ring", "release", "waits for", "to do"], rows)
}

/// A row for each ring: what it runs and since when, its tenants, what is proven, what it waits for and who must act.
pub(crate) fn ring_table(rows: &[Row]) -> Table {
    let head = ["ring", "release", "since", "tenants", "proven", "next", "to do"];
    Table::new(
        head,
        rows.iter().map(|row| {
            let release = match &row.release {
                Ok(Some(sha)) => (Mood::Good, sha.short().to_owned()),
                Ok(None) => (Mood::Dim, "nothing".to_owned()),
                Err(why) => (Mood::Bad, why.clone()),
            };
            let since = row.since.map(|at| at.strftime("%F %H:%M UTC").to_string()).unwrap_or_default();
            let tenants = match (row.tenants, row.share) {
                (Some((count, all)), _) => format!("{} ({})", counted(count), part(count, all)),
                (None, Some(points)) => {
                    Share::of(points).map(|share| format!("up to {share}")).unwrap_or_default()
                }
                (None, None) => String::new(),
            };
            let (next, act) = match (&row.outlook.take, row.outlook.waits.first(), &row.outlook.held) {
                (Some(sha), ..) => (format!("may take {}", sha.short()), "`promote-ring --due`".to_owned()),
                (None, Some(wait), _) => (format!("{}: {}", wait.sha.short(), wait.why), wait.act.clone()),
                (None, None, Some(held)) => {
                    (format!("held{held}"), "`release-status resume --reason TEXT`".to_owned())
                }
                (None, None, None) => (String::new(), String::new()),
            };
            [
                (Mood::Strong, row.ring.clone()),
                release,
                cell(since),
                cell(tenants),
                cell(row.proven.join(", ")),
                cell(next),
                cell(act),
            ]
        }),
    )
}

/// One ring as it stands in documents.
pub(crate) fn ring_json(row: &Row) -> Value {
    let waits =
        row.outlook.waits.iter().map(|wait| json!({ "sha": wait.sha, "why": wait.why, "act": wait.act }));
    json!({
        "ring": row.ring,
        "tag": row.tag,
        "sha": row.release.as_ref().ok(),
        "unknown": row.release.as_ref().err(),
        "since": row.since,
        "tenants": row.tenants.map(|(count, _)| count),
        "all_tenants": row.tenants.map(|(_, all)| all),
        "share": row.share,
        "proven": row.proven,
        "may_take": row.outlook.take,
        "passed_over": row.outlook.passed_over,
        "waits": waits.collect::<Vec<_>>(),
        "held": row.outlook.held,
    })
}

const WAITS: &str = "not yet: nothing was moved";
const NOTHING: &str = "already: no ring has anything to take";

impl Render for Outcome {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Waits(_) => Verdict::Pending,
            Self::Stepped { .. } | Self::Nothing => Verdict::Green,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Waits(_) => Exit::Pending,
            Self::Stepped { .. } | Self::Nothing => Exit::Done,
        }
    }

    fn fields(&self) -> Map<String, Value> {
        match self {
            Self::Stepped { ring, affected, moves, passed_over } => {
                let mut fields = moves.fields();
                fields.extend(object(json!({
                    "ring": ring,
                    "tenants": affected.as_ref().map(|affected| &affected.tenants),
                    "all_tenants": affected.as_ref().map(|affected| affected.all),
                    "share": affected.as_ref().and_then(|affected| affected.share).map(Share::basis_points),
                    "passed_over": passed_over,
                })));
                fields
            }
            Self::Waits(waits) => {
                let one = |(ring, wait): &(String, Wait)| json!({ "ring": ring, "sha": wait.sha, "why": wait.why, "act": wait.act });
                object(json!({ "waits": waits.iter().map(one).collect::<Vec<_>>() }))
            }
            Self::Nothing => Map::new(),
        }
    }

    fn text(&self, page: &mut Page) {
        match self {
            Self::Stepped { moves, .. } => moves.text(page),
            Self::Waits(waits) => {
                page.line(Mood::Odd, WAITS);
                waiting(waits).text(page);
            }
            Self::Nothing => page.line(Mood::Good, NOTHING),
        }
    }

    fn summary(&self, summary: &mut Summary) {
        match self {
            Self::Stepped { ring, affected, moves, passed_over } => {
                moves.summary(summary);
                if let Some(affected) = affected {
                    summary.paragraph(&format!("Ring {ring}: {affected}"));
                }
                for older in passed_over {
                    summary.paragraph(&format!("Passed over: {older}"));
                }
            }
            Self::Waits(waits) => {
                summary.heading(WAITS);
                waiting(waits).summary(summary);
            }
            Self::Nothing => summary.heading(NOTHING),
        }
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Stepped { ring, moves, .. } => {
                moves.outputs().into_iter().chain([("ring", ring.clone())]).collect()
            }
            Self::Waits(waits) => waits.iter().take(1).map(|(ring, ..)| ("ring", ring.clone())).collect(),
            Self::Nothing => Vec::new(),
        }
    }
}
