//! After a move that failed: do the images agree, and if not, which commands make them agree again.

use crate::model::moves::{Ended, Plan, Receipt};

/// Which command was at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `promote-latest`: the way out of a split is back, to what was live.
    Promotion,
    /// `rollback-latest`: the way out of a split is on, to where the person wanted to be.
    Rollback,
}

/// The commands that make the images agree, word for word; none if every image is as it was before.
/// `options` is what the commands need to mean the same images and registries.
pub fn repair(direction: Direction, plan: &Plan, receipts: &[Receipt], options: &str) -> Vec<String> {
    if receipts.iter().all(|receipt| receipt.ended.is_as_before()) {
        return Vec::new();
    }
    let anchored = plan.moves.iter().all(|m| m.from.is_some());
    let target = plan.sha.as_ref().map_or_else(|| "--previous".to_owned(), ToString::to_string);
    let command = match direction {
        Direction::Promotion if anchored => "rollback-latest --previous".to_owned(),
        // There was no `:latest` before: nothing to go back to, so the way out is on.
        Direction::Promotion => format!("promote-latest {target}"),
        Direction::Rollback => format!("rollback-latest {target}"),
    };
    vec![format!("{command} {options}").trim_end().to_owned()]
}

/// What to say of an image that is not as it was.
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
    use super::{Direction, repair};
    use crate::model::moves::{Ended, Move, Plan, Receipt};
    use crate::policy::plan::tests::manifest;

    fn case(direction: Direction, from: Option<&str>, ended: [Ended; 2]) -> Vec<String> {
        let plan = Plan {
            sha: Some("4c1d56e".parse().unwrap()),
            tag: "latest".parse().unwrap(),
            moves: vec![Move {
                repository: "ghcr.io/a/x".parse().unwrap(),
                from: from.map(manifest),
                to: manifest("new"),
            }],
            already: Vec::new(),
        };
        let receipt = |ended| Receipt {
            repository: "ghcr.io/a/x".parse().unwrap(),
            from: None,
            to: manifest("new").digest,
            ended,
        };
        repair(direction, &plan, &ended.map(receipt), "--image ghcr.io/a/x")
    }

    #[test]
    fn only_a_split_needs_repair() {
        assert!(case(Direction::Promotion, Some("old"), [Ended::PutBack, Ended::Untouched]).is_empty());
        for split in [Ended::Stranded, Ended::Gone, Ended::Unknown { why: String::new() }, Ended::Moved] {
            assert_eq!(
                case(Direction::Promotion, Some("old"), [split, Ended::Untouched]),
                ["rollback-latest --previous --image ghcr.io/a/x"]
            );
        }
        assert_eq!(
            case(Direction::Promotion, None, [Ended::Stranded, Ended::Untouched]),
            ["promote-latest 4c1d56e --image ghcr.io/a/x"]
        );
        assert_eq!(
            case(Direction::Rollback, Some("old"), [Ended::Stranded, Ended::Untouched]),
            ["rollback-latest 4c1d56e --image ghcr.io/a/x"]
        );
    }
}
