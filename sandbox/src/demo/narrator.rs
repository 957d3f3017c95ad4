//! What a step can do: say something, run a binary as a person would, claim something.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Something that was said to hold.
struct Claim {
    step: u32,
    text: String,
    held: bool,
}

/// The place where the demo happens, and what was claimed in it so far.
pub(super) struct Narrator {
    bins: PathBuf,
    directory: PathBuf,
    colored: bool,
    steps: u32,
    claims: Vec<Claim>,
}

impl Narrator {
    pub(super) fn new(bins: &Path, directory: &Path) -> io::Result<Self> {
        Ok(Self {
            bins: bins.canonicalize()?,
            directory: directory.canonicalize()?,
            colored: io::stdout().is_terminal(),
            steps: 0,
            claims: Vec::new(),
        })
    }

    pub(super) fn step(&mut self, headline: &str) -> io::Result<()> {
        self.steps += 1;
        let line = self.painted("1", &format!("{}. {headline}", self.steps));
        tell(&format!("\n{line}"))
    }

    pub(super) fn say(&self, line: &str) -> io::Result<()> {
        tell(&format!("  {line}"))
    }

    pub(super) fn bin(&self, name: &str) -> PathBuf {
        self.bins.join(name)
    }

    /// Writes a file and shows it.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.directory.join(name), text)?;
        tell(&format!("$ cat {name}\n{}", text.trim_end()))
    }

    /// Shows a command line and runs it; its output is not touched. The result is its exit code.
    pub(super) fn run(&self, name: &str, arguments: &[String]) -> io::Result<i32> {
        self.run_with(name, arguments, &[])
    }

    /// The same, with variables, which are not shown: tokens are among them.
    pub(super) fn run_with(
        &self,
        name: &str,
        arguments: &[String],
        variables: &[(&'static str, String)],
    ) -> io::Result<i32> {
        tell(&format!("$ {}", shown(name, arguments)))?;
        let mut command = self.command(name, arguments);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        // One stream for both, so that lines stand in the order in which they were written.
        let status = command.stderr(Stdio::from(io::stdout())).status()?;
        // -1: ended by a signal.
        Ok(status.code().unwrap_or(-1))
    }

    /// Runs a command and gives the line that it prints; its exit code must be 0.
    pub(super) fn answer(&self, name: &str, arguments: &[String]) -> io::Result<String> {
        tell(&format!("$ {}", shown(name, arguments)))?;
        let output = self.command(name, arguments).output()?;
        let line = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        tell(&line)?;
        if output.status.success() {
            return Ok(line);
        }
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(format!("{name} failed with {}: {words}", output.status)))
    }

    /// What `release-status` says, as JSON.
    pub(super) fn ask_status(&self) -> io::Result<Value> {
        let arguments = ["--format", "json", "--quiet"].map(str::to_owned);
        let output = self.command("release-status", &arguments).output()?;
        serde_json::from_slice(&output.stdout).map_err(io::Error::other)
    }

    /// A binary in the narrator's directory. It gets no environment: a runner's files, tokens and settings of whoever
    /// looks on are no part of the demo.
    fn command(&self, name: &str, arguments: &[String]) -> Command {
        let mut command = Command::new(self.bin(name));
        command.args(arguments).current_dir(&self.directory).env_clear().stdin(Stdio::null());
        command
    }

    /// Claims something. If it does not hold, that is an error, which tells what was `found`.
    pub(super) fn claim(&mut self, text: &str, held: bool, found: &str) -> io::Result<()> {
        tell(&format!("  {}  {text}", self.verdict(held)))?;
        self.claims.push(Claim { step: self.steps, text: text.to_owned(), held });
        if held { Ok(()) } else { Err(io::Error::other(format!("does not hold: {text}: found {found}"))) }
    }

    /// Claims that two lists of digests, one for each image, are the same.
    pub(super) fn claim_equal(
        &mut self,
        text: &str,
        found: &[Option<String>],
        expected: &[Option<String>],
    ) -> io::Result<()> {
        self.claim(text, found == expected, &format!("{found:?}, expected {expected:?}"))
    }

    /// Ends the demo with the table of all claims.
    pub(super) fn close(self) -> io::Result<()> {
        let held = self.claims.iter().filter(|claim| claim.held).count();
        let width = self.claims.iter().map(|claim| claim.text.chars().count()).max().unwrap_or(0);
        tell(&format!("\n{}", self.painted("1", &format!("{:>4}  {:<width$}  holds", "step", "claim"))))?;
        for claim in &self.claims {
            tell(&format!("{:>4}  {:<width$}  {}", claim.step, claim.text, self.verdict(claim.held)))?;
        }
        let style = if held == self.claims.len() { "32" } else { "1;31" };
        tell(&format!("\n{}", self.painted(style, &format!("{held} of {} claims hold", self.claims.len()))))
    }

    fn verdict(&self, held: bool) -> String {
        if held { self.painted("32", "ok") } else { self.painted("1;31", "NO") }
    }

    /// `style`: the parameters of an ANSI "select graphic rendition" sequence.
    fn painted(&self, style: &str, text: &str) -> String {
        if self.colored { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A command line as a person would write it: what makes it long goes to a line of its own.
fn shown(name: &str, arguments: &[String]) -> String {
    arguments.iter().fold(name.to_owned(), |line, word| {
        let gap = if matches!(word.as_str(), "--image" | "--created") { " \\\n    " } else { " " };
        line + gap + word
    })
}

fn tell(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
