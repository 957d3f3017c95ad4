//! A first suite, with comments: from what a tenant answers to a few usual paths, or from nothing.

use serde_json::Value;

use crate::model::check::Answer;
use crate::policy::strict_json;

/// Paths under which services say how they are, the most telling first.
pub const PATHS: [&str; 14] = [
    "/version",
    "/api/version",
    "/health",
    "/healthz",
    "/api/health",
    "/status",
    "/info",
    "/livez",
    "/readyz",
    "/admin/liveness",
    "/api/me",
    "/openapi.json",
    "/graphql",
    "/",
];
/// Keys of one answer that are looked at.
const KEYS: usize = 6;
/// Words by which a service says that it is well.
const WELL: [&str; 7] = ["ok", "up", "healthy", "pass", "serving", "alive", "ready"];

/// A suite, and what it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstSuite {
    /// The text of the file.
    pub text: String,
    /// What was found, one line each.
    pub found: Vec<String>,
}

/// Where an answer names its build.
struct Proof {
    path: String,
    /// The expectation, as a line of a suite.
    line: String,
}

/// Writes a suite from `answers`, each with its path; from none, one to be filled in.
pub fn write(answers: &[(&str, Answer)]) -> FirstSuite {
    let mut found = Vec::new();
    let proof = answers.iter().find_map(|(path, answer)| proof(path, answer));
    match &proof {
        Some(proof) => found.push(format!("{} names the build", proof.path)),
        None if answers.is_empty() => {}
        None => found.push("no answer names the build: say in `[ready]` which one does".to_owned()),
    }
    let guarded = answers.iter().find(|(_, answer)| matches!(answer.status, 401 | 403));
    if let Some((path, answer)) = guarded {
        found.push(format!("{path} asks who is there ({})", answer.status));
    }
    let mut checks = String::new();
    for (path, answer) in answers.iter().filter(|(_, answer)| answer.status == 200) {
        if let Some(check) = check(path, answer) {
            found.push(format!("{path} answers"));
            checks.push_str(&check);
        }
    }
    if checks.is_empty() {
        checks = EXAMPLE.to_owned();
    }
    let isolation = match guarded {
        Some((path, _)) => ISOLATION.replace("PATH", path),
        None => ISOLATION.replace("PATH", "/api/me").lines().map(|line| format!("# {line}\n")).collect(),
    };
    let auth = if guarded.is_some() { "bearer" } else { "none" };
    let (path, line) = proof.map_or_else(
        || ("/version".to_owned(), "expect.json.\"$.commit\" = { starts_with = \"{{ sha }}\" }".to_owned()),
        |proof| (proof.path, proof.line),
    );
    let text = HEAD.replace("AUTH", auth).replace("PATH", &path).replace("PROOF", &line);
    FirstSuite { text: format!("{text}\n{isolation}\n{}", checks.trim_end().to_owned() + "\n"), found }
}

const HEAD: &str = r#"# What must be true of every canary tenant before a release may be promoted.
# `canary-smoke lint` checks this file, `canary-smoke prove` finds out which faults it would not notice.
format = 1

[defaults]
auth     = "AUTH"                      # "bearer" sends each tenant its own token; "none" sends none
timeout  = "10s"                       # one attempt
deadline = "10m"                       # the whole run

[ready]                                # no check runs until every tenant serves the build
request = "GET PATH"
auth    = "none"                       # take this line out if the path needs the token
expect.status = 200
PROOF
every  = "5s"
within = "5m"
"#;

const ISOLATION: &str = r#"[isolation]                            # a random token, and none, must be refused
probe = "GET PATH"
"#;

const EXAMPLE: &str = r#"[[check]]
name = "the list of workspaces is there"
why  = "say what works if this passes: the report shows it when it does not"
request = "GET /workspaces"            # put a path of your own product here
expect.status = 200
expect.json."$" = { type = "array" }   # look into the answer: an error page has status 200 as well
"#;

