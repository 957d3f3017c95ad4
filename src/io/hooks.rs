//! The programs that a rollback runs around the move. Whatever they do, the move goes on.

use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use crate::base::{duration, text};
use crate::io::clock;
use crate::io::context::Context;
use crate::policy::config::Hook;

/// How much of what a hook writes is kept, in bytes.
const KEPT_BYTES: u64 = 16 * 1024;

/// How one hook ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookReport {
    /// Which one.
    pub hook: &'static str,
    /// Whether it ended with 0 in time.
    pub good: bool,
    /// How it ended, in words.
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
        let result = self.context.stop.unless(carry_out(hook)).await.unwrap_or_else(stopped);
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

async fn carry_out(hook: &Hook) -> Result<(), String> {
    let (program, arguments) = hook.argv.split_first().ok_or("no program")?;
    // A process group of its own: what the hook starts ends with it.
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .process_group(0);
    let mut child =
        command.spawn().map_err(|e| format!("`{}` could not be started: {e}", text::escape(program, 100)))?;
    match tokio::time::timeout(hook.timeout, finish(&mut child)).await {
        Ok(result) => result,
        Err(_) => {
            let _ = child.start_kill();
            Err(format!("killed: not done within {}", show(hook.timeout)))
        }
    }
}

async fn finish(child: &mut Child) -> Result<(), String> {
    let mut words = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let _ = stderr.take(KEPT_BYTES).read_to_end(&mut words).await;
    }
    let status = child.wait().await.map_err(|e| format!("lost: {e}"))?;
    if status.success() {
        return Ok(());
    }
    let words = text::excerpt(&words);
    Err(if words.is_empty() {
        format!("failed with {status}")
    } else {
        format!("failed with {status}: {words}")
    })
}

fn show(timeout: Duration) -> String {
    duration::show(timeout)
}
