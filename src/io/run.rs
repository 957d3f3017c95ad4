//! Which run of a workflow this is, and who started it.

use serde::Serialize;

use super::env::Env;

/// The run of a workflow, as its runner tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Who started it.
    pub actor: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// The run's identifier.
    pub id: Option<String>,
    /// Counts the runs of one workflow.
    pub number: Option<u64>,
    /// Counts the attempts of one run.
    pub attempt: Option<u64>,
    /// The page of the run.
    pub url: Option<String>,
}

/// The run, as the runner tells it (GitHub documentation, "Variables"); `None` off a runner.
pub fn of(env: &Env) -> Option<Run> {
    if !env.is_github_actions() {
        return None;
    }
    let text = |name: &str| env.get(name).map(str::to_owned);
    let (server, repository, id) =
        (text("GITHUB_SERVER_URL"), text("GITHUB_REPOSITORY"), text("GITHUB_RUN_ID"));
    let url = match (&server, &repository, &id) {
        (Some(server), Some(repository), Some(id)) => {
            Some(format!("{server}/{repository}/actions/runs/{id}"))
        }
        _ => None,
    };
    Some(Run {
        actor: text("GITHUB_ACTOR"),
        repository,
        workflow: text("GITHUB_WORKFLOW"),
        id,
        number: env.get("GITHUB_RUN_NUMBER").and_then(|number| number.parse().ok()),
        attempt: env.get("GITHUB_RUN_ATTEMPT").and_then(|number| number.parse().ok()),
        url,
    })
}
