//! Anything that answers JSON over HTTP.

use serde_json::Value;

use super::answer::{self, Answer, Failure};
use super::http::{Http, Page};
use crate::base::text;
use crate::model::measurement::Counts;
use crate::policy::smoke::suite::json_path::Path;

/// What is asked.
pub enum Question<'a> {
    /// GET of path and query.
    Get(&'a str),
    /// POST of a JSON document to path and query.
    Post(&'a str, &'a Value),
}

/// What is taken from the answer. A path to one number is that number; a path that gives a list is its length.
pub enum Take<'a> {
    /// A number.
    Value(&'a Path),
    /// Good samples, and all.
    Good(&'a Path, &'a Path),
    /// Bad samples, and all.
    Bad(&'a Path, &'a Path),
}

/// Asks a source.
///
/// # Errors
/// It does not answer with JSON in time, the answer is one page of several and a list in it should be counted, or what
/// a path finds is nothing or no number.
pub async fn ask(http: &Http, question: &Question<'_>, take: &Take<'_>) -> Result<Answer, Failure> {
    let page: Page<Value> = match question {
        Question::Get(target) => http.get(target).await?,
        Question::Post(target, body) => {
            http.post(target, "application/json", body.to_string().into_bytes()).await?
        }
    };
    let count = |path: &Path| find(path, &page).and_then(|value| answer::whole(&value));
    let shares = |counts: Option<Counts>| {
        let counts = counts.map(Answer::Counts);
        counts.ok_or_else(|| Failure::Failed("the answer counts more hits than samples".to_owned()))
    };
    match take {
        Take::Value(path) => answer::number(&find(path, &page)?).map(Answer::Number),
        Take::Good(hits, total) => shares(Counts::of_good(count(hits)?, count(total)?)),
        Take::Bad(hits, total) => shares(Counts::of_bad(count(hits)?, count(total)?)),
    }
}

fn find(path: &Path, page: &Page<Value>) -> Result<Value, Failure> {
    let shown = text::escape(path.as_str(), 200);
    match path.find(&page.document) {
        None => Err(Failure::NoData(format!("the answer has nothing at `{shown}`"))),
        Some(Value::Array(_)) if page.goes_on => Err(Failure::Failed(format!(
            "failed to count `{shown}`: the answer is one page of several; ask for a count or a longer page"
        ))),
        Some(Value::Array(list)) => Ok(Value::from(list.len())),
        Some(value) => Ok(value),
    }
}
