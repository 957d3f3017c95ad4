//! Request and response bodies: one boxed streaming type, and the few ways to make and drink one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body as HttpBody, Frame, Incoming};
use tokio::sync::mpsc;

/// Whatever went wrong while a body was streamed.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body of unknown length, streamed frame by frame.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body without bytes.
pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body of known bytes.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body as it comes off the wire.
pub(crate) fn incoming(body: Incoming) -> Body {
    body.map_err(Into::into).boxed_unsync()
}

/// Collects a body of at most `limit_bytes`.
///
/// # Errors
///
/// The stream broke, or it is longer than the limit.
pub(crate) async fn collect(mut body: Body, limit_bytes: usize) -> Result<Bytes, BodyError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            if bytes.len() + data.len() > limit_bytes {
                return Err(format!("body is longer than {limit_bytes} bytes").into());
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

/// Reads a body to its end and forgets it; memory stays flat. A broken stream ends it as well.
pub(crate) async fn swallow(mut body: Body) {
    while let Some(Ok(_)) = body.frame().await {}
}

/// Calls `seen` with the length of every data frame that passes.
pub(crate) fn counted(body: Body, seen: impl Fn(usize) + Send + 'static) -> Body {
    body.inspect_frame(move |frame| frame.data_ref().into_iter().for_each(|data| seen(data.len())))
        .boxed_unsync()
}

/// Where a producer puts its chunks; `false` from [`Chunks::send`] means nobody reads any more.
pub(crate) struct Chunks(mpsc::Sender<Bytes>);

impl Chunks {
    pub(crate) async fn send(&self, chunk: impl Into<Bytes>) -> bool {
        self.0.send(chunk.into()).await.is_ok()
    }
}

/// A body written by an async producer, which runs only while the body is read (no task of its own).
pub(crate) fn produced<F, Work>(producer: F) -> Body
where
    F: FnOnce(Chunks) -> Work,
    Work: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(1);
    Produced { receiver, producer: Some(Box::pin(producer(Chunks(sender)))) }.boxed_unsync()
}

struct Produced {
    receiver: mpsc::Receiver<Bytes>,
    producer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl HttpBody for Produced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(producer) = &mut self.producer
            && producer.as_mut().poll(context).is_ready()
        {
            self.producer = None;
        }
        self.receiver.poll_recv(context).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
    }
}
