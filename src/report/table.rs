//! A table: aligned columns in text, a Markdown table in a step summary.

use super::github::Summary;
use super::page::{Cell, Page};
use crate::model::commit::CommitSha;

/// Rows of the same number of cells, and a name for each column. Text shows the rows only; a summary names the columns
/// too, because Markdown has no table without.
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new<const COLUMNS: usize>(
        head: [&'static str; COLUMNS],
        rows: impl IntoIterator<Item = [Cell; COLUMNS]>,
    ) -> Self {
        Self { head: head.into(), rows: rows.into_iter().map(Vec::from).collect() }
    }

    pub(crate) fn text(&self, page: &mut Page) {
        page.table(&self.rows);
    }

    /// Nothing where there are no rows.
    pub(crate) fn summary(&self, summary: &mut Summary) {
        if !self.rows.is_empty() {
            let words = |row: &Vec<Cell>| row.iter().map(|(_, words)| shortened(words)).collect();
            summary.table(&self.head, &self.rows.iter().map(words).collect::<Vec<_>>());
        }
    }
}

/// A whole commit by its first digits, so that the table fits; whoever shows it shows the whole one elsewhere.
fn shortened(words: &str) -> String {
    words.parse::<CommitSha>().map_or_else(|_| words.to_owned(), |sha| sha.short().to_owned())
}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::report::github::Summary;
    use crate::report::page::{Page, cell};

    #[test]
    fn the_same_rows_are_columns_in_text_and_a_table_in_a_summary() {
        let table = Table::new(
            ["image", "state"],
            [[cell("acme/platform"), cell("moved")], [cell("acme/x"), cell("a | b")]],
        );
        let (mut page, mut summary) = (Page::new(false), Summary::default());
        table.text(&mut page);
        table.summary(&mut summary);
        assert_eq!(page.into_text(), "  acme/platform  moved\n  acme/x         a | b\n");
        assert_eq!(
            summary.into_text(),
            "| image | state |\n|---|---|\n| `acme/platform` | `moved` |\n| `acme/x` | `a \\| b` |\n\n"
        );
        let mut empty = Summary::default();
        Table::new(["image"], []).summary(&mut empty);
        assert_eq!(empty.into_text(), "");
    }
}
