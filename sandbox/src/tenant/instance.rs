//! One running tenant.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::task::AbortHandle;

use super::fault::TenantFault;
use super::follow;
use super::service::Service;
use super::setup::TenantSetup;
use super::state::State;
use super::state::{Asked, Leftovers, Running};
use crate::runtime;
use crate::wire::Server;

/// What is at the tenant's port.
enum Door {
    Open(Server),
    /// Bound and not listening: the system refuses connections, and nobody else can take the port.
    Closed(TcpSocket),
}

fn hold(place: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(place)?;
    Ok(socket)
}

/// A running tenant; dropping it stops it.
pub struct Tenant {
    state: Arc<State>,
    pub(super) address: SocketAddr,
    door: Option<Door>,
    following: AbortHandle,
}

impl Tenant {
    /// Starts a tenant.
    ///
    /// # Errors
    ///
    /// The port is taken.
    pub fn start(setup: TenantSetup) -> io::Result<Self> {
        let state = Arc::new(State::new(setup));
        let place = (state.setup.address, state.setup.port).into();
        let door = if state.setup.fault == Some(TenantFault::RefuseConnection) {
            Door::Closed(hold(place)?)
        } else {
            Door::Open(Server::start_at(place, Arc::new(Service::new(Arc::clone(&state))))?)
        };
        let address = match &door {
            Door::Open(server) => server.address(),
            Door::Closed(socket) => socket.local_addr()?,
        };
        let following = runtime::handle().spawn(follow::follow(Arc::clone(&state))).abort_handle();
        Ok(Self { state, address, door: Some(door), following })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.state.setup.name
    }

    /// Its token.
    pub fn token(&self) -> &str {
        &self.state.setup.token
    }

    /// The sha it reports; `None` before it booted.
    pub fn version(&self) -> Option<String> {
        self.state.version()
    }

    /// What it runs; `None` before it booted. `digest` is empty for `Follow::Fixed`.
    pub fn running(&self) -> Option<Running> {
        self.state.running()
    }

    /// Waits until it reports `sha`; gives up after `within` (wall time) and then says `false`.
    pub fn runs(&self, sha: &str, within: Duration) -> bool {
        let (state, sha) = (Arc::clone(&self.state), sha.to_owned());
        runtime::wait(async move { state.runs(&sha, within).await })
    }

    /// Every request it got, in order, with the Authorization as sent.
    pub fn requests(&self) -> Vec<Asked> {
        self.state.asked()
    }

    /// Forgets the requests.
    pub fn clear_requests(&self) {
        self.state.forget_asked();
    }

    /// Everything that was made and not deleted.
    pub fn leftovers(&self) -> Leftovers {
        self.state.leftovers()
    }

    /// Closes the port and stops looking at the registry; what was recorded can still be read.
    pub fn stop(&mut self) {
        self.following.abort();
        self.door = None;
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        self.following.abort();
    }
}
