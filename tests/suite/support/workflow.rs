//! Workflow files as values, and the part of GitHub's expressions that they use. What is not understood is a panic:
//! nothing here guesses.

use std::path::Path;

use serde_json::{Map, Number, Value};
use yaml_rust2::{Yaml, YamlLoader};

/// Reads a YAML file of this repository.
pub(crate) fn read(path: &str) -> Value {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path);
    let documents = YamlLoader::load_from_str(&text).expect(path);
    let [document] = documents.as_slice() else { panic!("{path}: expected one document") };
    value(document)
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(yes) => Value::Bool(*yes),
        Yaml::Integer(number) => Value::Number(Number::from(*number)),
        Yaml::String(text) | Yaml::Real(text) => Value::String(text.clone()),
        Yaml::Array(items) => Value::Array(items.iter().map(value).collect()),
        Yaml::Hash(pairs) => {
            let pair =
                |(key, item): (&Yaml, &Yaml)| (key.as_str().expect("keys are words").to_owned(), value(item));
            Value::Object(pairs.iter().map(pair).collect::<Map<_, _>>())
        }
        Yaml::Alias(_) | Yaml::BadValue => panic!("an alias or a value that is none"),
    }
}

/// What the expressions of a job may name.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// `inputs`, `needs`, `secrets`, ... as one object.
    pub(crate) names: Value,
    /// What `success()` is.
    pub(crate) success: bool,
}

impl Context {
    /// Whether a job or step with this `if:` runs. Without a status function, `success()` is asked too.
    pub(crate) fn admits(&self, condition: Option<&Value>) -> bool {
        let text = match condition {
            None => return self.success,
            Some(Value::Bool(fixed)) => return self.success && *fixed,
            Some(Value::String(text)) => text.trim(),
            Some(other) => panic!("an `if:` that is {other}"),
        };
        let inner = text.strip_prefix("${{").and_then(|text| text.strip_suffix("}}")).unwrap_or(text);
        let asks =
            ["success()", "always()", "failure()", "cancelled()"].iter().any(|name| inner.contains(name));
        (asks || self.success) && truthy(&self.evaluate(inner))
    }

    /// What a text is that may be one expression and nothing else: then its value keeps its type.
    pub(crate) fn whole(&self, text: &str) -> Value {
        match text.strip_prefix("${{").and_then(|text| text.strip_suffix("}}")) {
            Some(expression) if !expression.contains("}}") => self.evaluate(expression),
            _ => Value::String(self.interpolate(text)),
        }
    }

    /// A text with every `${{ }}` in it replaced.
    pub(crate) fn interpolate(&self, text: &str) -> String {
        let mut parts = text.split("${{");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").expect("an expression ends");
            out.push_str(&shown(&self.evaluate(expression)));
            out.push_str(rest);
        }
        out
    }

    fn evaluate(&self, text: &str) -> Value {
        let tokens = tokens(text);
        let mut parser = Parser { tokens: &tokens, at: 0, context: self };
        let found = parser.either();
        assert_eq!(parser.at, tokens.len(), "`{text}` is understood to its end");
        found
    }
}

/// A value as text in an environment variable.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(_) | Value::Object(_) => true,
    }
}

fn tokens(text: &str) -> Vec<String> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim());
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => rest[1..].find('\'').expect("a string ends") + 2,
            '(' | ')' | ',' => 1,
            '&' | '|' | '=' => 2,
            '!' => 1 + usize::from(rest[1..].starts_with('=')),
            c if c.is_ascii_alphanumeric() => rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
                .unwrap_or(rest.len()),
            other => panic!("`{other}` in `{text}` is not understood"),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Parser<'a> {
    tokens: &'a [String],
    at: usize,
    context: &'a Context,
}

impl Parser<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let there = self.tokens.get(self.at).is_some_and(|token| token == word);
        self.at += usize::from(there);
        there
    }

    fn either(&mut self) -> Value {
        let mut left = self.both();
        while self.takes("||") {
            let right = self.both();
            left = if truthy(&left) { left } else { right };
        }
        left
    }

    fn both(&mut self) -> Value {
        let mut left = self.compared();
        while self.takes("&&") {
            let right = self.compared();
            left = if truthy(&left) { right } else { left };
        }
        left
    }

    fn compared(&mut self) -> Value {
        let left = self.one();
        for (word, equal) in [("==", true), ("!=", false)] {
            if self.takes(word) {
                let right = self.one();
                // GitHub compares words without case, and turns other types into numbers: not needed, so refused.
                let same = match (&left, &right) {
                    (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
                    (Value::Null, Value::String(text)) => text.is_empty(),
                    (Value::Bool(a), Value::Bool(b)) => a == b,
                    (a, b) => panic!("{a} and {b} are not compared here"),
                };
                return Value::Bool(same == equal);
            }
        }
        left
    }

    fn arguments<const COUNT: usize>(&mut self) -> [Value; COUNT] {
        assert!(self.takes("("), "a function is called");
        let arguments = std::array::from_fn(|i| {
            assert!(i == 0 || self.takes(","), "there is another argument");
            self.either()
        });
        assert!(self.takes(")"), "a bracket is closed");
        arguments
    }

    fn one(&mut self) -> Value {
        let token = self.tokens.get(self.at).expect("an expression goes on").clone();
        self.at += 1;
        match token.as_str() {
            "!" => Value::Bool(!truthy(&self.one())),
            "(" => {
                let inner = self.either();
                assert!(self.takes(")"), "a bracket is closed");
                inner
            }
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "always" | "success" | "failure" | "cancelled" => {
                assert!(self.takes("(") && self.takes(")"), "a status function takes nothing");
                Value::Bool(match token.as_str() {
                    "always" => true,
                    "success" => self.context.success,
                    "failure" => !self.context.success,
                    _ => false,
                })
            }
            "startsWith" => {
                let [text, start] = self.arguments().map(|value| shown(&value).to_ascii_lowercase());
                Value::Bool(text.starts_with(&start))
            }
            // What the left side of an `&&` has refused is not looked at on GitHub: here it may be no JSON.
            "fromJSON" => {
                let [text] = self.arguments();
                serde_json::from_str(&shown(&text)).unwrap_or(Value::Null)
            }
            text if text.starts_with('\'') => Value::String(text.trim_matches('\'').to_owned()),
            path => path.split('.').fold(self.context.names.clone(), |value, name| {
                value.get(name).cloned().unwrap_or(Value::Null)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Context;
    use serde_json::json;

    #[test]
    fn expressions_mean_what_they_mean_on_github() {
        let names = json!({
            "inputs": { "promote": true, "dry-run": false },
            "needs": { "smoke": { "result": "success", "outputs": { "verdict": "green" } } },
            "vars": {}, "secrets": { "URLS": "http://a" },
        });
        let context = Context { names, success: false };
        for (text, meant) in [
            ("${{ always() }}", true),
            ("inputs.promote && needs.smoke.result == 'success'", false),
            ("always() && inputs.promote && needs.smoke.outputs.verdict == 'green'", true),
            ("always() && (inputs.dry-run || needs.smoke.outputs.nothing == '')", true),
            ("failure() && needs.smoke.outputs.verdict != 'green'", false),
            ("always() && !inputs.dry-run", true),
        ] {
            assert_eq!(context.admits(Some(&json!(text))), meant, "{text}");
        }
        assert_eq!(
            context.interpolate("a ${{ vars.URLS || secrets.URLS }} b ${{ inputs.dry-run }}"),
            "a http://a b false"
        );
        assert!(!context.admits(None));
    }
}
