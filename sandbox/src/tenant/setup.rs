//! What tenant to start.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::fault::TenantFault;

/// The user who can log in, and the OAuth client.
pub const USER: &str = "canary";

/// What a tenant runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Whatever this tag points at.
    Tag(String),
    /// On start the newest `staging-*` tag by the created label, then every one that was not there before.
    NewestStaging,
    /// This sha, without any registry.
    Fixed(String),
}

/// Which requests a fault spoils.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All but `GET /admin/liveness` and `GET /health`, so that a readiness gate opens and the checks see the
    /// fault. Faults that are about liveness itself (open authentication, wrong build, hang, refused
    /// connection, late boot, duplicate keys) spoil it all the same.
    #[default]
    SpareLiveness,
    /// All.
    Everything,
}

/// What tenant to start.
#[derive(Clone, Debug)]
pub struct TenantSetup {
    /// Name, as `/health` tells it.
    pub name: String,
    /// Registry as `host:port`, plain HTTP.
    pub registry: String,
    /// Repository to pull from.
    pub repository: String,
    /// User name and password for the registry, where it asks for some (Basic or bearer).
    pub login: Option<(String, String)>,
    /// What to run.
    pub follow: Follow,
    /// How often it looks.
    pub every: Duration,
    /// The bearer token its API asks for.
    pub token: String,
    /// A fault of the tenant itself; it outranks one that comes with the image.
    pub fault: Option<TenantFault>,
    /// Which requests a fault spoils.
    pub reach: Reach,
    /// From finding a new image to serving it; the old one serves meanwhile, and before the first 503.
    pub boot_delay: Duration,
    /// Added before every answer.
    pub latency: Duration,
    /// From a commit to the search that finds it.
    pub index_lag: Duration,
    /// Password of the user [`USER`].
    pub password: String,
    /// Secret of the OAuth client [`USER`].
    pub client_secret: String,
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
            index_lag: Duration::ZERO,
            password: "sandbox-password".into(),
            client_secret: "sandbox-client-secret".into(),
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

    /// With this fault.
    pub fn fault(mut self, fault: TenantFault) -> Self {
        self.fault = Some(fault);
        self
    }
}