/// The first place in an answer that holds something like a commit.
fn proof(path: &str, answer: &Answer) -> Option<Proof> {
    if answer.status != 200 {
        return None;
    }
    let hash = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (7..=64).contains(&text.len()) && digits
    };
    let path = path.to_owned();
    if let Ok(document) = strict_json::parse(&answer.body) {
        let fields = document.as_object()?;
        let field = fields.iter().find(|(_, value)| value.as_str().is_some_and(hash));
        if let Some((key, _)) = field {
            let line = format!("expect.json.'{}' = {{ starts_with = \"{{{{ sha }}}}\" }}", pointer(key)?);
            return Some(Proof { path, line });
        }
    }
    let telling =
        |name: &str| ["build", "version", "revision", "commit", "sha"].iter().any(|w| name.contains(w));
    let (name, _) = answer.headers.iter().find(|(name, value)| telling(name) && hash(value))?;
    Some(Proof { path, line: format!("expect.header.{name} = {{ starts_with = \"{{{{ sha }}}}\" }}") })
}

/// The JSONPath of a key, for a TOML literal; `None`: it cannot be written so.
fn pointer(key: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    (!key.is_empty() && key.chars().all(plain)).then(|| format!("$[\"{key}\"]"))
}

/// A check of what was answered; `None`: nothing in it can be looked at.
fn check(path: &str, answer: &Answer) -> Option<String> {
    let mut lines = Vec::new();
    match strict_json::parse(&answer.body) {
        Ok(Value::Object(fields)) => {
            for (key, value) in fields.iter().take(KEYS) {
                let Some(at) = pointer(key) else { continue };
                let said = match value {
                    Value::String(text) if WELL.contains(&text.to_ascii_lowercase().as_str()) => {
                        Value::from(text.as_str()).to_string()
                    }
                    Value::Null => continue,
                    value => format!("{{ type = \"{}\" }}", type_name(value)),
                };
                lines.push(format!("expect.json.'{at}' = {said}"));
            }
        }
        Ok(value) => lines.push(format!("expect.json.'$' = {{ type = \"{}\" }}", type_name(&value))),
        Err(_) => {
            let text = std::str::from_utf8(&answer.body).ok()?;
            let title = text.split_once("<title>")?.1.split_once("</title>")?.0.trim();
            let plain = |c: char| !c.is_control() && !matches!(c, '\'' | '{' | '}');
            let usable = (1..=80).contains(&title.len()) && title.chars().all(plain);
            lines.extend(usable.then(|| format!("expect.body = {{ contains = '<title>{title}' }}")));
        }
    }
    let all: String = lines.iter().map(|line| format!("{line}\n")).collect();
    (!lines.is_empty()).then(|| {
        format!("[[check]]\nname = \"GET {path} answers\"\nrequest = \"GET {path}\"\nauth = \"none\"\nexpect.status = 200\n{all}\n")
    })
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::model::check::{Answer, BodyEnd};
    use crate::policy::smoke::suite::read;
    use crate::policy::toml::TomlFile;

    fn answer(status: u16, header: (&str, &str), body: &str) -> Answer {
        let headers = vec![(header.0.to_owned(), header.1.to_owned())];
        Answer { status, headers, body: body.as_bytes().to_vec(), end: BodyEnd::Whole }
    }

    #[test]
    fn whatever_is_answered_the_suite_has_no_mistake() {
        let html = ("content-type", "text/html");
        for (answers, expected) in [
            (vec![], "expect.json.\"$.commit\""),
            (vec![("/health", answer(200, html, r#"{"status":"ok","sha":"4c1d56e"}"#))], "'$[\"sha\"]'"),
            (
                vec![("/", answer(200, ("x-build-sha", "4c1d56e0"), "<title>Acme</title>"))],
                "expect.header.x-build-sha",
            ),
            (vec![("/", answer(200, html, "<title>'\"{{ x }}\u{1b}</title>"))], "/workspaces"),
            (vec![("/a", answer(200, html, r#"{"a b'":1,"c\"":2,"$.x":"4c1d56e"}"#))], "/workspaces"),
            (vec![("/me", answer(401, html, "")), ("/s", answer(200, html, "[1]"))], "\n[isolation]"),
            (
                vec![("/s", answer(500, html, r#"{"sha":"4c1d56e"}"#)), ("/t", answer(200, html, ""))],
                "/workspaces",
            ),
        ] {
            let suite = write(&answers);
            assert!(suite.text.contains(expected), "{expected} in\n{}", suite.text);
            let file = TomlFile { name: "smoke.toml", text: &suite.text };
            assert!(read(&file, &|_| Err(String::new())).is_ok(), "{}", suite.text);
        }
    }
}
