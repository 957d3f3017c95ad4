//! The faults of the matrix, each by its own name.

use coalmine_sandbox::registry::RetryAfter;
use coalmine_sandbox::{Fault, When};

use super::scenario::Operation;

/// Which requests are broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Extent {
    /// Only this one.
    Once,
    /// This one and all after it.
    On,
}

/// One way to break a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Breakage {
    Refused,
    CutBefore,
    CutAfter,
    Status500,
    Html502,
    Status503,
    Limited,
    Expired,
    Denied,
    Unknown,
    Portal404,
    Hangs,
    Truncated,
    WrongBytes,
    WrongDigest,
    Stale,
}

impl Breakage {
    pub(crate) const ALL: [Self; 16] = [
        Self::Refused,
        Self::CutBefore,
        Self::CutAfter,
        Self::Status500,
        Self::Html502,
        Self::Status503,
        Self::Limited,
        Self::Expired,
        Self::Denied,
        Self::Unknown,
        Self::Portal404,
        Self::Hangs,
        Self::Truncated,
        Self::WrongBytes,
        Self::WrongDigest,
        Self::Stale,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused connection",
            Self::CutBefore => "reset before applied",
            Self::CutAfter => "reset after applied",
            Self::Status500 => "500",
            Self::Html502 => "502 with a page",
            Self::Status503 => "503",
            Self::Limited => "429, Retry-After",
            Self::Expired => "401, expired token",
            Self::Denied => "403",
            Self::Unknown => "404 of a registry",
            Self::Portal404 => "404 of something else",
            Self::Hangs => "hang",
            Self::Truncated => "truncated body",
            Self::WrongBytes => "wrong bytes",
            Self::WrongDigest => "wrong digest header",
            Self::Stale => "stale read",
        }
    }

    fn fault(self, extent: Extent) -> Fault {
        match self {
            Self::Refused if extent == Extent::Once => Fault::RefuseConnections(1),
            Self::Refused => Fault::RefuseConnections(u64::MAX),
            Self::CutBefore => Fault::CutBefore,
            Self::CutAfter => Fault::CutAfter,
            Self::Status500 => Fault::status(500),
            Self::Html502 => Fault::html(502),
            Self::Status503 => Fault::error(503, "UNAVAILABLE", "come back later"),
            Self::Limited => Fault::TooManyRequests(RetryAfter::Seconds(1)),
            Self::Expired => Fault::ExpireToken,
            Self::Denied => Fault::error(403, "DENIED", "requested access to the resource is denied"),
            Self::Unknown => Fault::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
            Self::Portal404 => Fault::html(404),
            Self::Hangs => Fault::Hang(None),
            Self::Truncated => Fault::Truncate,
            Self::WrongBytes => Fault::WrongBytes,
            Self::WrongDigest => Fault::WrongDigestHeader,
            Self::Stale => Fault::Stale,
        }
    }

    /// Whether it is an answer that looks sound and is not: a registry that gives nothing else from some moment on
    /// can make any program believe anything, and is not held against one.
    pub(crate) fn lies(self) -> bool {
        match self {
            Self::Unknown | Self::WrongDigest | Self::WrongBytes | Self::Stale => true,
            Self::Refused
            | Self::CutBefore
            | Self::CutAfter
            | Self::Status500
            | Self::Html502
            | Self::Status503
            | Self::Limited
            | Self::Expired
            | Self::Denied
            | Self::Portal404
            | Self::Hangs
            | Self::Truncated => false,
        }
    }

    /// Whether the program waits and tries again for as long as it may.
    pub(crate) fn is_waited_for(self) -> bool {
        match self {
            Self::Refused
            | Self::CutBefore
            | Self::CutAfter
            | Self::Status500
            | Self::Html502
            | Self::Status503
            | Self::Limited
            | Self::Hangs
            | Self::Truncated
            | Self::WrongBytes
            | Self::WrongDigest
            | Self::Stale => true,
            Self::Expired | Self::Denied | Self::Unknown | Self::Portal404 => false,
        }
    }
}

/// One cell of the matrix: this operation, with request `k` broken like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Case {
    pub(crate) operation: Operation,
    pub(crate) breakage: Breakage,
    pub(crate) extent: Extent,
    /// Counted from 1.
    pub(crate) k: u64,
}

impl Case {
    /// The sandbox's rule for it.
    pub(crate) fn rule(&self) -> coalmine_sandbox::Rule {
        let when = match self.extent {
            Extent::Once => When::any().overall_nth(self.k),
            Extent::On => When::any().overall_nth_on(self.k),
        };
        when.then(self.breakage.fault(self.extent))
    }

    /// Whether no read after the break can be trusted.
    pub(crate) fn lies_for_ever(&self) -> bool {
        self.extent == Extent::On && self.breakage.lies()
    }

    /// Short enough that a fault which stays does not take minutes, long enough that one which passes is survived.
    pub(crate) fn deadline(&self) -> &'static str {
        match self.extent {
            Extent::Once => "12s",
            Extent::On => "3s",
        }
    }
}
