//! Progress of long transfers: a bar on a terminal, a line at the end of each elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

use super::story::Story;

/// How far one transfer is.
pub struct Progress(ProgressBar);

impl Progress {
    /// A transfer of `bytes`, named `what`. Off a terminal nothing is drawn.
    pub fn transfer(story: &Story, what: &str, bytes: u64) -> Self {
        let style = ProgressStyle::with_template(
            "  {msg:40!} {bar:24} {bytes:>10} / {total_bytes:<10} {bytes_per_sec}",
        )
        .expect("the template is a constant");
        let bar = story.bars().add(ProgressBar::new(bytes).with_style(style));
        bar.set_message(what.to_owned());
        Self(bar)
    }

    /// Says that `bytes` more have gone.
    pub fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Says that the transfer begins anew.
    pub fn restart(&self) {
        self.0.reset();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
