//! A balancer of connections in front of several tenants, as a TCP load balancer or a Kubernetes service is one.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::Tenant;
use crate::runtime;

/// Gives each new connection to the next tenant, in turn; dropping it closes its port and every connection.
pub struct Balancer {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Balancer {
    /// Listens on a free port of 127.0.0.1, in front of `tenants`.
    pub fn start(tenants: &[&Tenant]) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let behind: Vec<SocketAddr> = tenants.iter().map(|tenant| tenant.address).collect();
        let _inside = runtime::handle().enter();
        let listener = TcpListener::from_std(listener)?;
        let accepting = runtime::handle().spawn(accept(listener, behind)).abort_handle();
        Ok(Self { address, accepting })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, behind: Vec<SocketAddr>) {
    let mut connections = JoinSet::new();
    let mut turn = behind.into_iter().cycle();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let (Ok((mut near, _)), Some(next)) = (accepted, turn.next()) {
                    connections.spawn(async move {
                        if let Ok(mut far) = TcpStream::connect(next).await {
                            // Either side may go away; then so does the other.
                            let _ = copy_bidirectional(&mut near, &mut far).await;
                        }
                    });
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
