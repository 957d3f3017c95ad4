//! A program that is run within bounds: in time, without a terminal, and with everything that it starts.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, Command};

/// How much of what a program writes to stderr is kept, in bytes. The rest is read and dropped.
const KEPT_BYTES: usize = 16 * 1024;
/// How long the last words of a program that has ended may take to arrive: something that it started may still hold its
/// stderr open.
const LAST_WORDS: Duration = Duration::from_millis(100);

pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// The beginning of what it wrote to stderr, if it failed.
    pub(crate) words: String,
}

/// Why a program did not end by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error("could not be started: {0}")]
    NotStarted(std::io::Error),
    #[error("killed: not done within {}", crate::base::duration::show(*.0))]
    Late(Duration),
    #[error("lost: {0}")]
    Lost(std::io::Error),
}

/// Runs `command` to its end. It gets no input, and a process group of its own: where it is late, or this future is
/// dropped, the whole group is killed. What it leaves running after it has ended in time is left alone.
///
/// # Errors
/// It could not be started, took longer than `within`, or cannot be waited for.
pub(crate) async fn run(command: &mut Command, within: Duration) -> Result<Ended, ChildError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .process_group(0);
    let mut child = command.spawn().map_err(ChildError::NotStarted)?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let kept = Arc::new(Mutex::new(Vec::new()));
    // A task of its own: it goes on when the program has ended, so that what it started can still write.
    let drained = child.stderr.take().map(|stderr| tokio::spawn(drain(stderr, Arc::clone(&kept))));
    let status = tokio::time::timeout(within, child.wait()).await.map_err(|_| ChildError::Late(within))?;
    group.0 = None;
    let status = status.map_err(ChildError::Lost)?;
    if let Some(drained) = drained.filter(|_| !status.success()) {
        let _ = tokio::time::timeout(LAST_WORDS, drained).await;
    }
    let words = kept.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Ended { status, words: String::from_utf8_lossy(&words).trim().to_owned() })
}

/// Reads everything, and keeps the beginning: a program whose stderr is not read blocks, and one whose stderr is closed
/// dies.
async fn drain(mut stderr: ChildStderr, kept: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT_BYTES - kept.len();
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
}

/// A process group that is killed when it goes out of scope.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
