//! Progress of long transfers: a bar on a terminal, a line now and then elsewhere.

use std::cell::Cell;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::clock::{self, Instant};
use super::story::Story;

/// Off a terminal, a transfer that takes long says how far it is this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How far one transfer is.
pub struct Progress<'s> {
    bar: ProgressBar,
    story: &'s Story,
    what: String,
    told: Cell<Instant>,
}

impl<'s> Progress<'s> {
    /// A transfer of `bytes`, named `what`.
    pub fn transfer(story: &'s Story, what: &str, bytes: u64) -> Self {
        let style = ProgressStyle::with_template(
            "  {msg:40!} {bar:24} {bytes:>10} / {total_bytes:<10} {bytes_per_sec}",
        )
        .expect("the template is a constant");
        let bar = story.bars().add(ProgressBar::new(bytes).with_style(style));
        bar.set_message(what.to_owned());
        Self { bar, story, what: what.to_owned(), told: Cell::new(clock::instant()) }
    }

    /// Says that `bytes` more have gone.
    pub fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
        if self.bar.is_hidden() && clock::instant() - self.told.get() >= LINE_EVERY {
            self.told.set(clock::instant());
            let (done, all) = (HumanBytes(self.bar.position()), HumanBytes(self.bar.length().unwrap_or(0)));
            self.story.say(&format!("{}: {done} of {all}", self.what));
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
