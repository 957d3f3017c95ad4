//! Progress of long work: bars on a terminal; of long transfers also a line now and then elsewhere.

use std::cell::Cell;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::clock::{self, Instant};
use super::console::Console;

/// Off a terminal, a transfer that takes long says how far it is this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How far one transfer is.
pub struct Progress<'s> {
    bar: ProgressBar,
    console: &'s Console,
    what: String,
    told: Cell<Instant>,
}

impl<'s> Progress<'s> {
    /// A transfer of `bytes`, named `what`.
    pub fn transfer(console: &'s Console, what: &str, bytes: u64) -> Self {
        let style = ProgressStyle::with_template(
            "  {msg:40!} {bar:24} {bytes:>10} / {total_bytes:<10} {bytes_per_sec}",
        )
        .expect("the template is a constant");
        let bar = console.bars().add(ProgressBar::new(bytes).with_style(style));
        bar.set_message(what.to_owned());
        Self { bar, console, what: what.to_owned(), told: Cell::new(clock::instant()) }
    }

    /// Says that `bytes` more have gone.
    pub fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
        if self.bar.is_hidden() && clock::instant() - self.told.get() >= LINE_EVERY {
            self.told.set(clock::instant());
            let (done, all) = (HumanBytes(self.bar.position()), HumanBytes(self.bar.length().unwrap_or(0)));
            self.console.say(&format!("{}: {done} of {all}", self.what));
        }
    }

    /// Says that the transfer begins anew.
    pub fn restart(&self) {
        self.bar.reset();
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How far work is that has many like parts.
pub struct Parts<'s> {
    bar: ProgressBar,
    console: &'s Console,
    what: &'static str,
    told: Cell<Instant>,
}

impl<'s> Parts<'s> {
    /// Work of `count` parts, which are called `what`.
    pub fn new(console: &'s Console, what: &'static str, count: usize) -> Self {
        let style = ProgressStyle::with_template("  {bar:40} {pos} of {len} {msg}, {eta} left")
            .expect("the template is a constant");
        let bar = console.bars().add(ProgressBar::new(count as u64).with_style(style));
        bar.set_message(what);
        Self { bar, console, what, told: Cell::new(clock::instant()) }
    }

    /// Says that one more is done.
    pub fn advance(&self) {
        self.bar.inc(1);
        if self.bar.is_hidden() && clock::instant() - self.told.get() >= LINE_EVERY {
            self.told.set(clock::instant());
            let all = self.bar.length().unwrap_or(0);
            self.console.say(&format!("{} of {all} {}", self.bar.position(), self.what));
        }
    }
}

impl Drop for Parts<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// More tasks than this share one line.
const LINES: usize = 24;

/// How far several tasks are that go on at the same time, one line each.
pub struct Tasks {
    lines: Vec<(String, ProgressBar)>,
}

impl Tasks {
    /// Lines for tasks with these names. Off a terminal nothing is drawn.
    pub fn new(console: &Console, names: &[String]) -> Self {
        let style = ProgressStyle::with_template("  {spinner} {prefix:30!} {wide_msg}")
            .expect("the template is a constant");
        let line = |name: String| {
            let bar = console.bars().add(ProgressBar::new_spinner().with_style(style.clone()));
            bar.set_prefix(name);
            bar
        };
        let shared = format!("{} in all", names.len());
        let drawn: Vec<ProgressBar> =
            if names.len() > LINES { vec![line(shared)] } else { names.iter().cloned().map(line).collect() };
        let bar = |at: usize| drawn[at.min(drawn.len() - 1)].clone();
        Self { lines: names.iter().enumerate().map(|(at, name)| (name.clone(), bar(at))).collect() }
    }

    /// Says how far the task number `at` is.
    pub fn at(&self, at: usize, how_far: &str) {
        let Some((name, bar)) = self.lines.get(at) else { return };
        let shared = self.lines.len() > LINES;
        bar.set_message(if shared { format!("{name}: {how_far}") } else { how_far.to_owned() });
        bar.tick();
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        for (_, bar) in &self.lines {
            bar.finish_and_clear();
        }
    }
}
