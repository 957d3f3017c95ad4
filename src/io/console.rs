//! The story on stderr: what is being done, and why. Never the result.

use std::cell::Cell;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use indicatif::MultiProgress;

use crate::base::redact::Redactor;
use crate::base::secret::Secret;
use crate::base::text;

/// How much of the story is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// `-q`: warnings and errors.
    Quiet,
    Normal,
    /// `-v`: why, and with which credentials' source.
    Detailed,
    /// `-vv`: every HTTP request.
    Requests,
}

/// Longest line of the story, in bytes: a foreign text in it cannot flood a log.
const LINE_BYTES: usize = 4_000;

/// Writes lines to stderr, beside progress bars, with secrets redacted and nothing in them that a terminal or a
/// runner would obey.
pub struct Console {
    loudness: Loudness,
    color: bool,
    bars: MultiProgress,
    pub secrets: Redactor,
    masks: Cell<bool>,
}

impl Console {
    /// A story as loud as asked; `bars` is where progress is drawn.
    pub fn new(loudness: Loudness, color: bool, bars: MultiProgress) -> Self {
        Self { loudness, color, bars, secrets: Redactor::default(), masks: Cell::new(false) }
    }

    /// Where progress bars are drawn, so that lines and bars do not overwrite each other.
    pub fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Whether lines of `loudness` are told.
    pub fn tells(&self, loudness: Loudness) -> bool {
        loudness <= self.loudness
    }

    pub fn say(&self, line: &str) {
        self.tell(Loudness::Normal, "", Style::new(), line);
    }

    /// A reason or circumstance, told with `-v`.
    pub fn detail(&self, line: &str) {
        self.tell(Loudness::Detailed, "", Style::new().dimmed(), line);
    }

    /// An HTTP request, told with `-vv`.
    pub fn request(&self, line: &str) {
        self.tell(Loudness::Requests, "", Style::new().dimmed(), line);
    }

    /// Something that did not stop the work and should be looked at.
    pub fn warn(&self, line: &str) {
        self.tell(Loudness::Quiet, "warning: ", AnsiColor::Yellow.on_default().bold(), line);
    }

    /// The reason why the command ends without success.
    pub fn error(&self, line: &str) {
        self.tell(Loudness::Quiet, "error: ", AnsiColor::Red.on_default().bold(), line);
    }

    pub fn hint(&self, line: &str) {
        self.tell(Loudness::Quiet, "hint: ", AnsiColor::Cyan.on_default(), line);
    }

    /// Says whether [`Console::mask`] does anything.
    pub(crate) fn ask_for_masks(&self, yes: bool) {
        self.masks.set(yes);
    }

    /// Asks a GitHub runner to hide `secret` wherever it shows, if the user wants that. This is the one line that holds a
    /// secret. It goes to stderr, which the runner reads (GitHub documentation, "Workflow commands"); a runner has no
    /// other way to be asked, so whoever keeps stderr in a file keeps the secret.
    pub fn mask(&self, secret: &Secret) {
        if !self.masks.get() {
            return;
        }
        let escaped = secret.expose().replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        self.bars.suspend(|| {
            let _ = std::io::stderr().write_all(format!("::add-mask::{escaped}\n").as_bytes());
        });
    }

    fn tell(&self, loudness: Loudness, label: &str, style: Style, line: &str) {
        if !self.tells(loudness) {
            return;
        }
        let (on, off) = if self.color {
            (style.render().to_string(), style.render_reset().to_string())
        } else {
            Default::default()
        };
        let clean = self.secrets.clean(line);
        let mut out = String::new();
        for (i, part) in clean.lines().enumerate() {
            let part = text::defuse(&text::escape(part, LINE_BYTES));
            let label = if i == 0 { label } else { "" };
            match (label.is_empty(), loudness > Loudness::Normal) {
                (true, true) => out.push_str(&format!("{on}{part}{off}\n")),
                _ => out.push_str(&format!("{on}{label}{off}{part}\n")),
            }
        }
        // A closed stderr is no reason to stop: the result goes elsewhere.
        self.bars.suspend(|| {
            let _ = std::io::stderr().write_all(out.as_bytes());
        });
    }
}

/// Where progress is drawn for nobody.
pub fn hidden() -> MultiProgress {
    MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden())
}
