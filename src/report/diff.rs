//! What is different between two releases. Every line of it may come from a foreign file.

use super::github::Summary;
use super::page::{Mood, Page};
use crate::engine::changes::told;
use crate::model::difference::{FileChange, ImageChange};
use crate::model::digest::Digest;

/// Most lines of files that are shown in all.
const LINES: usize = 1_000;

fn heading(change: &ImageChange) -> String {
    let side = |digest: &Option<Digest>| digest.as_ref().map_or_else(|| "nothing".to_owned(), Digest::short);
    let way = if change.from == change.to {
        format!("unchanged, {}", side(&change.to))
    } else {
        format!("{} -> {}", side(&change.from), side(&change.to))
    };
    format!("{}: {way}", change.repository)
}

/// Settings, parts, pins and remarks, one line each.
fn lines(change: &ImageChange) -> Vec<String> {
    let kinds = [("", &change.settings), ("part ", &change.parts), ("pin ", &change.pins)];
    let changed =
        kinds.into_iter().flat_map(|(kind, all)| all.iter().map(move |one| format!("{kind}{}", told(one))));
    changed.chain(change.floating.iter().cloned()).chain(change.notes.iter().cloned()).collect()
}

fn file(file: &FileChange) -> String {
    let part =
        if file.parts.is_empty() { "no part".to_owned() } else { format!("part {}", file.parts.join(", ")) };
    format!("{} {} ({part})", file.state, file.path)
}

/// For a person.
pub fn text(page: &mut Page, changes: &[ImageChange]) {
    let mut left = LINES;
    for change in changes {
        page.line(Mood::Strong, &heading(change));
        lines(change).iter().for_each(|line| page.line(Mood::Plain, &format!("  {line}")));
        for changed in &change.files {
            page.line(Mood::Odd, &format!("  {}", file(changed)));
            for line in changed.lines.iter().take(left) {
                let mood = match line.as_bytes().first() {
                    Some(b'+') => Mood::Good,
                    Some(b'-') => Mood::Bad,
                    _ => Mood::Dim,
                };
                page.line(mood, &format!("    {line}"));
            }
            left = left.saturating_sub(changed.lines.len());
        }
    }
    if left == 0 {
        page.line(Mood::Odd, "more lines differ than are shown");
    }
}

/// For the step summary.
pub fn summary(summary: &mut Summary, changes: &[ImageChange]) {
    let mut left = LINES;
    for change in changes {
        let mut block = vec![heading(change)];
        block.extend(lines(change).iter().map(|line| format!("  {line}")));
        for changed in &change.files {
            block.push(format!("  {}", file(changed)));
            block.extend(changed.lines.iter().take(left).map(|line| format!("    {line}")));
            left = left.saturating_sub(changed.lines.len());
        }
        summary.block(&block.join("\n"));
    }
    if left == 0 {
        summary.paragraph("more lines differ than are shown");
    }
}
