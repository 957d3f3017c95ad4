//! The programs that a rollback runs around the move. Whatever they do, the move goes on.

use serde::Serialize;
use tokio::process::Command;

use crate::base::redact::Redactor;
use crate::base::text::EXCERPT_BYTES;
use crate::base::{duration, text};
use crate::io::child::{self, ChildError};
use crate::io::clock;
use crate::io::context::Context;
use crate::policy::config::{Hook, is_credential};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookReport {
    pub hook: &'static str,
    /// Whether it ended with 0 in time.
    pub good: bool,
    pub ended: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Runs hooks and keeps their reports.
pub struct Runner<'w> {
    context: &'w Context,
    idle: bool,
    reports: Vec<HookReport>,
}

impl<'w> Runner<'w> {
    /// A runner; an idle one runs nothing (`--dry-run`, or nothing to move).
    pub fn new(context: &'w Context, idle: bool) -> Self {
        Self { context, idle, reports: Vec::new() }
    }

    /// Runs `hook`, if there is one. A failure is told and kept, never returned.
    pub async fn run(&mut self, name: &'static str, hook: Option<&Hook>) {
        let Some(hook) = hook.filter(|_| !self.idle) else { return };
        let began = clock::instant();
        let stopped = |_| Err("stopped by a signal".to_owned());
        let result = self
            .context
            .stop
            .unless(carry_out(hook, &self.context.console.secrets))
            .await
            .unwrap_or_else(stopped);
        let took = clock::instant() - began;
        let (good, ended) = match result {
            Ok(()) => (true, "done".to_owned()),
            Err(why) => (false, why),
        };
        let line = format!("hook {name}: {ended} after {}", duration::show(took));
        if good {
            self.context.console.say(&line);
        } else {
            self.context.console.warn(&line);
        }
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.reports.push(HookReport {
            hook: name,
            good,
            ended: self.context.console.secrets.clean(&ended),
            took_ms,
        });
    }

    /// The reports, in order.
    pub fn into_reports(self) -> Vec<HookReport> {
        self.reports
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
