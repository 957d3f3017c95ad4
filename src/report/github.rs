//! What a GitHub runner reads: annotations, outputs, the step summary. Every byte that came from a network
//! passes here. Syntax: GitHub documentation, "Workflow commands"; escapes: `actions/toolkit`, `command.ts`.

use crate::base::text;
use crate::model::verdict::Verdict;

/// The runner refuses a step summary above 1 MiB (GitHub documentation, "Job summaries"); some room is left.
const SUMMARY_BYTES: usize = 1_000_000;
/// Longest value of one output. The runner allows 1 MiB for all outputs of a job together.
const OUTPUT_BYTES: usize = 100_000;
/// Longest annotation message: the page shows little more.
const ANNOTATION_BYTES: usize = 4_000;

/// A runner keeps no more annotations of one level and step (actions/runner, `ExecutionContext.cs`).
const ANNOTATIONS: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warning,
    Notice,
}

/// A remark on the workflow's page, perhaps at a line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    pub level: Level,
    pub title: String,
    pub message: String,
    /// File and line it is about.
    pub place: Option<(String, usize)>,
}

impl Annotation {
    /// The workflow command, with a newline.
    pub fn command(&self) -> String {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        };
        let mut properties = vec![format!("title={}", property(&self.title))];
        if let Some((file, line)) = &self.place {
            properties.extend([format!("file={}", property(file)), format!("line={line}")]);
        }
        format!("::{level} {}::{}\n", properties.join(","), data(&self.message))
    }
}

/// What a runner keeps of `annotations`, the first ones of each level; the last one says how many are beyond.
pub fn capped(annotations: &[Annotation]) -> Vec<Annotation> {
    let mut kept: Vec<Annotation> = Vec::new();
    for level in [Level::Error, Level::Warning, Level::Notice] {
        let mut all: Vec<Annotation> =
            annotations.iter().filter(|annotation| annotation.level == level).cloned().collect();
        if all.len() > ANNOTATIONS {
            let more = all.len() - (ANNOTATIONS - 1);
            all.truncate(ANNOTATIONS - 1);
            let message = "the log, the step summary and the result file have all of them".to_owned();
            all.push(Annotation { level, title: format!("and {more} more"), message, place: None });
        }
        kept.extend(all);
    }
    kept
}

/// The message of a command: `%`, CR and LF encoded, all other control characters shown.
fn data(message: &str) -> String {
    let lines: Vec<String> =
        message.lines().map(|line| text::escape(line, ANNOTATION_BYTES).replace("##[", "## [")).collect();
    let mut joined = lines.join("\n");
    if joined.len() > ANNOTATION_BYTES {
        joined = text::escape(&joined.replace('\n', " "), ANNOTATION_BYTES);
    }
    joined.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command: as [`data`], and `:` and `,` encoded.
fn property(value: &str) -> String {
    data(value).replace(':', "%3A").replace(',', "%2C")
}

/// One line, or block, for `$GITHUB_OUTPUT`. `delimiter` is random, so that no value can end its own block.
pub fn output(name: &str, value: &str, delimiter: &str) -> String {
    let value: String = value.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect();
    if !value.contains('\n') && value.len() <= OUTPUT_BYTES {
        return format!("{name}={value}\n");
    }
    if value.len() > OUTPUT_BYTES || value.lines().any(|line| line.contains(delimiter)) {
        return format!("{name}=\n");
    }
    format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")
}

/// A step summary that is being written, the most important first: what does not fit any more is left out.
#[derive(Default)]
pub struct Summary {
    text: String,
    full: bool,
    mark: Option<&'static str>,
}

impl Summary {
    /// One whose first headline begins with the mark of a verdict.
    pub fn of(verdict: Verdict) -> Self {
        let mark = match verdict {
            Verdict::Green => "\u{2714}",
            Verdict::Red => "\u{2718}",
            Verdict::Inconclusive => "?",
            Verdict::Pending => "\u{2026}",
            Verdict::Error => "!",
        };
        Self { mark: Some(mark), ..Self::default() }
    }

    /// Adds a headline; `words` are ours or escaped here.
    pub fn heading(&mut self, words: &str) {
        let mark = self.mark.take().map(|mark| format!("{mark} ")).unwrap_or_default();
        self.push(&format!("### {mark}{}\n\n", markdown(words)));
    }

    /// Adds links on one line: words, and where they lead. An address that is none is left out.
    pub fn links(&mut self, links: &[(String, String)]) {
        let plain = |url: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | ':' | '/');
            (url.starts_with("https://") || url.starts_with("http://")) && url.chars().all(fits)
        };
        let links = links.iter().filter(|(_, url)| plain(url));
        let links: Vec<String> = links.map(|(words, url)| format!("[{}]({url})", markdown(words))).collect();
        if !links.is_empty() {
            self.push(&format!("{}\n\n", links.join(" \u{b7} ")));
        }
    }

    /// Adds lines to be read, or run, letter by letter, that are shown when somebody opens them. Nothing without lines.
    pub fn folded(&mut self, title: &str, lines: &str) {
        if !lines.is_empty() {
            let block = fenced(lines);
            self.push(&format!("<details><summary>{}</summary>\n\n{block}</details>\n\n", markdown(title)));
        }
    }

    pub fn paragraph(&mut self, words: &str) {
        self.push(&format!("{}\n\n", opening(words)));
    }

    /// Adds a table. Cells are code, so nothing in them is Markdown, a link or a mention.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        self.push(&format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len())));
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| code(cell)).collect();
            self.push(&format!("| {} |\n", cells.join(" | ")));
        }
        self.push("\n");
    }

    /// Adds lines to be read, or run, letter by letter.
    pub fn block(&mut self, lines: &str) {
        self.push(&fenced(lines));
    }

    pub fn into_text(self) -> String {
        self.text
    }

    fn push(&mut self, part: &str) {
        if self.full {
            return;
        }
        if self.text.len() + part.len() > SUMMARY_BYTES {
            self.full = true;
            self.text.push_str(
                "\n_The rest does not fit into a step summary; it is in the log and in the result file._\n",
            );
            return;
        }
        self.text.push_str(part);
    }
}

