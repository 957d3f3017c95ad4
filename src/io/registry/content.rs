//! The bytes of a blob that is to be uploaded: stretches of a file, or what another repository sends.

use std::io::SeekFrom;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::client::Client;
use super::error::{Problem, RegistryError};
use super::upload::{STALLED, Transfer};
use crate::base::duration;
use crate::io::source::origin::Content;
use crate::model::digest::Digest;
use crate::model::repository::Repository;

/// How much of a file is in memory at a time.
const STRETCH_BYTES: usize = 128 * 1024;

pub(super) type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

impl Client<'_> {
    /// The bytes of the blob that `transfer` is about, from where they are now.
    pub(super) async fn open(
        &self,
        attempted: &str,
        transfer: &Transfer<'_>,
    ) -> Result<ByteStream, RegistryError> {
        match transfer.content {
            Content::File { path, offset, size } => {
                let failed = |e: std::io::Error| {
                    let why = format!("`{}` cannot be read: {e}", path.display());
                    RegistryError::new(attempted, Problem::Source(why))
                };
                let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
                file.seek(SeekFrom::Start(*offset)).await.map_err(failed)?;
                Ok(stretches(file, *size).boxed())
            }
            Content::Remote(from) => self.download(from, transfer.digest).await,
            Content::Here => {
                let why = format!(
                    "{} does not hold blob {} although it should",
                    transfer.repository, transfer.digest
                );
                Err(RegistryError::new(attempted, Problem::Source(why)))
            }
        }
    }

    /// The bytes of a blob as they come. A source that stays silent for too long breaks off.
    pub(super) async fn download(
        &self,
        from: &Repository,
        digest: &Digest,
    ) -> Result<ByteStream, RegistryError> {
        let attempted = format!("read blob {} of {from}", digest.short());
        let url = self.url(from, &format!("blobs/{digest}"));
        // Through `call` first: it answers challenges and retries, and tells whether the blob is there.
        if !self.has_blob(from, digest).await? {
            let why = format!("{from} does not hold blob {digest}");
            return Err(RegistryError::new(attempted, Problem::Source(why)));
        }
        let mut request = self.shared.http.get(url).timeout(self.remaining());
        if let Some(header) = self.authorization(from).current().header {
            request = request.header(AUTHORIZATION, header);
        }
        let response = self.exchange(&attempted, request).await?;
        if response.status() != StatusCode::OK {
            let problem = Problem::Status {
                expected: "status 200",
                status: response.status(),
                said: String::new(),
                wait: None,
            };
            return Err(RegistryError::new(attempted, problem));
        }
        let chunks = response.bytes_stream();
        let patient = stream::unfold(Some(chunks), |chunks| async move {
            let mut chunks = chunks?;
            match tokio::time::timeout(STALLED, chunks.next()).await {
                Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(chunks))),
                Ok(Some(Err(error))) => Some((Err(std::io::Error::other(error.without_url())), None)),
                Ok(None) => None,
                Err(_) => Some((
                    Err(std::io::Error::other(format!("silent for {}", duration::show(STALLED)))),
                    None,
                )),
            }
        });
        Ok(patient.boxed())
    }
}

/// The next `size` bytes of `file`, stretch by stretch; fewer are an error.
fn stretches(file: tokio::fs::File, size: u64) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    stream::try_unfold((file, size), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(STRETCH_BYTES);
        let mut buffer = vec![0; want];
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the file became shorter"));
        }
        buffer.truncate(read);
        Ok(Some((Bytes::from(buffer), (file, left - read as u64))))
    })
}
