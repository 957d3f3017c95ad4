//! From what a person typed to the sha that was published.

use crate::base::list::NonEmpty;
use crate::model::commit::CommitSha;
use crate::model::refusal::{Guard, Refusal};
use crate::model::repository::Repository;

/// Most candidates that an ambiguous prefix lists.
const SHOWN: usize = 10;

/// The published sha that `typed` means, seen from the staged shas of every image. `typed` itself when none begins
/// with it: the guards then say which image lacks it.
///
/// # Errors
/// More than one published sha begins with `typed`.
pub fn resolve(
    typed: &CommitSha,
    staged: &[(Repository, Vec<CommitSha>)],
) -> Result<CommitSha, NonEmpty<Refusal>> {
    let mut candidates: Vec<&CommitSha> =
        staged.iter().flat_map(|(_, shas)| shas).filter(|sha| typed.begins(sha)).collect();
    candidates.sort();
    candidates.dedup();
    match candidates.as_slice() {
        _ if candidates.contains(&typed) => Ok(typed.clone()),
        [] => Ok(typed.clone()),
        [only] => Ok((*only).clone()),
        several => {
            let mut shown: Vec<String> = several.iter().take(SHOWN).map(ToString::to_string).collect();
            if several.len() > SHOWN {
                shown.push(format!("and {} more", several.len() - SHOWN));
            }
            Err(NonEmpty::one(Refusal {
                guard: Guard::Ambiguous,
                image: None,
                expected: format!("one published sha that begins with {typed}"),
                found: format!("{}: {}", several.len(), shown.join(", ")),
                hint: "give more digits of the one you mean".to_owned(),
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::model::commit::CommitSha;

    fn sha(text: &str) -> CommitSha {
        text.parse().unwrap()
    }

    #[test]
    fn exact_first_then_the_only_prefix_then_itself() {
        let image = "ghcr.io/a/b".parse().unwrap();
        let staged = [(
            image,
            vec![sha("4c1d56e"), sha("4c1d56e0aa"), sha("12e45670aa"), sha("12e45671bb"), sha("7777777aa")],
        )];
        for (typed, meant) in [
            ("4c1d56e", Some("4c1d56e")),
            ("7777777", Some("7777777aa")),
            ("12e4567", None),
            ("12e45671", Some("12e45671bb")),
            ("0000000", Some("0000000")),
        ] {
            assert_eq!(resolve(&sha(typed), &staged).ok(), meant.map(sha), "{typed}");
        }
        let refusal = resolve(&sha("12e4567"), &staged).unwrap_err();
        assert!(refusal.first().found.contains("12e45670aa, 12e45671bb"));
    }
}
