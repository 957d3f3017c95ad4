//! The exit codes, which are an interface: workflows and merge gates branch on them.

/// How a command ends. The meaning of each code is fixed; all other codes are reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done; GREEN; already so. The registry stands as asked.
    Done = 0,
    /// RED, refused by a guard, or the registry failed. Every tag is as before, or was put back.
    No = 1,
    /// Usage or configuration. No request was sent.
    Usage = 2,
    /// Could not tell. Never to be read as green. The registry is untouched.
    Inconclusive = 3,
    /// Split: the images disagree and could not be put back. The repair commands are printed.
    Split = 4,
    /// Not yet: the soak is still open. The registry is untouched.
    Pending = 5,
    /// Stopped by SIGHUP (128 + 1), after what was half moved had been put back.
    HungUp = 129,
    /// Stopped by SIGINT (128 + 2), after what was half moved had been put back.
    Interrupted = 130,
    /// Stopped by SIGTERM (128 + 15), after what was half moved had been put back.
    Terminated = 143,
}

impl Exit {
    /// Every code, in ascending order; the table in `docs/exit-codes.md` is tested against it.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::No,
        Self::Usage,
        Self::Inconclusive,
        Self::Split,
        Self::Pending,
        Self::HungUp,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What the code says to whoever reads it, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done; GREEN; already so",
            Self::No => "no: RED, refused by a guard, or the registry failed",
            Self::Usage => "usage or configuration; no request was sent",
            Self::Inconclusive => "could not tell: inconclusive, never to be read as green",
            Self::Split => "split: the images disagree and could not be put back",
            Self::Pending => "not yet: the soak is still open",
            Self::HungUp => "stopped by SIGHUP; what was half moved has been put back",
            Self::Interrupted => "stopped by SIGINT; what was half moved has been put back",
            Self::Terminated => "stopped by SIGTERM; what was half moved has been put back",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
