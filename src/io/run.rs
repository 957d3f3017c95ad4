//! Which run of a workflow this is, and who started it.

use super::env::Env;
use crate::model::record::Run;

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

/// Who runs this: the actor of the run, or the user at the terminal.
pub fn who(env: &Env) -> Option<String> {
    let actor = of(env).and_then(|run| run.actor);
    actor.or_else(|| env.get("USER").or_else(|| env.get("LOGNAME")).map(str::to_owned))
}
