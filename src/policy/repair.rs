//! After a move that failed: do the images agree, and if not, which commands make them agree again.

use crate::model::moves::{Ended, Plan, Receipt};
use crate::model::repository::Repository;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `promote-latest`: the way out of a split is back, to what was live.
    Promotion,
    /// `rollback-latest`: the way out of a split is on, to where the person wanted to be.
    Rollback,
}

/// The command that makes the images agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The program and where it is to go.
    pub words: String,
    pub images: Vec<Repository>,
    /// Whether it is the command that failed, which repeats its evidence and its reason.
    pub again: bool,
}

/// What makes the images agree; `None` if every image is as it was before.
pub fn repair(direction: Direction, plan: &Plan, receipts: &[Receipt]) -> Option<Repair> {
    if receipts.iter().all(|receipt| receipt.ended.is_as_before()) {
        return None;
    }
    let there = plan.already.iter().map(|(repository, _)| repository);
    let target = plan.sha.as_ref().map_or_else(|| "--previous".to_owned(), ToString::to_string);
    if direction == Direction::Promotion && plan.moves.iter().any(|m| m.from.is_some()) {
        // An image that had no such tag before belongs to no release that one could go back to.
        let moved = plan.moves.iter().filter(|m| m.from.is_some()).map(|m| &m.repository);
        let images = moved.chain(there).cloned().collect();
        return Some(Repair { words: "rollback-latest --previous".to_owned(), images, again: false });
    }
    let program = match direction {
        // There was no such tag before: nothing to go back to, so the way out is on.
        Direction::Promotion => "promote-latest",
        Direction::Rollback => "rollback-latest",
    };
    let images = plan.moves.iter().map(|m| &m.repository).chain(there).cloned().collect();
    Some(Repair { words: format!("{program} {target}"), images, again: true })
}

pub fn remark(receipt: &Receipt) -> Option<String> {
    let image = &receipt.repository;
    match &receipt.ended {
        Ended::Foreign { found } => Some(format!("{image} was moved by somebody else to {found}")),
        Ended::Stranded => Some(format!("{image} could not be put back and stands at {}", receipt.to)),
        Ended::Gone => Some(format!("{image} lost its tag and it could not be put back")),
        Ended::Unknown { why } => Some(format!("{image} could not be read: {why}")),
        Ended::Moved | Ended::Already | Ended::WouldMove | Ended::PutBack | Ended::Untouched => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Repair, repair};
    use crate::model::moves::{Ended, Move, Plan, Receipt};
    use crate::policy::plan::tests::manifest;

    fn case(direction: Direction, from: [Option<&str>; 2], ended: &Ended) -> Option<Repair> {
        let repository = |name: &str| format!("ghcr.io/a/{name}").parse().unwrap();
        let plan = Plan {
            sha: Some("4c1d56e".parse().unwrap()),
            tag: "latest".parse().unwrap(),
            moves: ["x", "y"]
                .iter()
                .zip(from)
                .map(|(name, from)| Move {
                    repository: repository(name),
                    from: from.map(manifest),
                    to: manifest("new"),
                })
                .collect(),
            already: Vec::new(),
        };
        let mut receipts: Vec<Receipt> = plan.receipts(|_| Ended::Untouched);
        receipts[0].ended = ended.clone();
        repair(direction, &plan, &receipts)
    }

    fn words(repair: Option<Repair>) -> Option<(String, usize, bool)> {
        repair.map(|repair| (repair.words, repair.images.len(), repair.again))
    }

    #[test]
    fn only_a_split_needs_repair() {
        let live = [Some("old"), Some("old")];
        for whole in [Ended::PutBack, Ended::Untouched, Ended::Already] {
            assert_eq!(case(Direction::Promotion, live, &whole), None);
        }
        for split in [Ended::Stranded, Ended::Gone, Ended::Unknown { why: String::new() }, Ended::Moved] {
            let back = Some(("rollback-latest --previous".to_owned(), 2, false));
            assert_eq!(words(case(Direction::Promotion, live, &split)), back);
        }
    }

    #[test]
    fn the_way_out_is_back_over_the_images_that_were_live_and_on_where_none_was() {
        let (stranded, live) = (Ended::Stranded, Some("old"));
        for (direction, from, expected) in [
            (Direction::Promotion, [live, None], ("rollback-latest --previous", 1, false)),
            (Direction::Promotion, [None, None], ("promote-latest 4c1d56e", 2, true)),
            (Direction::Rollback, [live, live], ("rollback-latest 4c1d56e", 2, true)),
        ] {
            let expected = (expected.0.to_owned(), expected.1, expected.2);
            assert_eq!(words(case(direction, from, &stranded)), Some(expected));
        }
    }
}
