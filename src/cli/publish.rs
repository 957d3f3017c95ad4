//! Hands a report to everybody who reads it: stdout, the result file, the runner's files.

use std::io::Write as _;

use crate::base::exit::Exit;
use crate::io::console::Console;
use crate::io::context::Context;
use crate::io::files::{FileError, ResultFile};
use crate::io::github_files::GithubFiles;
use crate::io::{random, run};
use crate::model::commit::CommitSha;
use crate::model::verdict::Verdict;
use crate::report::failure::complaints;
use crate::report::github::{Annotation, Level, Summary, capped, output};
use crate::report::page::Page;
use crate::report::{Render, json};
use crate::tool::failure::Failure;
use crate::tool::options::{Format, OutputOptions};

/// Says `error` before anything is done: a step that is killed has said so (of outputs with the same name the
/// runner keeps the last).
pub(super) fn announce(github: Option<&GithubFiles>) {
    let _ = github.map(|files| files.append_output(&output("verdict", Verdict::Error.as_str(), "")));
}

/// The outputs of a command line that could not be read.
pub(super) fn usage(github: Option<&GithubFiles>, exit: Exit) {
    let _ = github.map(|files| files.append_output(&output("exit-code", &exit.code().to_string(), "")));
}

pub(super) fn complain(console: &Console, failure: &Failure) {
    for complaint in complaints(failure) {
        console.error(&complaint.message);
        if let Some(hint) = complaint.advice() {
            console.hint(hint);
        }
    }
}

/// Files that were reserved before anything was done.
#[derive(Default)]
pub(super) struct Files {
    pub result: Option<ResultFile>,
    pub junit: Option<ResultFile>,
}

pub(super) struct Publisher<'a> {
    pub tool: &'static str,
    pub output: &'a OutputOptions,
    pub colored: bool,
    /// For the story and the secrets.
    pub context: &'a Context,
    pub github: Option<&'a GithubFiles>,
}

impl Publisher<'_> {
    /// Writes everything, and gives the exit code. What cannot be written is told on stderr and changes no exit code:
    /// that one speaks of the registry, and the registry is as it is. A report that still shows a secret after it was
    /// cleaned is not published at all.
    /// With the code comes the document, if it may be seen.
    pub(super) fn publish(&self, report: &dyn Render, files: Files) -> (Exit, Option<String>) {
        let pages = self.pages(report);
        let parts = [Some(&pages.document), pages.text.as_ref(), pages.junit.as_ref(), Some(&pages.summary)];
        if parts
            .into_iter()
            .flatten()
            .chain(&pages.annotations)
            .any(|part| self.context.console.secrets.finds(part))
        {
            self.context.console.error("the reports would show a token, so they are not written");
            self.context
                .console
                .hint("a token that is part of an everyday word cannot be kept out of a text: replace it");
            let exit = report.exit_unpublished();
            let line = output("exit-code", &exit.code().to_string(), "");
            let _ = self.github.map(|files| files.append_output(&line));
            return (exit, None);
        }
        if let Some(file) = files.result {
            self.tell("the result file", file.write(&pages.document));
        }
        if let (Some(file), Some(junit)) = (files.junit, &pages.junit) {
            self.tell("the JUnit report", file.write(junit));
        }
        self.print(pages.text.as_ref().unwrap_or(&pages.document));
        if let Some(github) = self.github {
            self.publish_on_github(github, report, &pages);
        }
        (report.exit(), Some(pages.document))
    }

    fn pages(&self, report: &dyn Render) -> Pages {
        let text = (self.output.format == Format::Text).then(|| {
            let mut page = Page::new(self.colored);
            report.text(&mut page);
            self.clean(&page.into_text())
        });
        let mut summary = Summary::of(report.verdict());
        report.summary(&mut summary);
        summary.links(&self.links(report));
        let mut document = json::fields(self.tool, report);
        self.context.console.secrets.clean_json(&mut document);
        // A secret that is one of these words must not hide it. It is found then, and nothing is published.
        document["verdict"] = serde_json::json!(report.verdict());
        Pages {
            document: json::written(&document),
            text,
            junit: report.junit().map(|junit| self.clean(&junit)),
            summary: self.clean(&summary.into_text()),
            annotations: capped(&report.annotations()).iter().map(|a| self.clean(&a.command())).collect(),
        }
    }

    /// The pages of the run, of the commit, and of what changed since the release before it.
    fn links(&self, report: &dyn Render) -> Vec<(String, String)> {
        let Some((run, url)) = run::of(&self.context.env).and_then(|run| Some((run.clone(), run.url?)))
        else {
            return Vec::new();
        };
        let repository = url.split("/actions/").next().unwrap_or_default();
        let number = run.number.map(|number| format!(" {number}")).unwrap_or_default();
        let mut links = vec![(format!("run{number}"), url.clone())];
        let sha = report.outputs().into_iter().find(|(name, _)| *name == "sha");
        if let Some(sha) = sha.and_then(|(_, sha)| sha.parse::<CommitSha>().ok()) {
            links.push((format!("commit {}", sha.short()), format!("{repository}/commit/{sha}")));
            if let Some(previous) = report.previous() {
                let words = format!("changes since {}", previous.short());
                links.push((words, format!("{repository}/compare/{previous}...{sha}")));
            }
        }
        links
    }

    fn publish_on_github(&self, github: &GithubFiles, report: &dyn Render, pages: &Pages) {
        if self.output.format == Format::Text {
            pages.annotations.iter().for_each(|annotation| self.print(annotation));
        }
        self.tell("the step summary", github.append_summary(&pages.summary));
        let delimiter = delimiter();
        let mut outputs = report.outputs();
        outputs.push(("exit-code", report.exit().code().to_string()));
        // The verdict comes last: when it stands there, everything before it does too.
        outputs.push(("verdict", report.verdict().as_str().to_owned()));
        let text: String =
            outputs.iter().map(|(name, value)| output(name, &self.clean(value), &delimiter)).collect();
        let written = github.append_output(&text);
        if written.is_err() {
            let annotation = Annotation {
                level: Level::Error,
                title: "no outputs".to_owned(),
                message: "the step's outputs could not be written".to_owned(),
                place: None,
            };
            self.print(&annotation.command());
        }
        self.tell("the step's outputs", written);
    }

    fn clean(&self, text: &str) -> String {
        self.context.console.secrets.clean(text)
    }

    fn print(&self, text: &str) {
        // A reader that went away is no failure of the work.
        let _ = self.context.console.bars().suspend(|| std::io::stdout().write_all(text.as_bytes()));
    }

    fn tell(&self, what: &str, written: Result<(), FileError>) {
        if let Err(error) = written {
            let cause =
                std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
            self.context.console.error(&format!("{what} is not written: {error}{cause}"));
        }
    }
}

struct Pages {
    document: String,
    /// For a person; `None`: the document was asked for.
    text: Option<String>,
    junit: Option<String>,
    summary: String,
    annotations: Vec<String>,
}

/// 128 random bits: nobody who writes into a value can know how its block ends.
fn delimiter() -> String {
    // Without randomness no block is written at all: `output` refuses a value that contains "".
    random::hex::<16>().map_or_else(|_| String::new(), |hex| format!("coalmine_{hex}"))
}
