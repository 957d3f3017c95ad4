//! A pretend tenant: follows a tag in a registry, runs what it finds and serves the API of the example smoke
//! suites, well or badly.
//!
//! It "runs" an image by reading the revision label of its config; nothing is executed.

mod api;
mod balancer;
mod fault;
mod follow;
mod inject;
mod pull;
mod state;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::task::AbortHandle;

use self::api::Service;
use self::state::State;
use crate::runtime;
use crate::wire::Server;

pub use self::balancer::Balancer;
pub use self::fault::{ParseTenantFault, TenantFault};
pub use self::state::{Asked, Leftovers, Running};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follow {
    Tag(String),
    /// On start the newest `staging-*` tag by the created label, then every one that was not there before.
    NewestStaging,
    /// This sha, without any registry.
    Fixed(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All but `GET /admin/liveness` and `GET /health`, so that a readiness gate opens and the checks see the
    /// fault. Faults that are about liveness itself (open authentication, wrong build, hang, refused
    /// connection, late boot, duplicate keys) spoil it all the same.
    #[default]
    SpareLiveness,
    Everything,
}

#[derive(Clone, Debug)]
pub struct TenantSetup {
    /// Name, as `/health` tells it.
    pub name: String,
    /// Registry as `host:port`, plain HTTP.
    pub registry: String,
    pub repository: String,
    /// User name and password for the registry, where it asks for some (Basic or bearer).
    pub login: Option<(String, String)>,
    pub follow: Follow,
    pub every: Duration,
    /// The bearer token its API asks for.
    pub token: String,
    /// A fault of the tenant itself; it outranks one that comes with the image.
    pub fault: Option<TenantFault>,
    pub reach: Reach,
    /// From finding a new image to serving it; the old one serves meanwhile, and before the first 503.
    pub boot_delay: Duration,
    pub latency: Duration,
    /// Where it listens: an address of the loopback network.
    pub address: Ipv4Addr,
    /// Port at that address; 0 takes any free one.
    pub port: u16,
}

impl Default for TenantSetup {
    fn default() -> Self {
        Self {
            name: "tenant".into(),
            registry: String::new(),
            repository: String::new(),
            login: None,
            follow: Follow::Tag("latest".into()),
            every: Duration::from_millis(100),
            token: "sandbox-token".into(),
            fault: None,
            reach: Reach::default(),
            boot_delay: Duration::ZERO,
            latency: Duration::ZERO,
            address: Ipv4Addr::LOCALHOST,
            port: 0,
        }
    }
}

impl TenantSetup {
    /// A tenant that runs `sha` and needs no registry.
    pub fn fixed(sha: &str) -> Self {
        Self { follow: Follow::Fixed(sha.into()), ..Self::default() }
    }

    /// A tenant that runs whatever `tag` of `repository` in the registry at `host` points at.
    pub fn follow_tag(host: &str, repository: &str, tag: &str) -> Self {
        Self {
            registry: host.into(),
            repository: repository.into(),
            follow: Follow::Tag(tag.into()),
            ..Self::default()
        }
    }

    pub fn fault(mut self, fault: TenantFault) -> Self {
        self.fault = Some(fault);
        self
    }
}

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
    address: SocketAddr,
    door: Option<Door>,
    following: AbortHandle,
}

impl Tenant {
    /// Starts a tenant.
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

    pub fn name(&self) -> &str {
        &self.state.setup.name
    }

    pub fn token(&self) -> &str {
        &self.state.setup.token
    }

    /// The sha it reports; `None` before it booted.
    pub fn version(&self) -> Option<String> {
        self.state.version()
    }

    /// What it runs; `None` before it booted. `digest` is empty for [`Follow::Fixed`].
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

    pub fn clear_requests(&self) {
        self.state.forget_asked();
    }

    /// Memories and conversations that were made and not deleted.
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
