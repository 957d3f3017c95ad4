//! What a registry URL addresses.

use hyper::Uri;

/// A manifest's name within its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// Anything without a colon.
    Tag(String),
    /// `<algorithm>:<hex>`.
    Digest(String),
}

impl Reference {
    /// Reads a reference; which of the two it is is told by the colon.
    pub(crate) fn new(text: &str) -> Self {
        if text.contains(':') { Self::Digest(text.into()) } else { Self::Tag(text.into()) }
    }

    /// The reference as it stands in a URL.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Digest(text) => text,
        }
    }
}

/// The endpoint a request goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/v2/`
    Base,
    /// `/token`
    Token,
    /// `/v2/<repository>/manifests/<reference>`
    Manifest {
        repository: String,
        reference: Reference,
    },
    /// `/v2/<repository>/blobs/<digest>`
    Blob {
        repository: String,
        digest: String,
    },
    /// `/v2/<repository>/blobs/uploads/[<session>]`
    Upload {
        repository: String,
        session: Option<String>,
    },
    /// `/v2/<repository>/tags/list`
    Tags {
        repository: String,
    },
    /// `/v2/<repository>/referrers/<digest>`
    Referrers {
        repository: String,
        digest: String,
    },
    Elsewhere,
}

impl Route {
    /// Reads the endpoint from the path.
    pub(crate) fn of(uri: &Uri) -> Self {
        let path = percent_encoding::percent_decode_str(uri.path()).decode_utf8_lossy().into_owned();
        match path.as_str() {
            "/v2" | "/v2/" => return Self::Base,
            "/token" => return Self::Token,
            _ => {}
        }
        path.strip_prefix("/v2/").and_then(Self::within).unwrap_or(Self::Elsewhere)
    }

    fn within(rest: &str) -> Option<Self> {
        let owned = |text: &str| text.to_owned();
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            return Some(Self::Tags { repository: owned(repository) });
        }
        if let Some((repository, session)) = rest.rsplit_once("/blobs/uploads") {
            let session = session.trim_matches('/');
            let session = (!session.is_empty()).then(|| owned(session));
            return Some(Self::Upload { repository: owned(repository), session });
        }
        let (head, last) = rest.rsplit_once('/')?;
        let (repository, kind) = head.rsplit_once('/')?;
        let repository = owned(repository);
        match kind {
            "manifests" => Some(Self::Manifest { repository, reference: Reference::new(last) }),
            "blobs" => Some(Self::Blob { repository, digest: owned(last) }),
            "referrers" => Some(Self::Referrers { repository, digest: owned(last) }),
            _ => None,
        }
    }

    pub(crate) fn repository(&self) -> Option<&str> {
        match self {
            Self::Manifest { repository, .. }
            | Self::Blob { repository, .. }
            | Self::Upload { repository, .. }
            | Self::Tags { repository }
            | Self::Referrers { repository, .. } => Some(repository),
            Self::Base | Self::Token | Self::Elsewhere => None,
        }
    }

    /// The tag or digest addressed, if any.
    pub(crate) fn reference(&self) -> Option<&str> {
        match self {
            Self::Manifest { reference, .. } => Some(reference.as_str()),
            Self::Blob { digest, .. } | Self::Referrers { digest, .. } => Some(digest),
            Self::Base | Self::Token | Self::Upload { .. } | Self::Tags { .. } | Self::Elsewhere => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reference, Route};

    fn route(path: &str) -> Route {
        Route::of(&path.parse().unwrap())
    }

    #[test]
    fn a_repository_of_any_depth_is_told_from_its_endpoint() {
        let repository = || "team/blobs/app".to_owned();
        let tag = Reference::Tag("latest".into());
        assert_eq!(
            route("/v2/team/blobs/app/manifests/latest"),
            Route::Manifest { repository: repository(), reference: tag }
        );
        assert_eq!(
            route("/v2/team/blobs/app/blobs/sha256:00"),
            Route::Blob { repository: repository(), digest: "sha256:00".into() }
        );
        assert_eq!(
            route("/v2/team/blobs/app/blobs/uploads/"),
            Route::Upload { repository: repository(), session: None }
        );
        assert_eq!(
            route("/v2/team/blobs/app/blobs/uploads/7"),
            Route::Upload { repository: repository(), session: Some("7".into()) }
        );
        assert_eq!(route("/v2/team/blobs/app/tags/list"), Route::Tags { repository: repository() });
    }

    #[test]
    fn a_path_outside_the_api_is_elsewhere() {
        assert_eq!(route("/favicon.ico"), Route::Elsewhere);
        assert_eq!(route("/v2/app"), Route::Elsewhere);
        assert_eq!(route("/v2/"), Route::Base);
    }
}
