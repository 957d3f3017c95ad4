//! Blobs into a registry: mounted where it can, streamed with flat memory where it cannot.

use std::io::SeekFrom;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Method, StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::call::{Again, Call, said};
use super::client::Client;
use super::error::{Problem, RegistryError, is_transient};
use crate::base::duration;
use crate::io::clock;
use crate::io::progress::Progress;
use crate::io::source::origin::Content;
use crate::model::digest::Digest;
use crate::model::repository::Repository;

/// Tries of one blob, each from its beginning.
const TRIES: u32 = 4;
/// A transfer that has not moved a byte for this long is dead.
const STALLED: Duration = Duration::from_secs(30);
/// How much of a file is in memory at a time.
const STRETCH_BYTES: usize = 128 * 1024;

/// How a blob came to be where it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    There,
    /// The registry took it from another repository of its own.
    Mounted,
    /// Its bytes were sent.
    Sent,
}

/// One blob that a repository is to hold.
pub struct Transfer<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) digest: &'a Digest,
    pub(crate) size: u64,
    pub(crate) content: &'a Content,
}

pub(super) enum Begun {
    /// The registry took the blob from another of its repositories.
    Mounted,
    /// The bytes go here.
    At(Url),
}

/// Where a PUT closes the upload that began at `location`.
pub(super) fn at_digest(mut location: Url, digest: &Digest) -> Url {
    location.query_pairs_mut().append_pair("digest", &digest.to_string());
    location
}

type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

