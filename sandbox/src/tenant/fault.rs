//! The ways in which a tenant is not well.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How a tenant misbehaves. Written as in an image's fault label or on the command line: the name in kebab
/// case, with `=value` where it takes one (`boots-after=3s`, `flaky-once=/workspaces`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantFault {
    /// Answers without asking for the token.
    OpenAuth,
    /// Status 500 with exactly the body of success.
    ServerErrorRightWords,
    /// 200 with an HTML login page.
    HtmlLogin,
    /// `{"items": [...]}` where a bare array is due.
    ObjectForArray,
    /// Search answers `[]`.
    SearchFindsNothing,
    /// Reports this sha whatever it runs.
    OldBuildForever(String),
    /// Reports another sha after so many requests.
    ChangesMidRun(u64),
    /// Takes the request and never answers.
    Hang,
    /// Refuses connections: port closed, or reset at once when the fault came with the image.
    RefuseConnection,
    /// 307 to the same path below this URL.
    RedirectElsewhere(String),
    /// 503 until this long after its start.
    BootsAfter(Duration),
    /// 500 that repeats the token in body and header.
    EchoTokenInError,
    /// Body of workflow commands (`::error::`, `##[set-output`, `::stop-commands::`).
    WorkflowCommands,
    Ansi,
    /// JSON with bytes that are not UTF-8.
    InvalidUtf8,
    /// 100 MB of valid JSON.
    HugeBody,
    /// A chunked body without end.
    EndlessChunked,
    /// One byte every half second, without end.
    SlowDrip,
    /// 200 000 nested arrays.
    DeepJson,
    /// Every object has its keys twice, with different values; liveness too.
    DuplicateKeys,
    /// 503 for the first request to this path, then well.
    FlakyOnce(String),
    /// Assistant turns without any bold.
    PlainProse,
    /// Turns say that this prompt version wrote them.
    OldPrompt(String),
    /// The connection is reset in the middle of the body.
    CutBody,
    /// A cache in front of it answers `GET /admin/liveness` with this sha, and says how old that answer is.
    StaleCache(String),
    /// Keeps connections and resets each at its second request.
    ClosesKept,
    /// A commit is done, and the connection is reset after the id in the answer.
    CutCreation,
    /// A commit is done, and the connection is reset in the middle of the id.
    CutInId,
    /// A commit is done, and its answer never comes.
    SilentCreation,
    /// A commit is done, and its answer comes this much later.
    SlowCreation(Duration),
}

/// A fault's text is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read tenant fault `{text}`: no such fault, or its value does not fit")]
pub struct ParseTenantFault {
    text: String,
}

impl FromStr for TenantFault {
    type Err = ParseTenantFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let fault = match (name, value) {
            ("open-auth", None) => Some(Self::OpenAuth),
            ("server-error-right-words", None) => Some(Self::ServerErrorRightWords),
            ("html-login", None) => Some(Self::HtmlLogin),
            ("object-for-array", None) => Some(Self::ObjectForArray),
            ("search-finds-nothing", None) => Some(Self::SearchFindsNothing),
            ("old-build-forever", Some(sha)) => Some(Self::OldBuildForever(sha)),
            ("changes-mid-run", Some(after)) => after.parse().ok().map(Self::ChangesMidRun),
            ("hang", None) => Some(Self::Hang),
            ("refuse-connection", None) => Some(Self::RefuseConnection),
            ("redirect-elsewhere", Some(url)) => Some(Self::RedirectElsewhere(url)),
            ("boots-after", Some(span)) => duration(&span).map(Self::BootsAfter),
            ("echo-token-in-error", None) => Some(Self::EchoTokenInError),
            ("workflow-commands", None) => Some(Self::WorkflowCommands),
            ("ansi", None) => Some(Self::Ansi),
            ("invalid-utf8", None) => Some(Self::InvalidUtf8),
            ("huge-body", None) => Some(Self::HugeBody),
            ("endless-chunked", None) => Some(Self::EndlessChunked),
            ("slow-drip", None) => Some(Self::SlowDrip),
            ("deep-json", None) => Some(Self::DeepJson),
            ("duplicate-keys", None) => Some(Self::DuplicateKeys),
            ("flaky-once", Some(path)) => Some(Self::FlakyOnce(path)),
            ("plain-prose", None) => Some(Self::PlainProse),
            ("old-prompt", Some(version)) => Some(Self::OldPrompt(version)),
            ("cut-body", None) => Some(Self::CutBody),
            ("stale-cache", Some(sha)) => Some(Self::StaleCache(sha)),
            ("closes-kept", None) => Some(Self::ClosesKept),
            ("cut-creation", None) => Some(Self::CutCreation),
            ("cut-in-id", None) => Some(Self::CutInId),
            ("silent-creation", None) => Some(Self::SilentCreation),
            ("slow-creation", Some(span)) => duration(&span).map(Self::SlowCreation),
            _ => None,
        };
        fault.ok_or_else(|| ParseTenantFault { text: text.chars().take(80).collect() })
    }
}

