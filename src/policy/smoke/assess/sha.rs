//! The name of a build, perhaps shortened as git shortens it.

/// The fewest digits of a sha that name a build.
const LEAST_DIGITS: usize = 7;

/// Whether `text` begins with `sha`, or with a shorter name of the same commit that has at least 7 digits.
pub(super) fn begins_with_build(text: &str, sha: &str) -> bool {
    text.starts_with(sha) || digits(text, sha).is_some()
}

/// How many digits of `sha` the text begins with, if these are all of its digits and enough to name a build.
pub(super) fn digits(text: &str, sha: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len());
    let named = text[..end].len().min(sha.len());
    (named >= LEAST_DIGITS && (sha.starts_with(&text[..end]) || text.starts_with(sha))).then_some(named)
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
