//! Rules: which requests misbehave, and how.

use std::fmt;
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::admin::Admin;
use crate::store::Route;

/// The endpoint a request goes to, for [`When::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `/v2/`
    Base,
    /// `/token`
    Token,
    /// `/v2/<repository>/manifests/<reference>`
    Manifest,
    /// `/v2/<repository>/blobs/<digest>`
    Blob,
    /// `/v2/<repository>/blobs/uploads/...`
    Upload,
    /// `/v2/<repository>/tags/list`
    Tags,
    /// `/v2/<repository>/referrers/<digest>`
    Referrers,
    Elsewhere,
}

/// Which requests a rule applies to: all conditions given must hold.
///
/// `nth` counts the requests that match the other conditions, since the rule was added; `overall_nth` counts
/// every request since the log was last cleared. Both count from 1.
#[derive(Clone, Debug, Default)]
pub struct When {
    pub method: Option<String>,
    pub kind: Option<Kind>,
    pub path_contains: Option<String>,
    pub repository: Option<String>,
    pub reference: Option<String>,
    pub nth: Option<RangeInclusive<u64>>,
    /// Counted over all requests, matching or not.
    pub overall_nth: Option<RangeInclusive<u64>>,
}

impl When {
    pub fn any() -> Self {
        Self::default()
    }

    /// Only requests with this method, given in upper case.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Only requests to this kind of endpoint.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only requests whose path and query contain `part`.
    pub fn path_contains(mut self, part: &str) -> Self {
        self.path_contains = Some(part.into());
        self
    }

    /// Only requests to this repository (whole name).
    pub fn repository(mut self, repository: &str) -> Self {
        self.repository = Some(repository.into());
        self
    }

    /// Only requests for this tag or digest (whole).
    pub fn reference(mut self, reference: &str) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// Only the `k`-th matching request, from 1.
    pub fn nth(mut self, k: u64) -> Self {
        self.nth = Some(k..=k);
        self
    }

    /// The `k`-th matching request and all after it.
    pub fn nth_on(mut self, k: u64) -> Self {
        self.nth = Some(k..=u64::MAX);
        self
    }

    /// Only the first `count` matching requests.
    pub fn first(mut self, count: u64) -> Self {
        self.nth = Some(1..=count);
        self
    }

    /// Only the `k`-th request of all since the log was cleared, from 1.
    pub fn overall_nth(mut self, k: u64) -> Self {
        self.overall_nth = Some(k..=k);
        self
    }

    /// The `k`-th request of all since the log was cleared, and all after it.
    pub fn overall_nth_on(mut self, k: u64) -> Self {
        self.overall_nth = Some(k..=u64::MAX);
        self
    }

    /// What to do with these requests.
    pub fn then(self, fault: Fault) -> Rule {
        Rule { when: self, fault }
    }

    /// Whether the conditions other than the counting ones hold.
    pub(super) fn fits(&self, method: &str, path: &str, route: &Route) -> bool {
        let absent_or = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        absent_or(&self.method, Some(method))
            && self.kind.is_none_or(|kind| kind == Kind::of(route))
            && self.path_contains.as_deref().is_none_or(|part| path.contains(part))
            && absent_or(&self.repository, route.repository())
            && absent_or(&self.reference, route.reference())
    }
}

impl Kind {
    fn of(route: &Route) -> Self {
        match route {
            Route::Base => Self::Base,
            Route::Token => Self::Token,
            Route::Manifest { .. } => Self::Manifest,
            Route::Blob { .. } => Self::Blob,
            Route::Upload { .. } => Self::Upload,
            Route::Tags { .. } => Self::Tags,
            Route::Referrers { .. } => Self::Referrers,
            Route::Elsewhere => Self::Elsewhere,
        }
    }
}

/// A misbehaviour and the requests it applies to.
#[derive(Clone, Debug)]
pub struct Rule {
    pub when: When,
    pub fault: Fault,
}

/// Names a rule that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(pub(super) u64);

/// How a 429 says when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// `Retry-After: <n>`.
    Seconds(u64),
    /// `Retry-After: <HTTP date>`, this far in the future; HTTP dates have whole seconds.
    Date(Duration),
    Silent,
}

/// In whose words an immutable tag is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Immutability {
    /// 400 `TAG_INVALID`, as Amazon ECR.
    Ecr,
    /// 412 `PRECONDITION`, as Harbor.
    Harbor,
}