impl Client<'_> {
    /// Makes sure that the repository holds the blob. Its bytes are hashed on the way: content that is not what its
    /// name says ends the transfer.
    pub async fn upload(&self, transfer: &Transfer<'_>) -> Result<Arrival, RegistryError> {
        let mount = match transfer.content {
            Content::Remote(from) if from.registry() == transfer.repository.registry() => Some(from),
            Content::Remote(_) | Content::File { .. } | Content::Here => None,
        };
        if mount.is_none() && self.has_blob(transfer.repository, transfer.digest).await? {
            return Ok(Arrival::There);
        }
        let what = format!("{} {}", transfer.repository.name(), transfer.digest.short());
        let progress = Progress::transfer(&self.context().console, &what, transfer.size);
        self.retry(TRIES, RegistryError::is_transient, async || {
            progress.restart();
            self.upload_once(transfer, mount, &progress).await
        })
        .await
    }

    /// Whether uploads are allowed: begins one and leaves it there, empty, for the registry to forget.
    pub async fn may_push(&self, repository: &Repository) -> Result<(), RegistryError> {
        let attempted = format!("begin an upload to {repository}");
        let begin = async || self.begin_upload(&attempted, repository, None).await;
        self.retry(TRIES, RegistryError::is_transient, begin).await.map(drop)
    }

    /// Begins an upload, or mounts the blob `mount.0` from the repository `mount.1`.
    ///
    /// # Errors
    /// The registry refuses, cannot be reached, or names no place to upload to.
    pub(super) async fn begin_upload(
        &self,
        attempted: &str,
        repository: &Repository,
        mount: Option<(&Digest, &Repository)>,
    ) -> Result<Begun, RegistryError> {
        let tail = match mount {
            Some((digest, from)) => format!("blobs/uploads/?mount={digest}&from={}", from.name()),
            None => "blobs/uploads/".to_owned(),
        };
        let url = self.url(repository, &tail);
        let call = Call {
            body: Some(("application/octet-stream", Bytes::new())),
            ..Call::get(attempted, repository, url.clone()).with(Method::POST, Again::No)
        };
        let answer = self.call(&call).await?;
        match answer.status {
            StatusCode::CREATED if mount.is_some() => return Ok(Begun::Mounted),
            StatusCode::ACCEPTED => {}
            _ => return Err(call.unexpected("status 202", &answer)),
        }
        let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.and_then(|value| url.join(value).ok());
        let fit = location.filter(|to| to.scheme() == url.scheme() || to.scheme() == "https");
        fit.map(Begun::At).ok_or_else(|| {
            call.error(Problem::Unfit {
                expected: "a Location to upload to",
                found: "none that can be used".to_owned(),
            })
        })
    }

    async fn upload_once(
        &self,
        transfer: &Transfer<'_>,
        mount: Option<&Repository>,
        progress: &Progress<'_>,
    ) -> Result<Arrival, RegistryError> {
        let attempted = format!("upload blob {} to {}", transfer.digest.short(), transfer.repository);
        let mount = mount.map(|from| (transfer.digest, from));
        let location = match self.begin_upload(&attempted, transfer.repository, mount).await? {
            Begun::Mounted => return Ok(Arrival::Mounted),
            Begun::At(location) => at_digest(location, transfer.digest),
        };
        self.put_blob(&attempted, transfer, location, progress).await?;
        Ok(Arrival::Sent)
    }

    /// One PUT with the whole content (OCI distribution specification 1.1, "POST then PUT").
    async fn put_blob(
        &self,
        attempted: &str,
        transfer: &Transfer<'_>,
        location: Url,
        progress: &Progress<'_>,
    ) -> Result<(), RegistryError> {
        let sent = Arc::new(AtomicU64::new(0));
        let found = Arc::new(std::sync::Mutex::new(None));
        let stream = self.open(attempted, transfer).await?;
        let body =
            watched(stream, (transfer.digest.clone(), transfer.size), Arc::clone(&sent), Arc::clone(&found));
        let failed = |problem| RegistryError::new(attempted, problem);
        let same_place = location.origin() == self.url(transfer.repository, "").origin();
        let mut request = self
            .shared
            .http
            .put(location)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, transfer.size)
            .timeout(self.remaining());
        // An upload location on another host is a storage with a signature of its own: the token is not for it.
        if let Some(header) = self.authorization(transfer.repository).current().header.filter(|_| same_place)
        {
            request = request.header(AUTHORIZATION, header);
        }
        let response = {
            let exchange = self.exchange(attempted, request.body(Body::wrap_stream(body)));
            tokio::pin!(exchange);
            let mut seen = 0;
            let mut still_since = clock::instant();
            loop {
                tokio::select! {
                    response = &mut exchange => break response,
                    () = clock::sleep(Duration::from_millis(100)) => {}
                }
                let now = sent.load(Ordering::Relaxed);
                if now > seen {
                    progress.advance(now - seen);
                    (seen, still_since) = (now, clock::instant());
                }
                if clock::instant() - still_since > STALLED {
                    break Err(failed(Problem::Timeout { after: STALLED }));
                }
            }
        };
        let wrong = found
            .lock()
            .expect("nobody panics with this lock")
            .take()
            .filter(|digest| digest != transfer.digest);
        if let Some(digest) = wrong {
            let why = format!("the source of blob {} holds bytes of {digest}", transfer.digest);
            return Err(failed(Problem::Source(why)));
        }
        let response = response?;
        match response.status() {
            StatusCode::CREATED => Ok(()),
            status => {
                let body = super::call::bounded(response, 64 * 1024).await.unwrap_or_default();
                let wait = is_transient(status).then_some(Duration::from_secs(1));
                Err(failed(Problem::Status { expected: "status 201", status, said: said(&body), wait }))
            }
        }
    }

    async fn open(&self, attempted: &str, transfer: &Transfer<'_>) -> Result<ByteStream, RegistryError> {
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
    async fn download(&self, from: &Repository, digest: &Digest) -> Result<ByteStream, RegistryError> {
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

/// Counts and hashes what goes through. The last bytes are held back until the digest of all is known: content that
/// is not what its name says never arrives whole. The digest is left in `found`.
fn watched(
    stream: ByteStream,
    (digest, size): (Digest, u64),
    sent: Arc<AtomicU64>,
    found: Arc<std::sync::Mutex<Option<Digest>>>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    stream::unfold(Some((stream, Sha256::new())), move |state| {
        let (sent, found, digest) = (Arc::clone(&sent), Arc::clone(&found), digest.clone());
        async move {
            let (mut stream, mut hasher) = state?;
            let chunk = match stream.next().await? {
                Ok(chunk) => chunk,
                Err(error) => return Some((Err(error), None)),
            };
            hasher.update(&chunk);
            let total = sent.fetch_add(chunk.len() as u64, Ordering::Relaxed) + chunk.len() as u64;
            if total < size {
                return Some((Ok(chunk), Some((stream, hasher))));
            }
            let true_digest = Digest::from_hasher(hasher);
            let good = true_digest == digest;
            *found.lock().expect("nobody panics with this lock") = Some(true_digest);
            let end = if good {
                Ok(chunk)
            } else {
                Err(std::io::Error::other("the content is not what its name says"))
            };
            Some((end, None))
        }
    })
}
