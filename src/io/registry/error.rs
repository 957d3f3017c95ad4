//! What can go wrong with a registry, told so that a person knows what to do.

use std::time::Duration;

use reqwest::StatusCode;

use crate::base::duration;
use crate::model::digest::Digest;
use crate::model::repository::Registry;

/// A request, or a chain of them, that did not come to a usable answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("failed to {attempted}: {problem}")]
pub struct RegistryError {
    /// What was tried, on what: fits "failed to ...".
    pub attempted: String,
    pub problem: Problem,
}

/// What was found instead of an answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Problem {
    /// No connection, or it broke off: then the request may have been applied.
    #[error("{host} could not be reached{} or broke off: {cause}", through(.proxy))]
    Unreachable {
        /// `host[:port]`, as the request named it.
        host: String,
        /// `host:port` of the proxy on the way, if the environment names one for this host.
        proxy: Option<String>,
        /// In the words of the HTTP client.
        cause: String,
    },
    /// A name without an address.
    #[error("`{host}` has no address that this machine can find: {cause}")]
    Unresolved {
        /// The name: the registry's, or that of the proxy on the way to it.
        host: String,
        /// In the words of the system.
        cause: String,
    },
    /// A certificate that this machine does not accept.
    #[error("the certificate of `{host}` is not accepted: {cause}")]
    Untrusted {
        /// `host[:port]` whose certificate it is.
        host: String,
        /// In the words of the TLS library.
        cause: String,
    },
    /// The host answered the beginning of TLS with something else.
    #[error("`{host}` does not speak TLS")]
    NoTls {
        /// `host[:port]`, as the request named it.
        host: String,
    },
    /// The registry redirected, and the host that it named refuses. That host gets no credential.
    #[error("the registry redirects to {host}, which answered with status {status}{}", quoted(.said))]
    Redirected {
        /// `host[:port]` that the registry redirected to.
        host: String,
        status: StatusCode,
        /// What it said about it, escaped.
        said: String,
    },
    #[error("expected an answer within {}, found none", duration::show(*.after))]
    Timeout { after: Duration },
    /// The command's own deadline has passed.
    #[error("the command's deadline has passed")]
    Deadline,
    /// The registry wants us to wait longer than the command may last.
    #[error("the registry asks to wait {}, longer than the command's deadline allows", duration::show(*.wait))]
    WaitTooLong {
        /// How long the registry asks to wait.
        wait: Duration,
    },
    /// An answer with a status that does not fit.
    #[error("expected {expected}, found status {status}{}", quoted(.said))]
    Status {
        expected: &'static str,
        status: StatusCode,
        /// What the registry said about it, escaped.
        said: String,
        /// How long the registry asks to wait, if it does.
        wait: Option<Duration>,
    },
    /// The registry or its token server answered 401 or 403.
    #[error("expected permission, found status {status} with {credential}{}", quoted(.said))]
    Denied {
        /// The registry that denies, or whose token server does.
        registry: Registry,
        status: StatusCode,
        /// Which credential was used, by where it comes from.
        credential: String,
        /// What the registry said about it, escaped.
        said: String,
    },
    /// The content is not what its name says.
    #[error("expected content with digest {expected}, found {found}")]
    WrongDigest {
        /// The digest that was asked for or announced.
        expected: Digest,
        /// The digest of the bytes that came.
        found: Digest,
    },
    /// The answer is not what a registry answers.
    #[error("expected {expected}, found {found}")]
    Unfit {
        expected: &'static str,
        /// What came, escaped and cut.
        found: String,
    },
    /// The answer is larger than anything of its kind.
    #[error("expected at most {limit} bytes, found more")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The credentials themselves could not be had.
    #[error("{0}")]
    Credentials(String),
    /// The source of an upload failed, or changed while it was read.
    #[error("{0}")]
    Source(String),
}

fn through(proxy: &Option<String>) -> String {
    proxy.as_ref().map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" (`{text}`)") }
}

impl RegistryError {
    pub fn new(attempted: impl Into<String>, problem: Problem) -> Self {
        Self { attempted: attempted.into(), problem }
    }