/// Lines as a block of code whose fence nothing in it can close.
fn fenced(lines: &str) -> String {
    let longest = lines.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let shown: Vec<String> = lines.lines().map(|line| text::escape(line, ANNOTATION_BYTES)).collect();
    format!("{fence}text\n{}\n{fence}\n\n", shown.join("\n"))
}

/// Words as words: every character that Markdown, HTML or GitHub's mentions give a meaning is encoded.
fn markdown(words: &str) -> String {
    let mut out = String::new();
    for c in text::escape(words, ANNOTATION_BYTES).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '#' | '|' | '~' | '@' | '!' | '$' => {
                out.push_str(&format!("&#{};", c as u32));
            }
            _ => out.push(c),
        }
    }
    // `http://` and `www.` would be made links by themselves.
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// [`markdown`] at the beginning of a line, where white space, a rule, and the mark of a list mean something too.
fn opening(words: &str) -> String {
    let shown = markdown(words.trim());
    let after = shown.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = after.len() < shown.len() && after.starts_with(['.', ')']);
    match shown.chars().next() {
        Some(first) if numbered || matches!(first, '-' | '+' | '=') => {
            format!("&#{};{}", first as u32, &shown[1..])
        }
        _ => shown,
    }
}

/// A cell of a table as code: backticks and pipes cannot end it.
fn code(cell: &str) -> String {
    let cell = text::escape(cell, ANNOTATION_BYTES).replace('`', "'").replace('|', "\\|");
    if cell.is_empty() { " ".to_owned() } else { format!("`{cell}`") }
}

#[cfg(test)]
mod tests {
    use super::{Annotation, Level, Summary, capped, output};

    #[test]
    fn the_eleventh_annotation_of_a_level_is_counted_and_not_lost() {
        let of = |level: Level, title: usize| Annotation {
            level,
            title: title.to_string(),
            message: String::new(),
            place: None,
        };
        let mut many: Vec<Annotation> = (0..12).map(|i| of(Level::Warning, i)).collect();
        many.extend((0..10).map(|i| of(Level::Error, i)));
        let kept = capped(&many);
        assert!(kept[..10].iter().all(|annotation| annotation.level == Level::Error));
        let titles: Vec<&str> = kept[10..].iter().map(|annotation| annotation.title.as_str()).collect();
        assert_eq!(titles, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "and 3 more"]);
    }

    #[test]
    fn a_summary_is_cut_before_the_runner_drops_all_of_it() {
        let mut summary = Summary::default();
        summary.heading("first");
        summary.table(&["a"], &vec![vec!["x".repeat(1_000)]; 2_000]);
        summary.paragraph("last");
        let text = summary.into_text();
        assert!(text.len() <= 1024 * 1024 && text.starts_with("### first"), "{}", text.len());
        assert!(text.ends_with("in the result file._\n") && !text.contains("last\n"));
    }

    #[test]
    fn a_foreign_text_cannot_give_the_runner_a_command() {
        let annotation = Annotation {
            level: Level::Error,
            title: "a,b::c".to_owned(),
            message: "50%\n::set-output name=x::y\n##[add-mask]e\x1b[0m".to_owned(),
            place: Some(("smoke.toml".to_owned(), 7)),
        };
        assert_eq!(
            annotation.command(),
            "::error title=a%2Cb%3A%3Ac,file=smoke.toml,line=7::50%25%0A::set-output name=x::y%0A## [add-mask]e\\u{1b}[0m\n"
        );
    }

    #[test]
    fn a_value_cannot_end_its_own_block() {
        assert_eq!(output("a", "1\n2", "D"), "a<<D\n1\n2\nD\n");
        assert_eq!(output("a", "1\nD\nverdict=green", "D"), "a=\n");
        assert_eq!(output("a", "x\ry", "D"), "a=xy\n");
    }

    #[test]
    fn a_paragraph_is_words_however_it_begins() {
        let paragraph = |words: &str| {
            let mut summary = Summary::default();
            summary.paragraph(words);
            summary.into_text()
        };
        assert_eq!(paragraph("www.evil.example costs $5$"), "www&#46;evil.example costs &#36;5&#36;\n\n");
        for (words, shown) in [
            ("- a", "&#45; a"),
            ("    code", "code"),
            ("12. a", "&#49;2. a"),
            ("---", "&#45;--"),
            ("2 tenants", "2 tenants"),
        ] {
            assert_eq!(paragraph(words), format!("{shown}\n\n"));
        }
    }

    #[test]
    fn a_summary_shows_foreign_markup_and_obeys_none() {
        let mut summary = Summary::default();
        summary.paragraph("<img src=x> @acme/team [a](http://evil.example)");
        summary.table(&["a"], &[vec!["x | y `z`".to_owned()]]);
        summary.block("```\nout");
        let text = summary.into_text();
        assert!(!text.contains("<img") && !text.contains("@acme") && !text.contains("](http"), "{text}");
        assert!(text.contains("`x \\| y 'z'`"), "{text}");
        assert!(text.contains("````text\n```\nout\n````"), "{text}");
    }
}
