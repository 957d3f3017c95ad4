//! From what a person typed to the sha that was published.

use crate::base::list::NonEmpty;
use crate::model::commit::CommitSha;
use crate::model::refusal::{Guard, Refusal};

/// Most candidates that an ambiguous prefix lists.
const SHOWN: usize = 10;

/// The published sha that `typed` means: the one that begins with it, or with which it begins, as a whole commit name
/// does where tags are short. `typed` itself when there is none: the guards then say which image lacks it.
///
/// # Errors
/// More than one published sha is meant.
pub fn resolve(typed: &CommitSha, published: &[CommitSha]) -> Result<CommitSha, NonEmpty<Refusal>> {
    let mut candidates: Vec<&CommitSha> =
        published.iter().filter(|sha| typed.begins(sha) || sha.begins(typed)).collect();
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
                expected: format!("one published sha that {typed} means"),
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
        let staged = ["4c1d56e", "4c1d56e0aa", "12e45670aa", "12e45671bb", "7777777aa"].map(sha);
        for (typed, meant) in [
            ("4c1d56e", Some("4c1d56e")),
            ("7777777", Some("7777777aa")),
            ("12e4567", None),
            ("12e45671", Some("12e45671bb")),
            ("0000000", Some("0000000")),
            ("7777777aa0123", Some("7777777aa")),
            ("4c1d56e0", None),
        ] {
            assert_eq!(resolve(&sha(typed), &staged).ok(), meant.map(sha), "{typed}");
        }
        let refusal = resolve(&sha("12e4567"), &staged).unwrap_err();
        assert!(refusal.first().found.contains("12e45670aa, 12e45671bb"));
    }
}
