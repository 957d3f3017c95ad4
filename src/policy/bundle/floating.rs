//! Whether a pin names something that stays what it is.

use std::sync::LazyLock;

use regex::Regex;

/// Words by which a provider or a registry names whatever is newest.
const NEWEST: [&str; 10] =
    ["latest", "newest", "current", "default", "stable", "nightly", "head", "main", "master", "auto"];

/// How the end of a model's name fixes it: a date (`2026-05-01`, `20260501`, `05-2026`), a number of three or four digits
/// (`-002`, `-0613`), a version (`-v2`, `@v1.2`, `-v1:0`), or a hash (`@3f2a91c`, `sha256:...`). One or two digits
/// alone are the name of a family, and `gpt-4o` moves.
static FIXED: LazyLock<Regex> = LazyLock::new(|| {
    let date = r"20\d\d-?(?:0[1-9]|1[0-2])(?:-?(?:0[1-9]|[12]\d|3[01]))?|(?:0[1-9]|1[0-2])-20\d\d";
    let fixed = format!(
        r"(?:^|[-_/@:.])(?:{date}|\d{{3,4}}|v\d+(?:[.:]\d+)*)(?:[-:]v?\d+(?:[.:]\d+)*)?$|[@:][0-9a-f]{{7,64}}$"
    );
    Regex::new(&fixed).expect("a constant pattern")
});

/// Why the pin `name` floats with this value; `None`: it does not.
pub(super) fn why(name: &str, value: &str) -> Option<String> {
    let value = value.to_ascii_lowercase();
    let words = || value.split(|c: char| !c.is_ascii_alphanumeric());
    if let Some(word) = words().find(|word| NEWEST.contains(word)) {
        return Some(format!("`{word}` names whatever is newest"));
    }
    if value.contains('*') {
        return Some("`*` stands for any version".to_owned());
    }
    let is_model = name.to_ascii_uppercase().split(['_', '-']).any(|word| word == "MODEL");
    (is_model && !FIXED.is_match(&value))
        .then(|| "the name of the model ends with no date and no version".to_owned())
}

#[cfg(test)]
mod tests {
    use super::why;

    #[test]
    fn a_model_is_fixed_by_a_date_a_version_or_a_hash() {
        for (value, floats) in [
            ("provider/model-2026-05-01", false),
            ("anthropic/claude-3-5-sonnet-20241022", false),
            ("openai/gpt-4o-2024-08-06", false),
            ("openai/gpt-4-0613", false),
            ("google/gemini-1.5-pro-002", false),
            ("cohere/command-r-08-2024", false),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", false),
            ("vertex/claude-3-opus@20240229", false),
            ("meta/llama-3.1-8b@3f2a91c", false),
            ("own/ranker-v12", false),
            ("own/ranker:sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("openai/gpt-4o", true),
            ("openai/gpt-4o-mini", true),
            ("anthropic/claude-sonnet-4-5", true),
            ("anthropic/claude-3-5-sonnet-latest", true),
            ("provider/model", true),
            ("provider/model-latest-2026-05-01", true),
            ("registry/model:main", true),
            ("provider/model-2.*", true),
        ] {
            assert_eq!(why("MODEL_VER", value).is_some(), floats, "{value}");
        }
    }

    #[test]
    fn what_is_no_model_needs_no_date_and_must_not_be_the_newest_either() {
        assert_eq!(why("TOK_VER", "cl100k_base"), None);
        assert!(why("TOK_VER", "latest").is_some());
        assert!(why("EMBED_MODEL", "provider/embed").is_some());
    }
}
