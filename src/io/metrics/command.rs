//! A program of this machine as a source: it prints JSON or a number, and ends with 0.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::answer::{self, Answer, Failure};
use crate::base::secret::Secret;
use crate::base::{duration, text};

/// The most that a program may print: counts, not rows.
const OUTPUT_BYTES: u64 = 64 * 1024;

/// Asks a program. Any other end than 0 is a failure, never a breach.
///
/// # Errors
/// It cannot be started, fails, is not done within `timeout`, or prints neither JSON nor a number.
pub async fn ask(argv: &[String], vars: &[(&str, String)], timeout: Duration) -> Result<Answer, Failure> {
    let output = run(argv, vars, timeout).await?;
    let printed = String::from_utf8_lossy(&output);
    if printed.trim().is_empty() {
        return Err(Failure::NoData(format!("{} printed nothing", name(argv))));
    }
    let document = serde_json::from_str(printed.trim()).map_err(|_| {
        let shown = text::excerpt(&output);
        Failure::Failed(format!("{}: expected JSON or a number, found {shown}", name(argv)))
    })?;
    answer::read(&document)
}

/// Whether a program ends with 0; what it prints does not matter.
///
/// # Errors
/// It cannot be started, fails, or is not done within `timeout`.
pub async fn check(argv: &[String], vars: &[(&str, String)], timeout: Duration) -> Result<(), Failure> {
    run(argv, vars, timeout).await.map(|_| ())
}

/// The token that a program prints: one line.
///
/// # Errors
/// It cannot be started, fails, is not done within `timeout`, or prints nothing, or more than a line.
pub async fn token(argv: &[String], timeout: Duration) -> Result<Secret, Failure> {
    let output = run(argv, &[], timeout).await?;
    // What it printed is a secret, also where it is not as expected.
    match std::str::from_utf8(&output).map(str::trim) {
        Ok(token) if !token.is_empty() && !token.contains(char::is_whitespace) => Ok(Secret::new(token)),
        _ => Err(Failure::Failed(format!("{}: expected a token on one line", name(argv)))),
    }
}

fn name(argv: &[String]) -> String {
    format!("`{}`", text::escape(argv.first().map_or("", String::as_str), 100))
}

/// Runs a program in a process group of its own, so that what it starts ends with it, and gives what it printed.
async fn run(argv: &[String], vars: &[(&str, String)], timeout: Duration) -> Result<Vec<u8>, Failure> {
    let (program, arguments) =
        argv.split_first().ok_or_else(|| Failure::Failed("the command is empty".to_owned()))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(vars.iter().map(|(name, value)| (*name, value))).kill_on_drop(true).process_group(0);
    let what = format!("run {}", name(argv));
    let mut child = command.spawn().map_err(|e| Failure::of(&what, e))?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let ended = tokio::time::timeout(timeout, finish(&mut child)).await;
    drop(group);
    let late = |_| Failure::of(&what, format!("not done within {}", duration::show(timeout)));
    let (status, output, words) = ended.map_err(late)?.map_err(|e| Failure::of(&what, e))?;
    if !status.success() {
        return Err(Failure::of(&what, format!("it ended with {status}: {}", text::excerpt(&words))));
    }
    if output.len() as u64 > OUTPUT_BYTES {
        return Err(Failure::of(&what, format!("it printed more than {OUTPUT_BYTES} bytes")));
    }
    Ok(output)
}

/// Everything that a program started; killed when this is dropped, also where the program has ended.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            // No process left in it is no failure.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

type Ended = (std::process::ExitStatus, Vec<u8>, Vec<u8>);

async fn finish(child: &mut Child) -> std::io::Result<Ended> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (output, words) = futures_util::future::join(bounded(out), bounded(err)).await;
    Ok((child.wait().await?, output?, words?))
}

/// The beginning of what a pipe gives, one byte more than is let pass; the rest is read and dropped.
async fn bounded(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else { return Ok(kept) };
    (&mut pipe).take(OUTPUT_BYTES + 1).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    Ok(kept)
}
