//! Runs a binary of the package and keeps all it said.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Every program of the package, with the path of the one that was built.
pub(crate) const PROGRAMS: &[(&str, &str)] = &[
    ("publish-staging", env!("CARGO_BIN_EXE_publish-staging")),
    ("canary-smoke", env!("CARGO_BIN_EXE_canary-smoke")),
    ("canary-soak", env!("CARGO_BIN_EXE_canary-soak")),
    ("promote-latest", env!("CARGO_BIN_EXE_promote-latest")),
    ("rollback-latest", env!("CARGO_BIN_EXE_rollback-latest")),
    ("release-status", env!("CARGO_BIN_EXE_release-status")),
    ("ring-of", env!("CARGO_BIN_EXE_ring-of")),
];

fn path_of(binary: &str) -> &'static str {
    let found = PROGRAMS.iter().find(|(name, _)| *name == binary);
    found.unwrap_or_else(|| panic!("there is no binary `{binary}`")).1
}

/// A binary about to be run: nothing of the surrounding environment but PATH reaches it.
pub(crate) struct Program {
    command: Command,
    result: PathBuf,
}

/// What a binary said and how it ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    result: PathBuf,
}

impl Program {
    pub(crate) fn new(binary: &str, folder: &Path) -> Self {
        let mut command = Command::new(path_of(binary));
        let path =
            std::env::vars_os().find(|(name, _)| name == "PATH").map(|(_, value)| value).unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", folder).current_dir(folder).stdin(Stdio::null());
        Self { command, result: folder.join("result.json") }
    }

    /// A binary that a shell puts under limits first, as in `ulimit -n 256`.
    pub(crate) fn limited(binary: &str, folder: &Path, limits: &str) -> Self {
        let mut program = Self::new(binary, folder);
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("{limits}; exec \"$0\" \"$@\""), path_of(binary)]);
        shell.env_clear().envs(program.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(folder).stdin(Stdio::null());
        program.command = shell;
        program
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Also asks for the JSON document, which [`Done::json`] reads.
    pub(crate) fn with_result(mut self) -> Self {
        let result = self.result.clone();
        self.command.arg("--result").arg(result);
        self
    }

    pub(crate) fn spawn(mut self) -> Child {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
    }

    pub(crate) fn run(self) -> Done {
        let result = self.result.clone();
        Done::of(self.spawn(), result)
    }
}

impl Done {
    /// Waits for `child`.
    pub(crate) fn of(child: Child, result: PathBuf) -> Self {
        let output = child.wait_with_output().expect("the binary ends");
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            result,
        }
    }

    /// Asserts the exit code, and shows everything if it is another.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stderr tells all of `words`.
    #[track_caller]
    pub(crate) fn tells(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in\n{}", self.stderr);
        }
        self
    }

    /// The text of the document of `--result`, if there is one.
    pub(crate) fn result_text(&self) -> Option<String> {
        std::fs::read_to_string(&self.result).ok()
    }

    /// The JSON document of `--result`.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        let text = std::fs::read_to_string(&self.result).expect("the result file is there");
        serde_json::from_str(&text).expect("the result file is JSON")
    }
}

/// Sends `signal`, as in `-INT`, to the process `pid`; one that has ended gets none.
pub(crate) fn send_signal(pid: u32, signal: &str) {
    let _ = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The words of a printed command, as a POSIX shell reads them.
pub(crate) fn words(command: &str) -> Vec<String> {
    let script = "for word in \"$@\"; do printf '%s\\0' \"$word\"; done";
    let set = format!("set -- {command}; {script}");
    let output = Command::new("sh").args(["-c", &set]).output().expect("a shell");
    let text = String::from_utf8(output.stdout).expect("the words are UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Runs a program to its end, and tells the most memory that it ever had, in kilobytes.
pub(crate) fn peak_memory(program: Program) -> (Done, u64) {
    let result = program.result.clone();
    let mut child = program.spawn();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("a child").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        std::thread::park_timeout(std::time::Duration::from_millis(1));
    }
    (Done::of(child, result), peak)
}
