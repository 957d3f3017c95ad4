//! Whether an expectation proves the build: it holds of an answer of this build, and of no other build's.

use super::Request;
use super::expectation::{Assertion, JsonType, Predicate, Subject, Wanted};

/// Whether a placeholder stands for this build and no other: its commit, or the digest of one of its images.
fn is_build(name: &str) -> bool {
    name == "sha" || name.starts_with("digest.")
}

/// Whether `assertion` holds only where the answer itself names the build.
pub fn proves_build(assertion: &Assertion) -> bool {
    assertion.predicates.iter().any(|predicate| weakness(assertion, predicate).is_none())
}

/// Why none of `assertions` proves the build, in words that go on after "`[ready]` does not prove the build: "; of the
/// first one that names it.
pub(super) fn no_proof(assertions: &[Assertion]) -> Option<String> {
    if assertions.iter().any(proves_build) {
        return None;
    }
    let named = assertions.iter().find_map(|assertion| {
        let predicate = assertion.predicates.iter().find(|predicate| names_build(predicate))?;
        Some(format!("{} {}", assertion.subject, weakness(assertion, predicate)?))
    });
    Some(named.unwrap_or_else(|| "no expectation names `{{ sha }}`, so every build meets them".to_owned()))
}

/// Whether the request itself names the build: a tenant that repeats the request would then name it as well.
pub(super) fn asks_with_build(request: &Request) -> bool {
    request.names().into_iter().any(is_build)
}

fn names_build(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Equals(_, template) | Predicate::Contains(_, template) => {
            template.names().into_iter().any(is_build)
        }
        Predicate::Affix(_, template) => template.names().any(is_build),
        Predicate::Matches(_, pattern) => pattern.names().any(is_build),
        Predicate::OneOf(templates) => {
            templates.iter().any(|template| template.names().into_iter().any(is_build))
        }
        Predicate::Type(_)
        | Predicate::MinLen(_)
        | Predicate::MaxLen(_)
        | Predicate::Compare(..)
        | Predicate::Exists(_) => false,
    }
}

/// Why another build's answer could meet `predicate`; `None`: it could not.
fn weakness(assertion: &Assertion, predicate: &Predicate) -> Option<&'static str> {
    if !names_build(predicate) {
        return Some("does not name `{{ sha }}`");
    }
    let is_text = match &assertion.subject {
        Subject::Header(_) | Subject::Body => true,
        Subject::Json(path) => {
            let says_text = |p: &Predicate| matches!(p, Predicate::Type(JsonType::String));
            path.is_singular() && assertion.predicates.iter().any(says_text)
        }
    };
    match predicate {
        Predicate::Equals(Wanted::No, _)
        | Predicate::Contains(Wanted::No, _)
        | Predicate::Matches(Wanted::No, _) => Some("says only what the answer is not"),
        Predicate::Equals(Wanted::Yes, _) | Predicate::Affix(..) => None,
        Predicate::Contains(Wanted::Yes, _) if is_text => None,
        Predicate::Contains(Wanted::Yes, _) => {
            Some("may be a list that names other builds too: use `starts_with`, or add `type = \"string\"`")
        }
        Predicate::Matches(Wanted::Yes, pattern)
            if pattern.names().any(|name| is_build(name) && pattern.needs(name)) =>
        {
            None
        }
        Predicate::Matches(Wanted::Yes, _) => Some("also matches texts without `{{ sha }}`"),
        Predicate::OneOf(templates) if templates.iter().all(|t| t.names().into_iter().any(is_build)) => None,
        Predicate::OneOf(_) => Some("may also be another value"),
        Predicate::Type(_)
        | Predicate::MinLen(_)
        | Predicate::MaxLen(_)
        | Predicate::Compare(..)
        | Predicate::Exists(_) => Some("does not name `{{ sha }}`"),
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::smoke::suite::read;
    use crate::policy::toml::TomlFile;

    /// Whether a `[ready]` with this expectation, beside a status, is taken.
    fn is_taken(expect: &str) -> bool {
        let text = format!(
            "format = 1\n[ready]\nrequest = \"GET /v\"\nexpect.status = 200\n{expect}\n\
             [[check]]\nname = \"c\"\nrequest = \"GET /a\"\nexpect.status = 200\n"
        );
        let file = TomlFile { name: "smoke.toml", text: &text };
        read(&file, &|_| Err("no file".to_owned())).is_ok()
    }

    #[test]
    fn only_what_no_other_build_can_answer_proves_the_build() {
        for (expect, proves) in [
            (r#"expect.json."$.v" = "{{ sha }}""#, true),
            (r#"expect.json."$.v" = "v1-{{ sha }}""#, true),
            (r#"expect.json."$.v" = { starts_with = "{{ sha }}" }"#, true),
            (r#"expect.json."$.v" = { ends_with = ":{{ sha }}", type = "string" }"#, true),
            (r#"expect.json."$.v" = { one_of = ["{{ sha }}", "v-{{ sha }}"] }"#, true),
            (r#"expect.json."$.v" = { contains = "{{ sha }}", type = "string" }"#, true),
            (r#"expect.json."$[*].v" = ["{{ sha }}"]"#, true),
            (r#"expect.body = "{{ sha }}""#, true),
            (r#"expect.json."$.bundle" = "{{ digest.prompts }}""#, true),
            (r#"expect.body = { matches = 'bundle: {{ digest.my.prompts }}' }"#, true),
            (r#"expect.json."$.model" = "{{ pin.MODEL_VER }}""#, false),
            (r#"expect.body = { contains = "{{ sha }}" }"#, true),
            (r#"expect.body = { matches = '^build: (staging-)?{{ sha }}' }"#, true),
            (r#"expect.body = { matches = '{{ sha }}|v-{{ sha }}' }"#, true),
            (r#"expect.header.x-build = "{{ sha }}""#, true),
            ("", false),
            (r#"expect.json."$.v" = { not_equals = "{{ sha }}" }"#, false),
            (r#"expect.body = { not_contains = "{{ sha }}" }"#, false),
            (r#"expect.body = { not_matches = "{{ sha }}" }"#, false),
            (r#"expect.json."$.v" = { one_of = ["{{ sha }}", "unknown"] }"#, false),
            (r#"expect.json."$.builds" = { contains = "{{ sha }}" }"#, false),
            (r#"expect.json."$[*].v" = { contains = "{{ sha }}" }"#, false),
            (r#"expect.body = { matches = '{{ sha }}|ok' }"#, false),
            (r#"expect.body = { matches = '({{ sha }})?' }"#, false),
            (r#"expect.body = { matches = '({{ sha }})*' }"#, false),
            (r#"expect.json."$.v" = { type = "string", min_len = 7 }"#, false),
        ] {
            assert_eq!(is_taken(expect), proves, "{expect}");
        }
    }

    #[test]
    fn a_request_that_names_the_build_proves_none_as_its_answer_may_repeat_it() {
        for request in
            ["request = \"GET /v?sha={{ sha }}\"", "request = \"GET /v\"\nheader.x-sha = \"{{ sha }}\""]
        {
            let text = format!(
                "format = 1\n[ready]\n{request}\nexpect.status = 200\nexpect.body = {{ contains = \"{{{{ sha }}}}\" }}\n\
                 [[check]]\nname = \"c\"\nrequest = \"GET /a\"\nexpect.status = 200\n"
            );
            let file = TomlFile { name: "smoke.toml", text: &text };
            let error = format!("{:?}", read(&file, &|_| Err("no file".to_owned())).unwrap_err());
            assert!(error.contains("repeats the request"), "{error}");
        }
    }
}
