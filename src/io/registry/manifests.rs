//! Manifests by tag or digest: read, put byte for byte, forget a tag.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};

use super::call::{Again, Answer, Call, SPOILED_TRIES, said};
use super::client::Client;
use super::decode;
use super::error::{Problem, RegistryError};
use crate::base::text;
use crate::model::digest::Digest;
use crate::model::manifest::Manifest;
use crate::model::reference::Reference;
use crate::model::repository::Repository;
use crate::model::tag::Tag;

/// All four forms in one header: a registry that does not find its own among them converts or refuses
/// (docker-registry 2.8 answers a list with its amd64 child), and proxies drop repeated headers.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

const DIGEST_HEADER: &str = "docker-content-digest";

impl Client<'_> {
    /// The manifest that `reference` names; `None` if the registry says that there is none. The digest is computed
    /// from the bytes, and compared with the one that was asked for and the one that the registry announced.
    pub async fn manifest(&self, reference: &Reference) -> Result<Option<Manifest>, RegistryError> {
        let call = self.read(reference, Method::GET);
        let read = async || self.manifest_once(&call, reference).await;
        self.retry(SPOILED_TRIES, RegistryError::is_wrong_digest, read).await
    }

    async fn manifest_once(
        &self,
        call: &Call<'_>,
        reference: &Reference,
    ) -> Result<Option<Manifest>, RegistryError> {
        let answer = self.call(call).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND if says_unknown(&answer) => return Ok(None),
            StatusCode::NOT_FOUND => return Err(call.error(no_registry(&answer))),
            _ => return Err(call.unexpected("status 200", &answer)),
        }
        let found = Digest::of(&answer.body);
        let asked = match reference {
            Reference::Pinned(_, digest) => Some(digest.clone()),
            Reference::Tagged(..) => None,
        };
        for expected in asked.into_iter().chain(announced(&answer.headers)) {
            if expected != found {
                return Err(call.error(Problem::WrongDigest { expected, found }));
            }
        }
        let content_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        decode::manifest(answer.body, content_type).map(Some).map_err(|problem| call.error(problem))
    }

    /// The digest that `reference` names now; `None` if there is none. Costs one HEAD, and a GET where the registry
    /// leaves out or spoils the digest header.
    pub async fn digest(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError> {
        let call = self.read(reference, Method::HEAD);
        let answer = self.call(&call).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(call.unexpected("status 200", &answer)),
        }
        match announced(&answer.headers) {
            Some(digest) => Ok(Some(digest)),
            None => Ok(self.manifest(reference).await?.map(|manifest| manifest.digest)),
        }
    }

    /// Whether the manifest with this digest is there.
    pub async fn has_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        Ok(self.digest(&Reference::Pinned(repository.clone(), digest.clone())).await?.is_some())
    }

    /// Puts the bytes of `manifest` at `tag`. Sent once: after a failure the caller reads what stands there.
    ///
    /// # Errors
    /// Anything but 201, or an answer that names another digest. The tag may have been written all the same.
    pub async fn put_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        self.put(&Reference::Tagged(repository.clone(), tag.clone()), manifest, Again::No).await
    }

    /// Puts the bytes of `manifest` at `tag`, as often as it takes: for tags that nobody reads a decision from.
    ///
    /// # Errors
    /// Anything but 201 on every try, or an answer that names another digest.
    pub async fn put_tag_again(
        &self,
        repository: &Repository,
        tag: &Tag,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        self.put(&Reference::Tagged(repository.clone(), tag.clone()), manifest, Again::Yes).await
    }

    /// Puts the bytes of `manifest` under their own digest, which is safe to repeat.
    ///
    /// # Errors
    /// Anything but 201, or an answer that names another digest.
    pub async fn put_pinned(
        &self,
        repository: &Repository,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        self.put(&Reference::Pinned(repository.clone(), manifest.digest.clone()), manifest, Again::Yes).await
    }

    async fn put(
        &self,
        reference: &Reference,
        manifest: &Manifest,
        again: Again,
    ) -> Result<(), RegistryError> {
        let repository = reference.repository();
        let url = self.url(repository, &format!("manifests/{}", reference.name()));
        let attempted = match reference {
            Reference::Tagged(..) => format!("put {} at {reference}", manifest.digest.short()),
            Reference::Pinned(..) => format!("put {reference}"),
        };
        let body: Bytes = manifest.bytes.clone();
        let call = Call {
            body: Some((manifest.media_type.as_str(), body)),
            ..Call::get(attempted, repository, url).with(Method::PUT, again)
        };
        let answer = self.call(&call).await?;
        // 201 and nothing else: a portal answers 200 to everything.
        if answer.status != StatusCode::CREATED {
            return Err(call.unexpected("status 201", &answer));
        }
        match announced(&answer.headers) {
            Some(found) if found != manifest.digest => {
                Err(call.error(Problem::WrongDigest { expected: manifest.digest.clone(), found }))
            }
            _ => Ok(()),
        }
    }

    /// Deletes `tag`, and only the tag (OCI distribution specification 1.1, end-9). Registries that cannot do that
    /// say so (docker-registry 2.8, Harbor); it is never tried with a digest, which would delete the content.
    ///
    /// # Errors
    /// The registry does not delete tags, or cannot be reached.
    pub async fn delete_tag(&self, repository: &Repository, tag: &Tag) -> Result<(), RegistryError> {
        let url = self.url(repository, &format!("manifests/{tag}"));
        let call = Call::get(format!("delete the tag {repository}:{tag}"), repository, url)
            .with(Method::DELETE, Again::No);
        let answer = self.call(&call).await?;
        match answer.status {
            StatusCode::ACCEPTED | StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
            _ => Err(call.unexpected("status 202", &answer)),
        }
    }

    fn read<'a>(&self, reference: &'a Reference, method: Method) -> Call<'a> {
        let repository = reference.repository();
        let url = self.url(repository, &format!("manifests/{}", reference.name()));
        Call {
            accept: Some(ACCEPT),
            ..Call::get(format!("read {reference}"), repository, url).with(method, Again::Yes)
        }
    }
}

/// The digest that the registry announces. Absent, empty and malformed headers are all common (conformance
/// reports of several registries) and mean: compute it.
fn announced(headers: &HeaderMap) -> Option<Digest> {
    headers.get(DIGEST_HEADER)?.to_str().ok()?.trim().parse().ok()
}

/// Whether a 404 comes from a registry that looked and found nothing, rather than from something in front of it.
pub(super) fn says_unknown(answer: &Answer) -> bool {
    let words = said(&answer.body);
    ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND", "BLOB_UNKNOWN"]
        .iter()
        .any(|code| words.starts_with(code))
}

pub(super) fn no_registry(answer: &Answer) -> Problem {
    let found = format!("status 404 without a registry's error code: `{}`", text::excerpt(&answer.body));
    Problem::Unfit { expected: "a registry's answer", found }
}
