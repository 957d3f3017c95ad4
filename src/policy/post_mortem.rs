//! The draft of a post-mortem: the facts filled in, the questions left open.

use std::fmt::Write as _;

use serde_json::Value;

use crate::base::text;
use crate::model::digest::Digest;
use crate::model::history::{Entry, Event};

/// The mark by which the issue of a rejected release is found again.
pub fn marker(entry: &Entry) -> String {
    let left = match &entry.event {
        Event::Rollback { left: Some(left), .. } => left.to_string(),
        _ => entry
            .moved
            .iter()
            .filter_map(|moved| moved.from.as_ref())
            .map(Digest::hex)
            .next()
            .unwrap_or_default(),
    };
    format!("<!-- coalmine: rejected {left} -->")
}

/// The headline of the draft and of the issue.
pub fn title(entry: &Entry) -> String {
    let to = entry.sha.as_ref().map_or("the previous release", |sha| sha.short());
    match &entry.event {
        Event::Rollback { left: Some(left), .. } => {
            format!("Rolled back {} from {} to {to}", entry.tag, left.short())
        }
        _ => format!("Rolled back {} to {to}", entry.tag),
    }
}

/// The draft in Markdown. `promoted`: the entry by which the release that was left had become live.
pub fn draft(entry: &Entry, promoted: Option<&Entry>) -> String {
    let mut out = format!("{}\n# {}\n\n## What happened\n\n", marker(entry), title(entry));
    if let Some(promoted) = promoted {
        let _ = writeln!(out, "- Promoted{}", line(&promoted.told()));
    }
    let _ = writeln!(out, "- Rolled back{}", line(&entry.told()));
    if let Some(url) = entry.run.as_ref().and_then(|run| run.url.as_ref()) {
        let _ = writeln!(out, "- Run: {}", line(url));
    }
    out.push_str("\n| image | before | after |\n|---|---|---|\n");
    for moved in &entry.moved {
        let from = moved.from.as_ref().map_or("absent".to_owned(), ToString::to_string);
        let _ = writeln!(out, "| `{}` | `{from}` | `{}` |", moved.repository, moved.to);
    }
    out.push_str("\n## To be answered\n\n");
    for question in [
        "Who noticed, how, and how long after the promotion?",
        "Which commit broke it?",
        "Why did the canary not catch it?",
        "Which check should the suite grow, so that it does next time?",
        "What did users see, and for how long?",
    ] {
        let _ = writeln!(out, "- {question}");
    }
    out
}

/// What a soak found red, from its verdict as it stands in the registry; empty if it was not red. All of it is somebody's
/// words.
pub fn soak(verdict: &Value) -> String {
    let metrics = verdict["metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
    let red: Vec<&Value> = metrics.iter().filter(|metric| metric["verdict"] == "red").collect();
    if verdict["verdict"] != "red" || red.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "\n## What the soak found\n\n| metric | target | value | samples | missed since | class |\n|---|---|---|---|---|---|\n",
    );
    for metric in &red {
        let cell = |key: &str| match &metric[key] {
            Value::Null => "-".to_owned(),
            Value::String(text) => line(text),
            other => line(&other.to_string()),
        };
        let cells = ["name", "target", "estimate", "samples", "first_breach", "class"].map(cell);
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    for metric in &red {
        let rows = metric["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        let name = line(metric["name"].as_str().unwrap_or_default());
        for row in rows.iter().take(ROWS) {
            let _ = writeln!(out, "- {name}: {}", line(&row.to_string()));
        }
    }
    out
}

/// Failing rows of one metric that a post-mortem shows.
const ROWS: usize = 10;

/// Somebody's words on one line, with nothing in them that Markdown would make a link, an image or a mention.
fn line(words: &str) -> String {
    let mut out = String::new();
    for c in text::escape(words, 1_000).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '@' => out.push_str("&#64;"),
            '[' | ']' | '`' | '*' | '_' | '|' | '!' | '#' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{draft, marker, soak};
    use crate::policy::history::tests::{entry, promotion, rollback};

    #[test]
    fn a_red_soak_is_told_with_its_numbers_and_rows_and_another_one_is_not() {
        let metric = |verdict: &str| {
            serde_json::json!({
                "name": "errors <b>", "verdict": verdict, "target": "bad <= 1 %", "estimate": 0.031, "samples": 9700,
                "first_breach": "2026-11-20T20:00:00Z", "class": null, "rows": [{ "id": 7 }],
            })
        };
        let verdict = |word: &str, metrics| serde_json::json!({ "verdict": word, "metrics": metrics });
        let text = soak(&verdict("red", [metric("red"), metric("green")]));
        for words in ["errors &lt;b> | bad &lt;= 1 % | 0.031 | 9700 | 2026-11-20T20:00:00Z | -", "{\"id\":7}"]
        {
            assert!(text.contains(words), "{words}\n{text}");
        }
        assert_eq!(text.matches("9700").count(), 1);
        assert_eq!(soak(&verdict("green", [metric("green"), metric("green")])), "");
        assert_eq!(soak(&serde_json::json!(null)), "");
    }

    #[test]
    fn the_facts_are_filled_in_and_nothing_in_them_is_markup() {
        let mut back = entry("b", rollback("2222222"), "1111111");
        back.reason = Some("<img> @all [x](http://y)\n# no".to_owned());
        let text = draft(&back, Some(&entry("a", promotion(), "2222222")));
        for words in [
            "# Rolled back latest from 2222222 to 1111111",
            "Promoted at 2026-11-21",
            "`ghcr.io/a/b`",
            "which check",
            "Which commit broke it?",
        ] {
            assert!(text.to_lowercase().contains(&words.to_lowercase()), "{words}\n{text}");
        }
        assert!(
            text.starts_with(&marker(&back))
                && !text.contains("<img>")
                && !text.contains(" @all")
                && !text.contains("\n# no"),
            "{text}"
        );
    }
}
