//! The checkout in which this runs, if it is one.

use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use tokio::process::Command;

use crate::model::commit::CommitSha;
use crate::policy::gates::order::Ancestry;

/// Git answers at once or something is wrong with the disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// When `sha` was committed; `None` outside a checkout that has it.
pub async fn commit_time(sha: &CommitSha) -> Option<Timestamp> {
    let (code, text) = git(&["show", "--no-patch", "--format=%cI", &format!("{sha}^{{commit}}")]).await?;
    if code == 0 { text.trim().parse().ok() } else { None }
}

/// How `candidate` relates to `live`. A shallow checkout may know neither path: that is [`Ancestry::Unrelated`].
pub async fn ancestry(candidate: &CommitSha, live: &CommitSha) -> Ancestry {
    if is_ancestor(live, candidate).await {
        Ancestry::Descendant
    } else if is_ancestor(candidate, live).await {
        Ancestry::Ancestor
    } else {
        Ancestry::Unrelated
    }
}

async fn is_ancestor(older: &CommitSha, newer: &CommitSha) -> bool {
    let arguments = ["merge-base", "--is-ancestor", older.as_str(), newer.as_str()];
    git(&arguments).await.is_some_and(|(code, _)| code == 0)
}

/// Exit code and stdout of git; `None` if it could not be run or did not answer.
async fn git(arguments: &[&str]) -> Option<(i32, String)> {
    let mut command = Command::new("git");
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .env("GIT_OPTIONAL_LOCKS", "0")
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    Some((output.status.code()?, String::from_utf8_lossy(&output.stdout).into_owned()))
}
