//! Steps of a release from ring to ring.

use serde_json::{Map, Value, json};

use super::Render;
use super::github::Summary;
use super::json::object;
use super::page::{Mood, Page, cell};
use super::table::Table;
use crate::base::exit::Exit;
use crate::model::commit::CommitSha;
use crate::model::verdict::Verdict;
use crate::policy::rings::bucket::Share;
use crate::tool::promote_ring::Outcome;

fn waiting(waits: &[(String, CommitSha, String)]) -> Table {
    let rows = waits
        .iter()
        .map(|(ring, sha, why)| [(Mood::Strong, ring.clone()), cell(sha.short()), (Mood::Odd, why.clone())]);
    Table::new(["ring", "release", "waits for"], rows)
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
                let one = |(ring, sha, why): &(String, CommitSha, String)| json!({ "ring": ring, "sha": sha, "why": why });
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
