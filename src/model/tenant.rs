//! Canary tenants: who is asked, where, and with which token.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use url::Url;

use crate::base::secret::Secret;

/// How a tenant is called in reports: letters, digits and `.` `-` `_` `:` `/` `[` `]`, at most 200 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TenantName(String);

/// Why a text is no tenant's name. The text is not repeated: it may be a token at the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a tenant's name: expected up to 200 letters, digits, `.`, `-`, `_`")]
pub struct NotATenantName;

impl TenantName {
    /// The name as reports show it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The environment variable that holds the token of a tenant so named: upper case, all but letters and digits `_`.
    pub fn token_variable(&self) -> String {
        let name: String = self
            .0
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        format!("CANARY_TOKEN_{name}")
    }
}

impl FromStr for TenantName {
    type Err = NotATenantName;
    fn from_str(text: &str) -> Result<Self, NotATenantName> {
        let good =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '[' | ']');
        if (1..=200).contains(&text.len()) && text.chars().all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotATenantName)
        }
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a tenant is: `http` or `https`, a host, perhaps a port and a path; no user, query or fragment. Two of them
/// are equal when requests to them are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TenantUrl(Url);

/// Why a text is no tenant's URL. Nothing of it is repeated: it may be a token at the wrong place, or hold one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotATenantUrl {
    #[error("is not a URL: expected `https://host` with an optional port and path")]
    Unreadable,
    #[error("is not a tenant's URL: expected the scheme `https` or `http`")]
    Scheme,
    /// A login in front of the host.
    #[error("carries a user name or password: a tenant's secret is given as its token")]
    User,
    #[error("is not a tenant's URL: expected no `?` and no `#`; a tenant's secret is given as its token")]
    Tail,
}

impl TenantUrl {
    /// The URL of `target`, a path with an optional query that begins with `/`, below this one. `None` if it would
    /// leave the tenant: another origin, or a path that climbs.
    pub fn join(&self, target: &str) -> Option<Url> {
        let base = self.0.as_str().trim_end_matches('/');
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let climbs = path.split('/').any(|segment| {
            let plain = segment.to_ascii_lowercase().replace("%2e", ".");
            plain == "." || plain == ".."
        });
        if !target.starts_with('/') || climbs || path.contains('\\') {
            return None;
        }
        Url::parse(&format!("{base}{target}")).ok().filter(|url| url.origin() == self.0.origin())
    }

    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Host, port and path: what tells tenants apart.
    pub fn place(&self) -> &str {
        let text = self.0.as_str().trim_end_matches('/');
        text.split_once("://").map_or(text, |(_, place)| place)
    }

    /// The scheme, host and port, as `https://host:port`.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Whether a token would travel unencrypted over a network.
    pub fn is_exposed(&self) -> bool {
        let loopback = match self.0.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        self.0.scheme() == "http" && !loopback
    }
}

impl FromStr for TenantUrl {
    type Err = NotATenantUrl;
    fn from_str(text: &str) -> Result<Self, NotATenantUrl> {
        let mut url = Url::parse(text).map_err(|_| NotATenantUrl::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(NotATenantUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotATenantUrl::User);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(NotATenantUrl::Tail);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }
}

impl fmt::Display for TenantUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Serialize for TenantUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One canary tenant. `Debug` shows no token, and there is no way to serialise one.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub name: TenantName,
    /// The base URL that its requests start with.
    pub url: TenantUrl,
    /// What opens it; sent to its own origin only.
    pub token: Secret,
}

#[cfg(test)]
mod tests {
    use super::{TenantName, TenantUrl};

    #[test]
    fn a_url_is_one_name_for_one_place_and_carries_no_secret() {
        let url = |text: &str| text.parse::<TenantUrl>();
        assert_eq!(url("https://Canary.example:443/"), url("https://canary.example"));
        assert_eq!(url("http://h:81/a/").unwrap().to_string(), "http://h:81/a");
        for bad in [
            "",
            "hunter2",
            "hunter2:x",
            "ftp://hunter2",
            "https://u:hunter2@h",
            "https://h?x=hunter2",
            "https://h#hunter2",
            "https://",
            "https://hunter2:x",
        ] {
            let error = url(bad).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn no_target_leaves_the_tenant() {
        let base: TenantUrl = "https://h/a".parse().unwrap();
        assert_eq!(base.join("/x?q=1").unwrap().as_str(), "https://h/a/x?q=1");
        for bad in ["x", "@evil/", ".evil", "/../x", "/%2e%2E/x", "/a/./b", "/a\\b"] {
            assert_eq!(base.join(bad), None, "{bad}");
        }
        assert_eq!(base.join("//evil/x").unwrap().host_str(), Some("h"));
    }

    #[test]
    fn a_name_says_where_its_token_is() {
        let name: TenantName = "canary-mcp.eu".parse().unwrap();
        assert_eq!(name.token_variable(), "CANARY_TOKEN_CANARY_MCP_EU");
        assert!("a b".parse::<TenantName>().is_err());
    }
}
