//! A mistake in a file that a person wrote: file, line, column, the line itself and a caret under the place.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::text;

/// One mistake, with all that is needed to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub file: String,
    /// The whole text of the file.
    pub source: String,
    /// The place, in bytes of `source`.
    pub span: Range<usize>,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// What to write instead, if that can be said.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Line and column of the place, both from 1; the column counts characters.
    pub fn position(&self) -> (usize, usize) {
        let before = &self.source[..self.place().start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// The span, within the text and between its characters. What is missing at the end is missed on the last line.
    fn place(&self) -> Range<usize> {
        let last = self.source.strip_suffix('\n').map_or(self.source.len(), str::len);
        let start = self.source.floor_char_boundary_at(self.span.start.min(last));
        let end = if self.span.is_empty() { start } else { self.span.end };
        start..self.source.floor_char_boundary_at(end).max(start)
    }
}

trait FloorCharBoundary {
    fn floor_char_boundary_at(&self, index: usize) -> usize;
}

impl FloorCharBoundary for str {
    /// The nearest character boundary at or before `index`, within the text.
    fn floor_char_boundary_at(&self, index: usize) -> usize {
        (0..=index.min(self.len())).rev().find(|&i| self.is_char_boundary(i)).unwrap_or(0)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snippet = Snippet::source(self.source.as_str())
            .path(self.file.as_str())
            .annotation(AnnotationKind::Primary.span(self.place()));
        let mut group = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let shown = Renderer::plain().render(&[group]);
        // Whoever shows it says that it is an error.
        let shown = shown.strip_prefix("error: ").unwrap_or(&shown);
        let lines: Vec<String> = shown.lines().map(|line| text::escape(line, usize::MAX)).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Diagnostic {}

/// The word of `known` that `wrong` most likely meant: at most a third of its letters differ.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (strsim::levenshtein(wrong, word), word))
        .filter(|(far, word)| *far * 3 <= word.len().max(wrong.len()))
        .min_by_key(|(far, _)| *far)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, nearest};

    #[test]
    fn shows_file_line_column_and_caret() {
        let source = "format = 1\nimagess = []\n".to_owned();
        let diagnostic = Diagnostic {
            file: "coalmine.toml".to_owned(),
            source,
            span: 11..18,
            message: "unknown key `imagess`".to_owned(),
            hint: Some("did you mean `images`?".to_owned()),
        };
        let shown = diagnostic.to_string();
        assert!(shown.contains("coalmine.toml:2:1"), "{shown}");
        assert!(shown.contains("^^^^^^^"), "{shown}");
        assert_eq!(diagnostic.position(), (2, 1));
    }

    #[test]
    fn a_mistake_at_the_end_stands_on_the_last_line() {
        for (source, place) in [("a = 1\nb = [\n", (2, 6)), ("a = [", (1, 6)), ("", (1, 1)), ("\n", (1, 1))] {
            let diagnostic = Diagnostic {
                file: "x.toml".to_owned(),
                source: source.to_owned(),
                span: source.len()..source.len(),
                message: "unclosed".to_owned(),
                hint: None,
            };
            assert_eq!(diagnostic.position(), place, "{source:?}");
            let shown = diagnostic.to_string();
            assert!(shown.contains(&format!("x.toml:{}:{}", place.0, place.1)), "{source:?}: {shown}");
        }
    }

    #[test]
    fn a_line_that_means_harm_is_shown_and_not_obeyed() {
        let source = "a = '\u{9b}2J\u{200b}'\n".to_owned();
        let (file, hint) = ("x.toml".to_owned(), Some("\u{9b}".to_owned()));
        let diagnostic = Diagnostic { file, source, span: 4..12, message: "\u{1b}[2J".to_owned(), hint };
        let shown = diagnostic.to_string();
        assert!(shown.contains(r"'\u{9b}2J\u{200b}'"), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{200b}']), "{shown:?}");
    }

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(nearest("imagess", ["images", "home"]), Some("images"));
        assert_eq!(nearest("wholly-else", ["images", "home"]), None);
    }
}
