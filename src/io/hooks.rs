//! The programs that a rollback runs around the move. Whatever they do, the move goes on.

use std::pin::{Pin, pin};

use futures_util::future::{Either, MaybeDone, select};
use serde::Serialize;
use tokio::process::Command;

use crate::base::redact::Redactor;
use crate::base::text::EXCERPT_BYTES;
use crate::base::{duration, text};
use crate::io::child::{self, ChildError};
use crate::io::clock;
use crate::io::context::Context;
use crate::policy::config::{BEFORE_MOVE, Hook, is_credential};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookReport {
    pub hook: &'static str,
    /// Whether it ended with 0 in time.
    pub good: bool,
    pub ended: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Runs hooks; an idle one runs none (`--dry-run`, or nothing to move).
pub struct Runner<'w> {
    pub context: &'w Context,
    pub idle: bool,
}

impl Runner<'_> {
    /// Runs `hook`, if there is one. A failure is told and reported, and stops nothing.
    pub async fn run(&self, name: &'static str, hook: Option<&Hook>) -> Option<HookReport> {
        let hook = hook.filter(|_| !self.idle)?;
        let console = &self.context.console;
        let began = clock::instant();
        let result = self.context.stop.unless(carry_out(hook, &console.secrets)).await;
        let took = clock::instant() - began;
        let (good, ended) = match result {
            Ok(Ok(())) => (true, "done".to_owned()),
            Ok(Err(why)) => (false, why),
            Err(_) => (false, "stopped by a signal".to_owned()),
        };
        let line = format!("hook {name}: {ended} after {}", duration::show(took));
        if good {
            console.say(&line);
        } else {
            console.warn(&line);
        }
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Some(HookReport { hook: name, good, ended: console.secrets.clean(&ended), took_ms })
    }
}

/// Waits for the hooks before a move, but not for longer than a move may be delayed: what takes longer goes on.
pub async fn wait(hooks: Pin<&mut MaybeDone<impl Future>>) {
    let _ = tokio::time::timeout(BEFORE_MOVE, hooks).await;
}

/// Does `work`, and goes on with the hooks that are not done yet.
pub async fn beside<T>(hooks: Pin<&mut MaybeDone<impl Future>>, work: impl Future<Output = T>) -> T {
    match select(pin!(work), hooks).await {
        Either::Left((done, _)) => done,
        Either::Right(((), work)) => work.await,
    }
}

/// Runs the program of `hook`; no shell reads its arguments. `secrets` are kept out of what is told of it.
async fn carry_out(hook: &Hook, secrets: &Redactor) -> Result<(), String> {
    let (program, arguments) = hook.argv.split_first().ok_or("no program")?;
    let mut command = Command::new(program);
    command.args(arguments);
    let given = |name: &str| hook.credentials.iter().any(|asked| asked == name);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| is_credential(name) && !given(name)) {
            command.env_remove(name);
        }
    }
    let ended = match child::run(&mut command, hook.timeout).await {
        Ok(ended) => ended,
        Err(error @ ChildError::NotStarted(_)) => {
            return Err(format!("`{}` {error}", text::escape(program, 100)));
        }
        Err(error) => return Err(error.to_string()),
    };
    match (ended.status, secrets.excerpt(&ended.words, EXCERPT_BYTES)) {
        (status, _) if status.success() => Ok(()),
        (status, words) if words.is_empty() => Err(format!("failed with {status}")),
        (status, words) => Err(format!("failed with {status}: {words}")),
    }
}
