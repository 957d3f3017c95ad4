//! Text and JSON with `{{ placeholders }}`.
//!
//! What a placeholder means is decided by where it stands, never by what it holds: a JSON text that is exactly one
//! placeholder takes the captured value with its type; everywhere else it is text. So a sha of digits stays text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub type Variables = BTreeMap<String, Value>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// JSON with placeholders in its texts.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonTemplate {
    /// A value without any.
    Fixed(Value),
    Text(Template),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
}

/// A value that does not fit where a placeholder stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is not there: what should have captured it did not run.
    #[error("`{0}` was not captured")]
    Missing(String),
    /// It is a list, an object or null.
    #[error("`{0}` holds {1}, which is no text")]
    NotText(String, &'static str),
    /// It is empty, or made of dots, where it has to name something.
    #[error("`{0}` is empty or made of dots, which cannot be part of a path")]
    NoName(String),
}

/// How the value of a placeholder is written into its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    /// Percent-encoded, as one segment of a path or one value of a query.
    Url,
    /// So that a regular expression takes it letter by letter.
    Regex,
}

/// A placeholder that is not closed or has no fit name; the text from where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPlaceholder(pub String);

impl Template {
    /// Reads text with placeholders.
    ///
    /// # Errors
    /// `{{` without `}}`, or with something between them that is no name.
    pub fn parse(text: &str) -> Result<Self, BadPlaceholder> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            let bad = || BadPlaceholder(rest[start..].chars().take(40).collect());
            let end = rest[start..].find("}}").ok_or_else(bad)? + start;
            let name = rest[start + 2..end].trim();
            if !is_name(name) {
                return Err(bad());
            }
            if start > 0 {
                parts.push(Part::Text(rest[..start].to_owned()));
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = &rest[end + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// Text without placeholders.
    pub fn fixed(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }

    /// The names of the placeholders, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with its placeholders filled.
    pub fn render(&self, variables: &Variables, encoding: Encoding) -> Result<String, Unfit> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(name) => out.push_str(&dressed(name, variables, encoding)?),
            }
        }
        Ok(out)
    }

    fn single(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Variable(name)] => Some(name),
            _ => None,
        }
    }
}

impl JsonTemplate {
    /// The value with its placeholders filled.
    pub fn render(&self, variables: &Variables) -> Result<Value, Unfit> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => match template.single() {
                Some(name) => variables.get(name).cloned().ok_or_else(|| Unfit::Missing(name.to_owned()))?,
                None => Value::String(template.render(variables, Encoding::Plain)?),
            },
            Self::List(items) => {
                Value::Array(items.iter().map(|item| item.render(variables)).collect::<Result<_, _>>()?)
            }
            Self::Object(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), value.render(variables)?)))
                    .collect::<Result<Map<_, _>, Unfit>>()?,
            ),
        })
    }
}

impl JsonTemplate {
    /// The names of the placeholders, in order.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(template) => template.names().collect(),
            Self::List(items) => items.iter().flat_map(Self::names).collect(),
            Self::Object(entries) => entries.iter().flat_map(|(_, value)| value.names()).collect(),
        }
    }
}

fn dressed(name: &str, variables: &Variables, encoding: Encoding) -> Result<String, Unfit> {
    let text = match variables.get(name) {
        None => return Err(Unfit::Missing(name.to_owned())),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Null) => return Err(Unfit::NotText(name.to_owned(), "null")),
        Some(Value::Array(_)) => return Err(Unfit::NotText(name.to_owned(), "a list")),
        Some(Value::Object(_)) => return Err(Unfit::NotText(name.to_owned(), "an object")),
    };
    match encoding {
        Encoding::Plain => Ok(text),
        Encoding::Regex => Ok(regex::escape(&text)),
        // `DELETE /things/{{ thing }}` must not become `DELETE /things/`.
        Encoding::Url if matches!(text.as_str(), "" | "." | "..") => Err(Unfit::NoName(name.to_owned())),
        Encoding::Url => {
            Ok(url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20"))
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Variable(name) => write!(f, "{{{{ {name} }}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Encoding, JsonTemplate, Template, Unfit, Variables};
    use serde_json::{Value, json};

    fn variables() -> Variables {
        [
            ("sha", json!("1234567")),
            ("id", json!(7)),
            ("list", json!([1])),
            ("odd", json!("a/../b c+%")),
            ("none", json!("")),
        ]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v))
        .collect()
    }

    fn render(text: &str, encoding: Encoding) -> Result<String, Unfit> {
        Template::parse(text).unwrap().render(&variables(), encoding)
    }

    #[test]
    fn fills_placeholders_as_their_place_demands() {
        assert_eq!(render("/x/{{ sha }}?n={{id}}", Encoding::Url).unwrap(), "/x/1234567?n=7");
        assert_eq!(render("/x/{{ odd }}", Encoding::Url).unwrap(), "/x/a%2F..%2Fb%20c%2B%25");
        assert_eq!(render("^{{ odd }}$", Encoding::Regex).unwrap(), r"^a/\.\./b c\+%$");
        assert_eq!(render("{{ list }}", Encoding::Plain), Err(Unfit::NotText("list".to_owned(), "a list")));
        assert_eq!(render("{{ gone }}", Encoding::Plain), Err(Unfit::Missing("gone".to_owned())));
        assert_eq!(render("/x/{{ none }}", Encoding::Url), Err(Unfit::NoName("none".to_owned())));
    }

    #[test]
    fn a_lone_placeholder_keeps_its_type_and_a_sha_stays_text() {
        let value =
            |text: &str| JsonTemplate::Text(Template::parse(text).unwrap()).render(&variables()).unwrap();
        assert_eq!(value("{{ id }}"), json!(7));
        assert_eq!(value("{{ list }}"), json!([1]));
        assert_eq!(value("{{ sha }}"), Value::String("1234567".to_owned()));
        assert_eq!(value("no. {{ id }}"), json!("no. 7"));
    }

    #[test]
    fn an_open_or_nameless_placeholder_is_refused() {
        for text in ["{{ sha", "{{}}", "{{ a b }}", "x {{ $.id }}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        assert!(Template::parse("a } } {b} }}").is_ok());
    }
}
