//! Outcomes and failures as text, JSON and the content of GitHub's files. Same facts in each.

pub mod failure;
pub mod github;
pub mod json;
pub mod page;
pub mod promotion;
pub mod publish;
pub mod ring_of;
pub mod smoke;
mod soak;
pub mod status;
pub(crate) mod table;

use serde_json::{Map, Value};

use crate::base::exit::Exit;
use crate::model::commit::CommitSha;
use crate::model::verdict::Verdict;

/// What can be reported. Every outcome of a tool, and every failure, is one of these.
pub trait Render {
    /// The one word that a gate reads.
    fn verdict(&self) -> Verdict;

    /// The code that the process ends with.
    fn exit(&self) -> Exit;

    /// The code if the reports cannot be published, because they would show a secret: what was done is done, and a
    /// code that speaks of the registry stays what it is.
    fn exit_unpublished(&self) -> Exit {
        self.exit()
    }

    /// The fields of the JSON document beside `format`, `tool`, `version`, `verdict` and `exit_code`.
    fn fields(&self) -> Map<String, Value>;

    /// The result for a person, on stdout.
    fn text(&self, page: &mut page::Page);

    /// The step summary, in Markdown, the most important first.
    fn summary(&self, summary: &mut github::Summary);

    /// The step's outputs beside `verdict` and `exit-code`.
    fn outputs(&self) -> Vec<(&'static str, String)>;

    /// The JUnit report; `None`: there is nothing that could stand in one.
    fn junit(&self) -> Option<String> {
        None
    }

    /// The release that was live before, if this one took its place: the summary leads to what changed.
    fn previous(&self) -> Option<&CommitSha> {
        None
    }

    fn annotations(&self) -> Vec<github::Annotation> {
        Vec::new()
    }
}
