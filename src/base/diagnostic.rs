//! A mistake in a file that a person wrote: file, line, column, the line itself and a caret under the place.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One mistake, with all that is needed to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as the person named it.
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
        let before = &self.source[..self.source.floor_char_boundary_at(self.span.start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
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
        let start = self.source.floor_char_boundary_at(self.span.start);
        let end = self.source.floor_char_boundary_at(self.span.end).max(start);
        let snippet = Snippet::source(self.source.as_str())
            .path(self.file.as_str())
            .annotation(AnnotationKind::Primary.span(start..end));
        let mut group = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let shown = Renderer::plain().render(&[group]);
        // Whoever shows it says that it is an error.
        f.write_str(shown.strip_prefix("error: ").unwrap_or(&shown))
    }
}

impl std::error::Error for Diagnostic {}

/// The word of `known` that `wrong` most likely meant: at most a third of its letters differ.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (distance(wrong, word), word))
        .filter(|(far, word)| *far * 3 <= word.len().max(wrong.len()))
        .min_by_key(|(far, _)| *far)
        .map(|(_, word)| word)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
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
    fn finds_the_word_that_was_meant() {
        assert_eq!(nearest("imagess", ["images", "home"]), Some("images"));
        assert_eq!(nearest("wholly-else", ["images", "home"]), None);
    }
}
