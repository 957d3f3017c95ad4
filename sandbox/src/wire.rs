//! Connections that can be reset: the listener below both the registry and the tenants.
//!
//! Plain HTTP/1.1 on loopback. Every connection carries a [`Connection`] handle with which the answering side
//! can drop it with a TCP reset (`SO_LINGER` 0), as a crashed proxy or an impatient balancer would.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use crate::body::{self, Body};
use crate::clock;
use crate::runtime;

/// Pause after an accept that failed.
const BREATH: Duration = Duration::from_millis(5);

/// Numbers connections across the whole process, so ids never repeat.
static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// One accepted connection, as the answering side sees it.
#[derive(Clone)]
pub(crate) struct Connection {
    /// Unique in this process; equal ids mean a reused connection.
    pub(crate) id: u64,
    cut: Arc<Cut>,
}

#[derive(Default)]
struct Cut {
    wanted: AtomicBool,
    bell: Notify,
}

impl Connection {
    fn new() -> Self {
        Self { id: CONNECTIONS.fetch_add(1, Ordering::Relaxed), cut: Arc::default() }
    }

    /// Drops the connection with a reset and never returns; bytes already written may be lost with it.
    pub(crate) async fn reset<T>(&self) -> T {
        self.cut.wanted.store(true, Ordering::SeqCst);
        self.cut.bell.notify_one();
        std::future::pending().await
    }
}

pub(crate) trait Answer: Send + Sync + 'static {
    /// Answers one request; may never return after [`Connection::reset`].
    fn answer(
        self: Arc<Self>,
        request: Request<Body>,
        connection: Connection,
    ) -> impl Future<Output = Response<Body>> + Send;

    /// Whether the next connection is served; refused ones are accepted and reset at once.
    fn admits(&self) -> bool {
        true
    }
}

/// A listening server; dropping it closes the port and every connection.
pub(crate) struct Server {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Server {
    /// Listens on 127.0.0.1 (`port` 0 takes any free one) and serves until dropped.
    pub(crate) fn start(port: u16, answerer: Arc<impl Answer>) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, port).into(), answerer)
    }

    /// Listens at `place` and serves until dropped.
    pub(crate) fn start_at(place: SocketAddr, answerer: Arc<impl Answer>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(place)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let _inside = runtime::handle().enter();
        let listener = TcpListener::from_std(listener)?;
        let accepting = runtime::handle().spawn(accept(listener, answerer)).abort_handle();
        Ok(Self { address, accepting })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, answerer: Arc<impl Answer>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if answerer.admits() => {
                    connections.spawn(serve(stream, Arc::clone(&answerer)));
                }
                Ok((stream, _)) => drop(stream.set_zero_linger()),
                // Out of descriptors, or the peer left between SYN and accept: let others run, try again.
                Err(_) => clock::sleep(BREATH).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, answerer: Arc<impl Answer>) {
    let connection = Connection::new();
    let cut = Arc::clone(&connection.cut);
    let _ = stream.set_nodelay(true);
    let wire = TokioIo::new(Wire { stream, cut: Arc::clone(&cut) });
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let answer = Arc::clone(&answerer).answer(request.map(body::incoming), connection.clone());
        async move { Ok::<_, Infallible>(answer.await) }
    });
    tokio::select! {
        _ = http1::Builder::new().serve_connection(wire, service) => {}
        () = cut.bell.notified() => {}
    }
}

/// A socket that closes with a reset when asked to.
struct Wire {
    stream: TcpStream,
    cut: Arc<Cut>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.cut.wanted.load(Ordering::SeqCst) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
