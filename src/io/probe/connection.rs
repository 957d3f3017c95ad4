//! How connections are made: whether a request got a new one, and to which address of a name.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    /// Whether a connection was made for the request that is being sent.
    static CONNECTED: Cell<bool>;
}

/// Sends a request of a client that has the layer [`Watch`], and says whether a connection was made for it. If not, it
/// went out on one that was kept.
pub(super) async fn watched<T>(send: impl Future<Output = T>) -> (T, bool) {
    let sent = async {
        let done = send.await;
        (done, CONNECTED.with(Cell::get))
    };
    CONNECTED.scope(Cell::new(false), sent).await
}

/// Notes each connection that is made. The client makes it while the request is polled, in the same task.
#[derive(Clone)]
pub(super) struct Watch;

impl<S> Layer<S> for Watch {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Watched<S> {
        Watched(inner)
    }
}

/// A connector whose work is noted.
#[derive(Clone)]
pub(super) struct Watched<S>(S);

impl<R, S: Service<R>> Service<R> for Watched<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        // The client may also make a connection in a task of its own, after its request has got another one.
        let _ = CONNECTED.try_with(|connected| connected.set(true));
        self.0.call(request)
    }
}

/// Whether the connection ended before an answer came.
pub(super) fn was_closed(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_canceled() || error.is_closed())
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            let ends = [BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof];
            return ends.contains(&error.kind());
        }
        cause = error.source();
    }
    false
}

/// The addresses of names, in the order in which they were found. None is taken out, so that each keeps its place.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<String, Vec<IpAddr>>>);

impl Known {
    /// Adds what is new among `addresses`.
    pub(super) fn learn(&self, name: &str, addresses: &[IpAddr]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(name.to_owned()).or_default();
        for address in addresses {
            if !known.contains(address) {
                known.push(*address);
            }
        }
    }

    /// The place of `address` among those of `name`.
    pub(super) fn place(&self, name: &str, address: IpAddr) -> Option<usize> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(name)?.iter().position(|known| *known == address)
    }

    fn at(&self, name: &str, place: usize) -> Option<IpAddr> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(name)?.get(place).copied()
    }
}

/// Resolves each name to the address at one place of its list: a client for it serves all tenants that have so many.
pub(super) struct Nth {
    pub(super) at: usize,
    pub(super) known: Arc<Known>,
}

impl Resolve for Nth {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.known.at(name.as_str(), self.at);
        Box::pin(async move {
            match found {
                // Port 0 stands for the one of the URL.
                Some(address) => Ok(Box::new(std::iter::once(SocketAddr::new(address, 0))) as Addrs),
                None => Err("the address is not known any more".into()),
            }
        })
    }
}