impl fmt::Display for TenantFault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenAuth => to.write_str("open-auth"),
            Self::ServerErrorRightWords => to.write_str("server-error-right-words"),
            Self::HtmlLogin => to.write_str("html-login"),
            Self::ObjectForArray => to.write_str("object-for-array"),
            Self::SearchFindsNothing => to.write_str("search-finds-nothing"),
            Self::OldBuildForever(sha) => write!(to, "old-build-forever={sha}"),
            Self::ChangesMidRun(after) => write!(to, "changes-mid-run={after}"),
            Self::Hang => to.write_str("hang"),
            Self::RefuseConnection => to.write_str("refuse-connection"),
            Self::RedirectElsewhere(url) => write!(to, "redirect-elsewhere={url}"),
            Self::BootsAfter(span) => write!(to, "boots-after={}ms", span.as_millis()),
            Self::EchoTokenInError => to.write_str("echo-token-in-error"),
            Self::WorkflowCommands => to.write_str("workflow-commands"),
            Self::Ansi => to.write_str("ansi"),
            Self::InvalidUtf8 => to.write_str("invalid-utf8"),
            Self::HugeBody => to.write_str("huge-body"),
            Self::EndlessChunked => to.write_str("endless-chunked"),
            Self::SlowDrip => to.write_str("slow-drip"),
            Self::DeepJson => to.write_str("deep-json"),
            Self::DuplicateKeys => to.write_str("duplicate-keys"),
            Self::FlakyOnce(path) => write!(to, "flaky-once={path}"),
            Self::PlainProse => to.write_str("plain-prose"),
            Self::OldPrompt(version) => write!(to, "old-prompt={version}"),
            Self::CutBody => to.write_str("cut-body"),
            Self::StaleCache(sha) => write!(to, "stale-cache={sha}"),
            Self::ClosesKept => to.write_str("closes-kept"),
            Self::CutCreation => to.write_str("cut-creation"),
            Self::CutInId => to.write_str("cut-in-id"),
            Self::SilentCreation => to.write_str("silent-creation"),
            Self::SlowCreation(span) => write!(to, "slow-creation={}ms", span.as_millis()),
        }
    }
}

/// Reads `<n>ms` or `<n>s`.
fn duration(text: &str) -> Option<Duration> {
    if let Some(milliseconds) = text.strip_suffix("ms") {
        return milliseconds.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::TenantFault;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["open-auth", "boots-after=3000ms", "flaky-once=/workspaces", "old-build-forever=12e4567"]
        {
            assert_eq!(text.parse::<TenantFault>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_unknown_name_or_an_unfit_value_is_refused() {
        for text in ["", "open_auth", "open-auth=yes", "boots-after=soon", "changes-mid-run"] {
            assert!(text.parse::<TenantFault>().is_err(), "{text}");
        }
    }
}
