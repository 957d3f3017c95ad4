//! Where images live.

use std::fmt;
use std::str::FromStr;

use super::as_text::as_text;
use crate::base::text::{escape, without_login};

/// `host[:port]` of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Registry(String);

impl Registry {
    /// `host[:port]` as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without the port.
    pub fn host(&self) -> &str {
        match self.0.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self.0.split(':').next().unwrap_or(&self.0),
        }
    }

    /// Whether the host is this machine: localhost, 127.0.0.0/8 or `[::1]`, where plain HTTP needs no asking.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl FromStr for Registry {
    type Err = NotARepository;
    fn from_str(text: &str) -> Result<Self, NotARepository> {
        let refuse = |why| NotARepository { text: escape(&without_login(text), 200), why };
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (ip, after) =
                    rest.split_once(']').ok_or_else(|| refuse("an IPv6 address needs a closing `]`"))?;
                ip.parse::<std::net::Ipv6Addr>()
                    .map_err(|_| refuse("no IPv6 address stands between `[` and `]`"))?;
                ("ipv6", after.strip_prefix(':').or((!after.is_empty()).then_some("not a port")))
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let label = |l: &str| {
            !l.is_empty()
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !host.split('.').all(label) {
            return Err(refuse("the registry is not a host name"));
        }
        // `parse` takes a sign too.
        let number = |p: &str| p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok();
        if port.is_some_and(|p| !number(p)) {
            return Err(refuse("the port is not a number up to 65535"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A registry and a name in it, by the grammar of the OCI distribution specification 1.1. A name without a host
/// means Docker Hub, and one without a slash its `library`, as in every other tool.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    registry: Registry,
    name: String,
}

impl Repository {
    /// Host and port of the registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The name within the registry, without the host.
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a repository: {why}")]
pub struct NotARepository {
    text: String,
    why: &'static str,
}

impl FromStr for Repository {
    type Err = NotARepository;
    fn from_str(text: &str) -> Result<Self, NotARepository> {
        let refuse = |why| NotARepository { text: escape(&without_login(text), 300), why };
        if text.contains("://") {
            return Err(refuse("write it without a scheme, as in `ghcr.io/acme/platform`"));
        }
        if text.contains('@') || text.rsplit('/').next().is_some_and(|last| last.contains(':')) {
            return Err(refuse("leave out tag and digest, as in `ghcr.io/acme/platform`"));
        }
        // The grammar is that of `oci-client`, which knows no IPv6 address: a host without one stands in for it.
        let (ip, named) = match text.split_once('/') {
            Some((ip, name)) if ip.starts_with('[') => (Some(ip), format!("localhost/{name}")),
            _ => (None, text.to_owned()),
        };
        let reference = oci_client::Reference::try_from(named).map_err(|e| {
            refuse(match e {
                oci_client::ParseError::NameTooLong => "a name has at most 255 characters",
                _ => "a name has lowercase letters, digits, and single `.`, `_`, `__` or `-` between them",
            })
        })?;
        let registry = ip.unwrap_or(reference.registry()).parse()?;
        Ok(Self { registry, name: reference.repository().to_owned() })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.name)
    }
}

as_text!(Repository);

#[cfg(test)]
mod tests {
    use super::{Registry, Repository};

    #[test]
    fn reads_repositories_as_every_other_tool_does() {
        for (text, shown) in [
            ("ghcr.io/acme/platform", "ghcr.io/acme/platform"),
            ("localhost:5000/a/b/c", "localhost:5000/a/b/c"),
            ("127.0.0.1:5000/app", "127.0.0.1:5000/app"),
            ("[::1]:5000/app", "[::1]:5000/app"),
            ("localhost/app", "localhost/app"),
            ("acme/platform", "docker.io/acme/platform"),
            ("alpine", "docker.io/library/alpine"),
            ("docker.io/alpine", "docker.io/library/alpine"),
            ("index.docker.io/acme/platform", "docker.io/acme/platform"),
            ("ghcr.io/a/b--c__d.e-f", "ghcr.io/a/b--c__d.e-f"),
        ] {
            assert_eq!(text.parse::<Repository>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn refuses_what_is_no_repository() {
        for bad in [
            "",
            "ghcr.io/",
            "ghcr.io/A/b",
            "ghcr.io/a//b",
            "ghcr.io/a:latest",
            "ghcr.io/a@sha256:00",
            "https://ghcr.io/a",
            "host:99999/a",
            "host:+80/a",
            "ghcr.io/-a",
            "ghcr.io/a..b",
            "ghcr.io/a___b",
            "[::1/a",
            "localhost:5000",
            "ghcr.io/\u{e9}",
            "ghcr.io/a@b",
            "a b/c",
        ] {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }

    #[test]
    fn knows_this_machine() {
        for (text, loopback) in [
            ("localhost:5000", true),
            ("127.8.9.1", true),
            ("[::1]:80", true),
            ("10.0.0.1", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
        ] {
            assert_eq!(text.parse::<Registry>().unwrap().is_loopback(), loopback, "{text}");
        }
    }
}
