//! A blob into a file, with flat memory; what comes is hashed on the way.

use std::path::Path;

use futures_util::stream::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::client::Client;
use super::error::{Problem, RegistryError};
use crate::io::files::FileError;
use crate::model::digest::Digest;
use crate::model::manifest::Blob;
use crate::model::repository::Repository;

/// Tries of one blob, each from its beginning.
const TRIES: u32 = 4;

/// Why a blob did not come into its file.
#[derive(Debug)]
pub enum NotFetched {
    /// The registry failed.
    Registry(RegistryError),
    /// The file cannot be written.
    Disk(FileError),
}

impl Client<'_> {
    /// Writes the bytes of `blob` to the new file `path`: those of its digest, all of them, or none that count.
    ///
    /// # Errors
    /// The registry or the disk failed, also on the last try.
    pub async fn fetch_blob(
        &self,
        repository: &Repository,
        blob: &Blob,
        path: &Path,
    ) -> Result<(), NotFetched> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.fetch_once(repository, blob, path).await {
                Err(NotFetched::Registry(error)) if error.is_transient() && tried < TRIES => {
                    self.pause(&error, tried).await.map_err(NotFetched::Registry)?;
                }
                done => return done,
            }
        }
    }

    async fn fetch_once(&self, repository: &Repository, blob: &Blob, path: &Path) -> Result<(), NotFetched> {
        let attempted = format!("read blob {} of {repository}", blob.digest.short());
        let failed = |problem| NotFetched::Registry(RegistryError::new(attempted.as_str(), problem));
        let disk = |source| NotFetched::Disk(FileError::Write { path: path.to_owned(), source });
        let mut stream = self.download(repository, &blob.digest).await.map_err(NotFetched::Registry)?;
        let mut file = tokio::fs::File::create(path).await.map_err(disk)?;
        let (mut hasher, mut count) = (Sha256::new(), 0_u64);
        while let Some(chunk) = stream.next().await {
            let broken = |e: std::io::Error| Problem::Unreachable {
                host: repository.registry().to_string(),
                proxy: None,
                cause: e.to_string(),
            };
            let chunk = chunk.map_err(|e| failed(broken(e)))?;
            hasher.update(&chunk);
            count += chunk.len() as u64;
            if count > blob.size {
                break;
            }
            file.write_all(&chunk).await.map_err(disk)?;
        }
        file.flush().await.map_err(disk)?;
        let found = Digest::from_hasher(hasher);
        if count == blob.size && found == blob.digest {
            return Ok(());
        }
        Err(failed(Problem::WrongDigest { expected: blob.digest.clone(), found }))
    }
}
