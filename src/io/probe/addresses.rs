//! Which addresses a tenant's name has, and which of them this machine can reach.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use url::{Host, Url};

use super::connection::Known;
use crate::io::proxy::Proxies;

/// `EAFNOSUPPORT`, for which the standard library has no name: 97 on Linux, 47 on macOS.
const NO_SUCH_FAMILY: [i32; 2] = [97, 47];

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// A proxy of the environment passes it on, to whichever address it takes.
    Proxied,
    /// The addresses of the tenant's name.
    Direct {
        /// Those that this machine has a route to.
        routed: Vec<IpAddr>,
        unrouted: Vec<IpAddr>,
    },
}

/// Looks up who answers requests to `url`. `known` learns the addresses of its name.
pub(super) async fn lookup(url: &Url, proxies: Option<&Proxies>, known: &Known) -> Result<Addresses, String> {
    if proxies.and_then(|proxies| proxies.on_the_way_to(url)).is_some() {
        return Ok(Addresses::Proxied);
    }
    let all = match url.host() {
        Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
        Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
        Some(Host::Domain(name)) => {
            let all = resolve(name, url.port_or_known_default().unwrap_or(0)).await?;
            known.learn(name, &all);
            all
        }
        None => Vec::new(),
    };
    let (routed, unrouted) = all.into_iter().partition(|address| has_route(*address));
    Ok(Addresses::Direct { routed, unrouted })
}

async fn resolve(name: &str, port: u16) -> Result<Vec<IpAddr>, String> {
    let found = tokio::net::lookup_host((name, port)).await.map_err(|e| format!("{name}: {e}"))?;
    let mut all: Vec<IpAddr> = Vec::new();
    for address in found.map(|socket| socket.ip()) {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    Ok(all)
}

/// Whether the system knows a way to `address`. Connecting a UDP socket asks for the way and sends nothing. Whatever
/// else is wrong is found when the address is asked.
fn has_route(address: IpAddr) -> bool {
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    // Port 9 is that of the discard service (RFC 863).
    match UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((address, 9))) {
        Ok(()) => true,
        Err(error) => !is_no_route(&error),
    }
}

fn is_no_route(error: &std::io::Error) -> bool {
    let kinds = [ErrorKind::NetworkUnreachable, ErrorKind::HostUnreachable, ErrorKind::AddrNotAvailable];
    kinds.contains(&error.kind()) || error.raw_os_error().is_some_and(|code| NO_SUCH_FAMILY.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::{has_route, is_no_route};
    use std::io::Error;

    #[test]
    fn an_address_of_this_machine_has_a_route() {
        assert!(has_route([127, 0, 0, 1].into()));
    }

    /// Codes of Linux: ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT; EMFILE and ECONNREFUSED.
    #[cfg(target_os = "linux")]
    #[test]
    fn only_errors_about_the_way_say_that_there_is_none() {
        for code in [101, 113, 99, 97] {
            assert!(is_no_route(&Error::from_raw_os_error(code)), "{code}");
        }
        for code in [24, 111] {
            assert!(!is_no_route(&Error::from_raw_os_error(code)), "{code}");
        }
    }
}
