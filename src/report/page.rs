//! A page of text for a person: lines, styles, aligned columns.

use anstyle::{AnsiColor, Style};

use crate::base::text;

/// Widest cell of a table, in bytes; what is longer was not meant for a column.
const CELL_BYTES: usize = 400;

/// Text that is being written.
pub struct Page {
    color: bool,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Good,
    Bad,
    Odd,
    Dim,
    Strong,
    /// Ordinary text without a style.
    Plain,
}

impl Mood {
    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Odd => AnsiColor::Yellow.on_default(),
            Self::Dim => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
            Self::Plain => Style::new(),
        }
    }
}

pub type Cell = (Mood, String);

/// A cell without a mood.
pub fn cell(text: impl Into<String>) -> Cell {
    (Mood::Plain, text.into())
}

impl Page {
    /// An empty page, with ANSI styles if `color`.
    pub fn new(color: bool) -> Self {
        Self { color, text: String::new() }
    }

    /// Adds a line. Control characters in it are shown, not obeyed.
    pub fn line(&mut self, mood: Mood, line: &str) {
        let painted = self.paint(mood, &text::defuse(&text::escape(line, 100 * CELL_BYTES)));
        self.text.push_str(&painted);
        self.text.push('\n');
    }

    pub fn gap(&mut self) {
        self.text.push('\n');
    }

    /// Adds rows with aligned columns, indented by two.
    pub fn table(&mut self, rows: &[Vec<Cell>]) {
        let rows: Vec<Vec<Cell>> = rows
            .iter()
            .map(|row| row.iter().map(|(m, t)| (*m, text::escape(t, CELL_BYTES))).collect())
            .collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |i: usize| {
            rows.iter().filter_map(|row| row.get(i)).map(|(_, t)| t.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &rows {
            let mut line = String::from("  ");
            for (i, (mood, text)) in row.iter().enumerate() {
                line.push_str(&self.paint(*mood, text));
                if i + 1 < row.len() {
                    line.push_str(&" ".repeat(widths[i] - text.chars().count() + 2));
                }
            }
            self.text.push_str(text::defuse(&line).trim_end());
            self.text.push('\n');
        }
    }

    pub fn into_text(self) -> String {
        self.text
    }

    fn paint(&self, mood: Mood, text: &str) -> String {
        if !self.color || mood == Mood::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = mood.style();
        format!("{}{text}{}", style.render(), style.render_reset())
    }
}

#[cfg(test)]
mod tests {
    use super::{Mood, Page, cell};

    #[test]
    fn aligns_columns_and_obeys_nothing_that_is_in_them() {
        let mut page = Page::new(false);
        page.table(&[vec![cell("a"), cell("one")], vec![cell("long"), cell("\x1b[2J")]]);
        page.line(Mood::Bad, "::error::x");
        assert_eq!(page.into_text(), "  a     one\n  long  \\u{1b}[2J\n: :error::x\n");
    }
}
