//! What is asked of GitHub's API: an issue for a rejected release, once; whether an issue is closed; the tip of a branch; the
//! commits between two releases. GitHub REST API 2022-11-28, "Issues", "Commits" and "Compare two commits".

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Url};
use serde::Deserialize;
use serde_json::json;

use super::connection;
use super::env::Env;
use super::proxy::{Proxies, is_this_machine};
use crate::base::secret::Secret;
use crate::base::text;
use crate::model::commit::CommitSha;

/// An answer takes a second or two; a rollback is over by now, and nobody waits for this.
const PATIENCE: Duration = Duration::from_secs(15);

/// Most commits that are told.
const COMMITS: usize = 20;

pub struct GithubApi {
    http: Client,
    /// Its address under the API.
    url: Url,
    api: String,
    repository: String,
    token: Secret,
}

#[derive(Deserialize)]
struct Comparison {
    commits: Vec<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
    commit: Message,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

#[derive(Deserialize)]
struct Issue {
    html_url: String,
    body: Option<String>,
}

/// What an issue says of itself.
#[derive(Debug, Deserialize)]
pub struct IssueState {
    /// `open` or `closed`.
    pub state: String,
    pub labels: Vec<Label>,
}

#[derive(Debug, Deserialize)]
pub struct Label {
    pub name: String,
}

#[derive(Deserialize)]
struct Tip {
    sha: String,
}

impl GithubApi {
    /// The repository that the environment names.
    ///
    /// # Errors
    /// A variable is missing, or the API's address is not one that may get a token.
    pub fn of(env: &Env) -> Result<Self, String> {
        let token = env.secret("GITHUB_TOKEN").ok_or("GITHUB_TOKEN is not set")?;
        let repository = env.get("GITHUB_REPOSITORY").ok_or("GITHUB_REPOSITORY is not set")?;
        let named =
            repository.split_once('/').filter(|(owner, name)| [owner, name].iter().all(|part| is_name(part)));
        let (owner, name) = named.ok_or("GITHUB_REPOSITORY is not `owner/name`")?;
        let api = env.get("GITHUB_API_URL").unwrap_or("https://api.github.com").trim_end_matches('/');
        let url = Url::parse(&format!("{api}/repos/{owner}/{name}/"))
            .map_err(|_| "GITHUB_API_URL is not a URL".to_owned())?;
        if url.scheme() != "https" && !is_this_machine(&url) {
            return Err("GITHUB_API_URL is not https: no token is sent there".to_owned());
        }
        let http = Proxies::of(env).lead(connection::client()).timeout(PATIENCE);
        let (api, repository) = (api.to_owned(), repository.to_owned());
        Ok(Self { http: http.build().map_err(|e| e.to_string())?, url, api, repository, token })
    }

    /// Whether issue `number` of `repository` (`owner/name`) is closed, and its labels.
    ///
    /// # Errors
    /// GitHub refuses or does not answer.
    pub async fn issue(&self, repository: &str, number: u64) -> Result<IssueState, String> {
        ask(self.request(Method::GET, self.below(&["repos", repository, "issues", &number.to_string()])?))
            .await
    }

    /// The commit at the tip of a branch of the repository that the environment names.
    ///
    /// # Errors
    /// GitHub refuses or does not answer.
    pub async fn tip(&self, branch: &str) -> Result<String, String> {
        let url = self.below(&["repos", &self.repository, "commits", branch])?;
        let commit: Tip = ask(self.request(Method::GET, url)).await?;
        Ok(commit.sha)
    }

    fn below(&self, parts: &[&str]) -> Result<Url, String> {
        let url = Url::parse(&format!("{}/{}", self.api, parts.join("/")));
        url.map_err(|_| "GITHUB_API_URL is not a URL".to_owned())
    }

    /// The address of the issue that bears `marker`: an open one that is there, or a new one.
    pub async fn file(&self, marker: &str, title: &str, body: &str) -> Result<String, String> {
        let mut list = self.at("issues")?;
        list.query_pairs_mut().extend_pairs([("state", "all"), ("per_page", "100")]);
        let recent: Vec<Issue> = ask(self.request(Method::GET, list)).await?;
        let known =
            recent.into_iter().find(|issue| issue.body.as_deref().is_some_and(|body| body.contains(marker)));
        if let Some(issue) = known {
            return Ok(issue.html_url);
        }
        let document = json!({ "title": title, "body": body }).to_string();
        let issue: Issue = ask(self.request(Method::POST, self.at("issues")?).body(document)).await?;
        Ok(issue.html_url)
    }

    /// The commits that `to` has and `from` has not, newest first: short sha and first line, of foreign words.
    ///
    /// # Errors
    /// GitHub refuses or does not answer.
    pub async fn commits(&self, from: &CommitSha, to: &CommitSha) -> Result<Vec<String>, String> {
        let url = self.at(&format!("compare/{from}...{to}"))?;
        let comparison: Comparison = ask(self.request(Method::GET, url)).await?;
        let line = |commit: &Commit| {
            let first = commit.commit.message.lines().next().unwrap_or_default();
            let sha: String = commit.sha.chars().take(7).collect();
            text::escape(&format!("{sha} {first}"), text::EXCERPT_BYTES)
        };
        let mut lines: Vec<String> = comparison.commits.iter().rev().take(COMMITS).map(line).collect();
        if comparison.commits.len() > COMMITS {
            lines.push(format!("and {} more", comparison.commits.len() - COMMITS));
        }
        Ok(lines)
    }

    fn at(&self, path: &str) -> Result<Url, String> {
        self.url.join(path).map_err(|e| e.to_string())
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url).bearer_auth(self.token.expose());
        request
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header("content-type", "application/json")
    }
}

/// Largest answer that is read: a page of 100 issues with long texts.
const ANSWER_BYTES: usize = 32 * 1024 * 1024;

async fn ask<T: for<'de> Deserialize<'de>>(request: RequestBuilder) -> Result<T, String> {
    let mut response = request.send().await.map_err(|e| text::escape(&e.without_url().to_string(), 200))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| e.without_url().to_string())? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err("the answer is too large".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        return Err(format!("status {status}: {}", text::excerpt(&body)));
    }
    serde_json::from_slice(&body)
        .map_err(|_| format!("an answer that cannot be read: {}", text::excerpt(&body)))
}

fn is_name(part: &str) -> bool {
    !part.is_empty()
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && part != ".."
}
