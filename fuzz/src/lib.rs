//! What several targets check. Each check is written anew here: it must not agree with the library by calling it.

use coalmine::base::diagnostic::Diagnostic;
use coalmine::policy::toml::Mistakes;
use coalmine::report::Render;
use coalmine::report::github::{Summary, capped};
use coalmine::report::json;
use coalmine::report::page::Page;
use coalmine::tool::failure::Failure;
use quick_xml::events::Event;

pub mod made;

/// Characters that a reader does not see, or sees in another order: Unicode UAX #9, zero-width and format characters.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Asserts that `text` has one line and nothing that a terminal obeys or a reader does not see.
#[track_caller]
pub fn one_line(text: &str) {
    assert!(!text.contains('\n'), "more than one line: {text:?}");
    harmless(text);
}

/// Asserts that `text` has no control character but newlines, and no mark that hides or reorders what follows.
#[track_caller]
pub fn harmless(text: &str) {
    let bad = text.chars().find(|&c| c != '\n' && (c.is_control() || hides(c)));
    assert!(bad.is_none(), "{bad:?} in {text:?}");
}

/// Asserts that a GitHub runner finds no command in `log`: none at the beginning of a line, no `##[` anywhere.
#[track_caller]
pub fn no_command(log: &str) {
    for line in log.lines() {
        assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "a command: {line:?}");
    }
}

/// Asserts that every form of a report can be shown: to a terminal, a runner, a browser and a parser.
#[track_caller]
pub fn every_report(tool: &str, report: &dyn Render) {
    let mut page = Page::new(false);
    report.text(&mut page);
    let text = page.into_text();
    harmless(&text);
    no_command(&text);
    let document = json::document(tool, report);
    harmless(&document);
    no_command(&document);
    let value: serde_json::Value = serde_json::from_str(&document).expect("a document of JSON");
    assert_eq!(value["verdict"], report.verdict().as_str(), "no field hides the verdict");
    assert_eq!(value["exit_code"], report.exit().code(), "no field hides the exit code");
    let mut summary = Summary::default();
    report.summary(&mut summary);
    markdown(&summary.into_text());
    capped(&report.annotations()).iter().for_each(|annotation| command(&annotation.command()));
}

/// Asserts that `text` is one annotation, as `actions/runner` parses it, and nothing else.
#[track_caller]
pub fn command(text: &str) {
    let line = text.strip_suffix('\n').expect("a line");
    one_line(line);
    assert!(!line.contains("##["), "{line:?}");
    let (head, _message) = line.strip_prefix("::").and_then(|l| l.split_once("::")).expect("a command");
    let (level, properties) = head.split_once(' ').expect("properties");
    assert!(["error", "warning", "notice"].contains(&level), "{line:?}");
    let names: Vec<&str> =
        properties.split(',').map(|p| p.split_once('=').map_or("", |(name, _)| name)).collect();
    assert!(names == ["title"] || names == ["title", "file", "line"], "{line:?}");
}

/// Asserts that a step summary holds only what its writer meant: headings, plain paragraphs, tables of code, blocks.
#[track_caller]
pub fn markdown(text: &str) {
    harmless(text);
    let (mut fence, mut columns) = (None::<&str>, None);
    for line in text.lines() {
        if let Some(open) = fence {
            fence = (line != open).then_some(open);
        } else if let Some(ticks) =
            line.strip_suffix("text").filter(|t| t.len() >= 3 && t.chars().all(|c| c == '`'))
        {
            fence = Some(ticks);
        } else if line.starts_with('|') {
            let pipes = unescaped_pipes(line);
            assert_eq!(*columns.get_or_insert(pipes), pipes, "a cell that ends early: {line:?}");
            continue;
        } else if let Some(words) = line.strip_prefix("### ") {
            plain(words);
        } else if !line.is_empty() {
            assert!(!begins_a_block(line), "no paragraph: {line:?}");
            plain(line);
        }
        columns = None;
    }
    assert_eq!(fence, None, "a block without an end");
}

/// How many pipes of a row part cells (GitHub Flavored Markdown, "Tables"): those without a backslash before them.
fn unescaped_pipes(row: &str) -> usize {
    row.match_indices('|').filter(|(at, _)| !row[..*at].ends_with('\\')).count()
}

/// Whether a line is a list, a rule, a quotation, code, or turns the line above it into a heading.
fn begins_a_block(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = number.len() < line.len() && number.starts_with(['.', ')']);
    numbered || line.starts_with(['-', '+', '=', '>', '|', '#', ' ', '\t'])
}

/// Asserts that `words` are words: no markup, HTML, mention or link.
#[track_caller]
fn plain(words: &str) {
    let mut rest = words;
    while let Some(at) = rest.find(['&', '#']) {
        let entity = &rest[at..];
        let digits = entity.strip_prefix("&#").and_then(|e| e.split_once(';')).map(|(digits, _)| digits);
        let whole = digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
        assert!(whole, "a raw `&` or `#`: {words:?}");
        rest = &entity[digits.map_or(0, str::len) + 3..];
    }
    let markup = words.find(['\\', '`', '*', '_', '[', ']', '<', '>', '|', '~', '@', '!', '$']);
    assert_eq!(markup, None, "markup: {words:?}");
    assert!(!words.contains("://") && !words.contains("www."), "a link: {words:?}");
}

/// Asserts that the mistakes in the file `text` stand in its order, each at a place of it, and can be shown in every
/// report.
#[track_caller]
pub fn mistakes(found: &Mistakes, text: &str) {
    found.iter().for_each(|diagnostic| mistake(diagnostic, text));
    assert!(found.as_slice().is_sorted_by_key(|diagnostic| diagnostic.span.start));
    every_report("canary-smoke", &Failure::from(found.clone()));
}

#[track_caller]
fn mistake(diagnostic: &Diagnostic, text: &str) {
    let (line, column) = diagnostic.position();
    let found = text.split('\n').nth(line - 1);
    let width = found.map(|line| line.chars().count());
    assert!(
        width.is_some_and(|width| (1..=width + 1).contains(&column)),
        "{line}:{column} is not in the file"
    );
    assert!(diagnostic.span.start <= diagnostic.span.end && diagnostic.span.end <= text.len());
    let shown = diagnostic.to_string();
    harmless(&shown);
    assert!(shown.contains(&format!("{}:{line}:", diagnostic.file)), "{shown}");
}

/// Asserts that `text` is XML 1.0: elements that close, and only characters that it has (section 2.2).
#[track_caller]
pub fn xml(text: &str) {
    let is_char =
        |c: char| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    let bad = text.chars().find(|&c| !is_char(c));
    assert_eq!(bad, None, "not a character of XML");
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {text}")) {
            Event::Eof => return,
            Event::Start(element) | Event::Empty(element) => {
                element.attributes().for_each(|attribute| assert!(attribute.is_ok(), "{attribute:?}"));
            }
            _ => {}
        }
    }
}
