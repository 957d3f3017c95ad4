//! The runtime all sandbox servers share.
//!
//! One per process with two workers: a test can hold hundreds of tenants and start thousands of registries,
//! and can block its own thread on a child process, without a thread per server or a server that stalls.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::mpsc;

use tokio::runtime::{Builder, Handle, Runtime};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// Handle of the shared runtime; starts it on first use.
pub(crate) fn handle() -> &'static Handle {
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("sandbox")
                .enable_all()
                .build()
                .expect("a runtime of two threads can always be built on a machine that runs tests")
        })
        .handle()
}

/// Runs `work` on the shared runtime and blocks the calling thread until it is done.
///
/// Works from any thread, also from inside another runtime. From a sandbox worker itself (a custom
/// [`Action`](crate::Action)) it would occupy that worker: await the async admin there.
pub(crate) fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    handle().spawn(async move {
        let _ = sender.send(work.await);
    });
    receiver.recv().expect("the spawned work sends exactly once unless it panicked itself")
}
