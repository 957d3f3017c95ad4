//! Blobs: are they there, and what do the small ones say.

use bytes::Bytes;
use reqwest::{Method, StatusCode};

use super::call::{Again, Call, SPOILED_TRIES};
use super::client::Client;
use super::error::{Problem, RegistryError};
use crate::model::digest::Digest;
use crate::model::manifest::Blob;
use crate::model::repository::Repository;

/// Largest image configuration that is read; real ones have some kilobytes.
const CONFIG_BYTES: usize = 4 * 1024 * 1024;

impl Client<'_> {
    pub async fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        let url = self.url(repository, &format!("blobs/{digest}"));
        let call = Call::get(format!("look for blob {} in {repository}", digest.short()), repository, url)
            .with(Method::HEAD, Again::Yes);
        let answer = self.call(&call).await?;
        match answer.status {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(call.unexpected("status 200 or 404", &answer)),
        }
    }

    /// The bytes of an image's configuration; `None` if the registry does not have it.
    ///
    /// # Errors
    /// The registry cannot be read, or the bytes are not those of the digest.
    pub async fn config(&self, repository: &Repository, blob: &Blob) -> Result<Option<Bytes>, RegistryError> {
        let url = self.url(repository, &format!("blobs/{}", blob.digest));
        let attempted = format!("read configuration {} in {repository}", blob.digest.short());
        let call = Call { limit: CONFIG_BYTES, ..Call::get(attempted, repository, url) };
        self.retry(SPOILED_TRIES, RegistryError::is_wrong_digest, async || {
            let answer = self.call(&call).await?;
            match answer.status {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(None),
                _ => return Err(call.unexpected("status 200 or 404", &answer)),
            }
            let found = Digest::of(&answer.body);
            if found == blob.digest {
                return Ok(Some(answer.body));
            }
            Err(call.error(Problem::WrongDigest { expected: blob.digest.clone(), found }))
        })
        .await
    }
}
