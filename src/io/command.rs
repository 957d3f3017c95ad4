//! A program that a suite runs: with few variables, in the suite's folder, and ended together with all that it starts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Semaphore;

use super::child::{self, ChildError, Collected};
use super::clock;
use super::env::Env;

/// Programs at once, over all tenants.
const AT_ONCE: usize = 16;
static TURN: Semaphore = Semaphore::const_new(AT_ONCE);

/// What a program is given of this process's environment: nothing that could be a secret.
const PASSED_ON: [&str; 19] = [
    "ALL_PROXY",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOGNAME",
    "NO_PROXY",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Where `program` is: a path starts from `folder`, and a name is looked for in `PATH`.
pub(crate) fn find(program: &str, folder: &Path) -> Option<PathBuf> {
    let executable = |path: &PathBuf| {
        use std::os::unix::fs::PermissionsExt as _;
        path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        return std::fs::canonicalize(folder.join(program)).ok().filter(executable);
    }
    let env = Env::read();
    std::env::split_paths(env.get("PATH")?).map(|folder| folder.join(program)).find(executable)
}

/// Runs `program` with `arguments` and `variables` in `folder`, and keeps up to `stdout_bytes` of its stdout. Waiting for
/// its turn is left out of the time.
///
/// # Errors
/// It could not be started, or did not end within `within`; then its process group is killed.
pub(crate) async fn run(
    program: &Path,
    arguments: &[String],
    variables: &[(String, String)],
    folder: &Path,
    within: Duration,
    stdout_bytes: usize,
) -> (Result<Collected, ChildError>, Duration) {
    let _turn = TURN.acquire().await;
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    let env = Env::read();
    command.envs(PASSED_ON.iter().filter_map(|name| Some((*name, env.raw(name)?))));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    if !folder.as_os_str().is_empty() {
        command.current_dir(folder);
    }
    let begun = clock::instant();
    let collected = child::collect(&mut command, within, stdout_bytes).await;
    (collected, begun.elapsed())
}