    /// Whether the same request may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        match &self.problem {
            Problem::Unreachable { .. } | Problem::Timeout { .. } => true,
            Problem::Status { status, .. } => is_transient(*status),
            // A body that was cut, or spoiled on the way, is whole the next time.
            Problem::WrongDigest { .. } => true,
            Problem::Deadline
            | Problem::WaitTooLong { .. }
            | Problem::Unresolved { .. }
            | Problem::Untrusted { .. }
            | Problem::NoTls { .. }
            | Problem::Redirected { .. }
            | Problem::Denied { .. }
            | Problem::Unfit { .. }
            | Problem::TooLarge { .. }
            | Problem::Credentials(_)
            | Problem::Source(_) => false,
        }
    }

    /// Whether the bytes that came do not have the digest of their name.
    pub(super) fn is_wrong_digest(&self) -> bool {
        matches!(self.problem, Problem::WrongDigest { .. })
    }

    /// Whether the registry refuses a manifest for what it names: 400 by the specification, 404 or 422 by some.
    pub fn refuses_content(&self) -> bool {
        matches!(&self.problem, Problem::Status { status, .. } if matches!(status.as_u16(), 400 | 404 | 422))
    }

    /// How long the registry asked to wait.
    pub fn wait(&self) -> Option<Duration> {
        match &self.problem {
            Problem::Status { wait, .. } => *wait,
            _ => None,
        }
    }

    /// What the person can do about it, as one sentence for the line under the error.
    pub fn hint(&self) -> String {
        match &self.problem {
            Problem::Unreachable { proxy: Some(proxy), .. } => format!("check that the proxy {proxy} runs (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names it), or leave the host out with NO_PROXY"),
            Problem::Unreachable { .. } => "check that the registry runs and that the network lets this machine reach it".to_owned(),
            Problem::Unresolved { .. } => "check how the name is spelled, and this machine's DNS".to_owned(),
            Problem::Untrusted { .. } => "put the authority that signed it into a PEM file and name that file in SSL_CERT_FILE; if it has expired, check the registry and this machine's clock".to_owned(),
            Problem::NoTls { host } => format!("if this registry has no TLS, say so with `--plain-http {host}`"),
            Problem::Redirected { .. } => "no credential is sent to the host that a registry redirects to: look at that storage, and at what stands in front of it".to_owned(),
            Problem::Timeout { .. } | Problem::Deadline => "try again, or allow more time with --deadline".to_owned(),
            Problem::WaitTooLong { wait } => format!("try again in {}, or allow more time with --deadline", duration::show(*wait)),
            Problem::Status { status, said, .. } => status_hint(*status, said).to_owned(),
            Problem::Denied { registry, .. } => {
                let ghcr = if registry.host() == "ghcr.io" { GHCR } else { "" };
                format!("not found or no permission: `release-status doctor` shows which credential is used and what it may do{ghcr}")
            }
            Problem::WrongDigest { .. } => "do not use this content; look at the registry's storage and at proxies on the way".to_owned(),
            Problem::Unfit { .. } | Problem::TooLarge { .. } => "check that this is a container registry and not a portal or proxy in front of it".to_owned(),
            Problem::Credentials(_) => "set REGISTRY_USERNAME and REGISTRY_PASSWORD, or repair the Docker configuration".to_owned(),
            Problem::Source(_) => "build the image again and publish it from a place that does not change".to_owned(),
        }
    }
}

/// What a refusal by ghcr.io most often means.
const GHCR: &str = "; the token needs `packages: write`, and the package must give the repository access (Package settings, Manage Actions access)";

/// 408, 425, 429 and the 5xx that pass: what distribution clients retry (go-containerregistry
/// `pkg/v1/remote/options.go`; regclient `internal/reghttp`).
pub fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

fn status_hint(status: StatusCode, said: &str) -> &'static str {
    let said = said.to_ascii_lowercase();
    let immutable = ["immutable", "cannot be overwritten", "imagetagalreadyexists"]
        .iter()
        .any(|word| said.contains(word));
    match status.as_u16() {
        400 | 403 | 409 | 412 if immutable => {
            "the tag is immutable in this registry: exclude `latest`, `latest-previous` and `latest-rejected` from the rule (ECR exclusion filter, Harbor tag immutability, GAR, ACR lock)"
        }
        300..=399 => {
            "this redirect is not followed: only reads are, never from https to http, and never a request for a token"
        }
        404 => "not found or no permission: check the name and the credential's rights",
        429 => "the registry limits the rate: wait, or use a credential with a higher limit",
        500..=599 => "the registry is in trouble: try again, and look at its status page",
        _ => "look at what the registry said; `-vv` shows every request",
    }
}
