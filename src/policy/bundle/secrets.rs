//! What looks like a private key or a token: it must not be published.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// How much of what was looked at has to be looked at again with what follows: no pattern needs more.
pub const OVERLAP_BYTES: usize = 512;

/// Each kind and how it begins. The lengths keep prose about tokens out of it.
const KINDS: [(&str, &str); 10] = [
    ("a private key", r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40})"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20}"),
    ("an API key", r"\b(?:sk|pk|rk)-(?:[a-z0-9]{1,10}-){0,4}[A-Za-z0-9_]{24}"),
    ("a Langfuse key", r"\b[sp]k-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("a Slack token", r"\bxox[abeprs]-[A-Za-z0-9-]{20}"),
    ("a token", r"\b(?:hf_[A-Za-z0-9]{30}|npm_[A-Za-z0-9]{36}|lsv2_[a-z]{2}_[A-Za-z0-9_]{30})"),
    ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,200}\.eyJ[A-Za-z0-9_-]{10,200}\.[A-Za-z0-9_-]{10}"),
];

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    let kinds: Vec<String> = KINDS.iter().map(|(_, pattern)| format!("({pattern})")).collect();
    Regex::new(&format!("(?-u){}", kinds.join("|"))).expect("constant patterns")
});

/// Where something like that begins in `bytes`, and what it looks like. Never the thing itself.
pub fn find(bytes: &[u8]) -> Vec<(usize, &'static str)> {
    let kind = |found: &regex::bytes::Captures<'_>| {
        (1..=KINDS.len()).find(|i| found.get(*i).is_some()).map_or("a secret", |i| KINDS[i - 1].0)
    };
    PATTERN.captures_iter(bytes).map(|found| (found.get_match().start(), kind(&found))).collect()
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn keys_and_tokens_are_found_and_prose_is_not() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        for (text, kind) in [
            ("-----BEGIN PRIVATE KEY-----".to_owned(), "a private key"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(), "a private key"),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----".to_owned(), "a private key"),
            (format!("token: ghp_{}", "a1".repeat(18)), "a GitHub token"),
            (format!("sk-proj-{}", "aB3".repeat(10)), "an API key"),
            (format!("sk-ant-api03-{}", "aB3".repeat(10)), "an API key"),
            (format!("sk-lf-{uuid}"), "a Langfuse key"),
            ("AKIAIOSFODNN7EXAMPLE".to_owned(), "an AWS access key"),
            (format!("eyJ{0}.eyJ{0}.{0}", "abcdefghijkl"), "a JSON Web Token"),
        ] {
            let text = format!("first line\n{text}");
            let kinds: Vec<&str> = find(text.as_bytes()).iter().map(|(_, kind)| *kind).collect();
            assert_eq!(kinds, [kind], "{text}");
        }
        for text in [
            "Never print a token such as ghp_xxx or sk-...",
            "the risk-assessment-of-the-whole-department is due",
            "-----BEGIN CERTIFICATE-----",
            "eyJ is how a token begins",
        ] {
            assert_eq!(find(text.as_bytes()), [], "{text}");
        }
    }
}
