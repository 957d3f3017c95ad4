//! How exactly an answer names its build.

use serde_json::Value;

use super::Exhibit;
use crate::policy::smoke::suite::Step;
use crate::policy::smoke::suite::expectation::Subject;
use crate::policy::smoke::suite::proof::proves_build;

/// The fewest digits of a sha that name a build.
const LEAST_DIGITS: usize = 7;

/// Whether `text` begins with `sha`, or with a shorter name of the same commit that has at least 7 digits.
pub(super) fn begins_with_build(text: &str, sha: &str) -> bool {
    text.starts_with(sha) || digits(text, sha).is_some()
}

/// How many digits of `sha` the text begins with, if these are all of its digits and enough to name a build.
fn digits(text: &str, sha: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len());
    let named = text[..end].len().min(sha.len());
    (named >= LEAST_DIGITS && (sha.starts_with(&text[..end]) || text.starts_with(sha))).then_some(named)
}

impl Exhibit<'_> {
    /// How many digits of the wanted sha the parts of the answer name by which `step` proves the build.
    pub fn digits(&self, step: &Step) -> Option<usize> {
        let sha = self.variables.get("sha").and_then(Value::as_str)?;
        let proofs = step.expect.assertions.iter().filter(|assertion| proves_build(assertion));
        let found = proofs.filter_map(|assertion| match &assertion.subject {
            Subject::Header(name) => self.header(name),
            Subject::Body => self.text().ok(),
            Subject::Json(path) => path.find(self.document().ok()?),
        });
        let of = |value: Value| match value.as_str() {
            Some(text) if !text.contains(sha) => digits(text, sha),
            _ => Some(sha.len()),
        };
        found.filter_map(of).max()
    }
}

#[cfg(test)]
mod tests {
    use super::begins_with_build;

    #[test]
    fn a_build_is_named_by_seven_digits_or_more_of_its_sha() {
        let sha = "4c1d56e0a1b2c3d4e5f60718293a4b5c6d7e8f90";
        for (text, named) in [
            (sha, true),
            ("4c1d56e0a1b2c3d4e5f60718293a4b5c6d7e8f90-dirty", true),
            ("4c1d56e", true),
            ("4c1d56e0a1b2", true),
            ("4c1d56e-dirty", true),
            ("4c1d56", false),
            ("4c1d56-dirty", false),
            ("4c1d56ebad", false),
            ("v4c1d56e", false),
            ("", false),
        ] {
            assert_eq!(begins_with_build(text, sha), named, "{text}");
        }
        assert!(begins_with_build("4c1d56e0a1b2", "4c1d56e") && !begins_with_build("4c1d56", "4c1d56e"));
    }
}
