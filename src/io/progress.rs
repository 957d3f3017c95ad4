//! Progress of long work: bars on a terminal; of long transfers also a line now and then elsewhere.

use std::cell::Cell;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::clock::{self, Instant};
use super::console::Console;
use crate::base::text;

/// Off a terminal, a transfer that takes long says how far it is this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

const BAR_CELLS: u64 = 16;

/// A line that is cut at the width of the terminal, whatever that is: one that wraps would scroll with every redraw.
fn one_line() -> ProgressStyle {
    ProgressStyle::with_template("{wide_msg}").expect("the template is a constant")
}

pub struct Progress<'s> {
    bar: ProgressBar,
    console: &'s Console,
    what: String,
    told: Cell<Instant>,
}

impl<'s> Progress<'s> {
    /// A transfer of `bytes`, named `what`.
    pub fn transfer(console: &'s Console, what: &str, bytes: u64) -> Self {
        let bar = console.bars().add(ProgressBar::new(bytes).with_style(one_line()));
        let progress = Self { bar, console, what: what.to_owned(), told: Cell::new(clock::instant()) };
        progress.draw();
        progress
    }

    /// Says that `bytes` more have gone.
    pub fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
        self.draw();
        if self.bar.is_hidden() && clock::instant() - self.told.get() >= LINE_EVERY {
            self.told.set(clock::instant());
            let (done, all) = self.sizes();
            self.console.say(&format!("{}: {done} of {all}", self.what));
        }
    }

    fn draw(&self) {
        let (done, all) = self.sizes();
        // What matters most comes first: a narrow terminal shows the beginning of the line.
        let filled = self.bar.position() * BAR_CELLS / self.bar.length().unwrap_or(0).max(1);
        let bar: String = (0..BAR_CELLS).map(|cell| if cell < filled { '█' } else { '░' }).collect();
        self.bar.set_message(format!("  {bar} {done:>8} of {all:<8}  {}", self.what));
    }

    fn sizes(&self) -> (String, String) {
        (text::bytes(self.bar.position()), text::bytes(self.bar.length().unwrap_or(0)))
    }

    /// Says that the transfer begins anew.
    pub fn restart(&self) {
        self.bar.reset();
        self.draw();
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
        let line = |name: String| {
            let bar = console.bars().add(ProgressBar::new_spinner().with_style(one_line()));
            bar.set_message(format!("  {name}"));
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
        bar.set_message(format!("  {name}: {how_far}"));
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

#[cfg(test)]
mod tests {
    use super::{Console, Progress, Tasks};
    use crate::io::console::Loudness;
    use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};
    use std::io::Result;
    use std::sync::{Arc, Mutex};

    /// A terminal that keeps every text that was written to it.
    #[derive(Debug, Clone)]
    struct Terminal {
        width: u16,
        written: Arc<Mutex<Vec<String>>>,
    }

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            self.width
        }
        fn move_cursor_up(&self, _: usize) -> Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> Result<()> {
            self.written.lock().unwrap().push(text.trim_end().to_owned());
            Ok(())
        }
        fn clear_line(&self) -> Result<()> {
            Ok(())
        }
        fn flush(&self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_fits_a_terminal_of_any_width() {
        for width in [1, 10, 24, 79, 80, 100, 101, 250] {
            let terminal = Terminal { width, written: Arc::default() };
            let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
            let console = Console::new(Loudness::Normal, false, MultiProgress::with_draw_target(target));
            let name = "acme/platform-with-a-name-that-is-rather-long sha256:0123456789ab";
            let progress = Progress::transfer(&console, name, 419_430_400);
            progress.advance(200_000_000);
            progress.bar.force_draw();
            drop(progress);
            let tasks = Tasks::new(&console, &[name.repeat(2)]);
            tasks.at(0, "waiting for the build, 3 of 5 answers");
            let written = terminal.written.lock().unwrap().clone();
            for line in &written {
                assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            }
            if width == 250 {
                let whole = |line: &String| line.contains("200.0 MB of 419.4 MB") && line.contains(name);
                assert!(written.iter().any(whole), "{written:?}");
            }
        }
    }
}