/// How a request misbehaves. Of several rules that fit, delays, actions and staleness add up, the first
/// fault that ends the request wins.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Waits, then goes on as usual.
    Delay(Duration),
    /// This answer instead; not applied. The request body is read and dropped first.
    Status { code: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// 429 `TOOMANYREQUESTS`; not applied.
    TooManyRequests(RetryAfter),
    /// Connection reset; not applied.
    CutBefore,
    /// Applied, then connection reset: the answer is lost.
    CutAfter,
    /// Connection reset, not applied; and so many next connections are accepted and reset at once
    /// (`u64::MAX`: until the rules are cleared).
    RefuseConnections(u64),
    /// Not applied, no answer for so long, then a reset. `None` hangs until the client leaves.
    Hang(Option<Duration>),
    /// Applied; `Content-Length` promises the whole body, half of it comes, then a reset. An answer
    /// without a body is lost as with [`Fault::CutAfter`].
    Truncate,
    /// Applied; the answer's body has its last byte changed. An answer without a body is not touched.
    WrongBytes,
    /// Applied; `Docker-Content-Digest` names another digest.
    WrongDigestHeader,
    /// Applied; no `Docker-Content-Digest`.
    NoDigestHeader,
    /// Applied; `Docker-Content-Digest` is there and empty.
    EmptyDigestHeader,
    /// A manifest read by tag answers as before the last write of that tag (404 if it was new). Other
    /// requests are not touched.
    Stale,
    /// PUT to a tag that exists is refused. Other requests are not touched.
    Immutable(Immutability),
    /// Runs the action, then applies the request.
    Before(Action),
    /// Applies the request, runs the action, then answers.
    After(Action),
    /// 401; the token presented never works again, a new one does.
    ExpireToken,
}

impl Fault {
    /// A status with an OCI error envelope.
    pub fn error(code: u16, oci_code: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": oci_code, "message": message}]}).to_string();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self::Status { code, headers, body: body.into_bytes() }
    }

    /// A status with an HTML page, as balancers write them.
    pub fn html(code: u16) -> Self {
        let body = format!("<html><head><title>{code}</title></head><body><h1>{code}</h1></body></html>");
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        Self::Status { code, headers, body: body.into_bytes() }
    }

    /// A status with an empty body.
    pub fn status(code: u16) -> Self {
        Self::Status { code, headers: Vec::new(), body: Vec::new() }
    }

    /// The variant's name, as it appears in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay(_) => "Delay",
            Self::Status { .. } => "Status",
            Self::TooManyRequests(_) => "TooManyRequests",
            Self::CutBefore => "CutBefore",
            Self::CutAfter => "CutAfter",
            Self::RefuseConnections(_) => "RefuseConnections",
            Self::Hang(_) => "Hang",
            Self::Truncate => "Truncate",
            Self::WrongBytes => "WrongBytes",
            Self::WrongDigestHeader => "WrongDigestHeader",
            Self::NoDigestHeader => "NoDigestHeader",
            Self::EmptyDigestHeader => "EmptyDigestHeader",
            Self::Stale => "Stale",
            Self::Immutable(_) => "Immutable",
            Self::Before(_) => "Before",
            Self::After(_) => "After",
            Self::ExpireToken => "ExpireToken",
        }
    }
}

type Job = Arc<dyn Fn(Admin) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Something that happens in the registry behind the client's back.
#[derive(Clone)]
pub enum Action {
    /// Points a tag at a digest that is there.
    MoveTag {
        repository: String,
        tag: String,
        digest: String,
    },
    /// Deletes a manifest and, in the embedded registry, all tags on it.
    DeleteManifest {
        repository: String,
        digest: String,
    },
    /// Deletes a tag and leaves its manifest.
    DeleteTag {
        repository: String,
        tag: String,
    },
    Custom(Job),
}

impl Action {
    /// An action of the test's own, run on the sandbox's runtime with access to the side admin.
    pub fn custom<Work>(job: impl Fn(Admin) -> Work + Send + Sync + 'static) -> Self
    where
        Work: Future<Output = ()> + Send + 'static,
    {
        Self::Custom(Arc::new(move |admin| Box::pin(job(admin))))
    }

    pub(super) async fn run(&self, admin: &Admin) {
        match self {
            Self::MoveTag { repository, tag, digest } => {
                let _ = admin.move_tag(repository, tag, digest).await;
            }
            Self::DeleteManifest { repository, digest } => {
                let _ = admin.delete_manifest(repository, digest).await;
            }
            Self::DeleteTag { repository, tag } => {
                let _ = admin.delete_tag(repository, tag).await;
            }
            Self::Custom(job) => job(admin.clone()).await,
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MoveTag { repository, tag, digest } => write!(to, "MoveTag {repository}:{tag} -> {digest}"),
            Self::DeleteManifest { repository, digest } => write!(to, "DeleteManifest {repository}@{digest}"),
            Self::DeleteTag { repository, tag } => write!(to, "DeleteTag {repository}:{tag}"),
            Self::Custom(_) => to.write_str("Custom"),
        }
    }
}
