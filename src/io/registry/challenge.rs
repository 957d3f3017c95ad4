//! What a registry asks for with a 401: RFC 7235 challenges, and the distribution token specification.

use http_auth::parse_challenges;
use reqwest::Url;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use crate::base::text;
use crate::model::repository::Registry;

/// The scheme that a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// User and password with every request (RFC 7617).
    Basic,
    /// A token from `realm` for `service`.
    Bearer {
        /// Where tokens are handed out; already checked against the registry.
        realm: Url,
        /// The registry's name at that place.
        service: Option<String>,
    },
}

/// Reads the challenge of a 401 answer. Bearer is preferred: a registry that offers both means it.
///
/// # Errors
/// There is no challenge that can be answered, or tokens are to be fetched from a place where no credential may go.
pub fn read(headers: &HeaderMap, registry: &Registry, plain: bool) -> Result<Challenge, String> {
    let mut basic = false;
    for header in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(header) = header.to_str() else { continue };
        for challenge in parse_challenges(header).unwrap_or_default() {
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                basic = true;
            }
            if !challenge.scheme.eq_ignore_ascii_case("bearer") {
                continue;
            }
            let param = |name: &str| {
                challenge
                    .params
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.to_unescaped())
            };
            let realm = param("realm").ok_or("a Bearer challenge without a realm")?;
            return Ok(Challenge::Bearer {
                realm: checked(&realm, registry, plain)?,
                service: param("service"),
            });
        }
    }
    if basic { Ok(Challenge::Basic) } else { Err("no Basic or Bearer challenge".to_owned()) }
}

/// A realm gets our password: it has to speak TLS, unless the registry itself is one that we speak plain HTTP to,
/// and then only on that registry's host or on this machine.
fn checked(realm: &str, registry: &Registry, plain: bool) -> Result<Url, String> {
    let refuse = |why: &str| format!("the token realm `{}` {why}", text::escape(realm, 200));
    let url = Url::parse(realm).map_err(|_| refuse("is not a URL"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let near = host == registry.host() || host.parse::<Registry>().is_ok_and(|r| r.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain && near => Ok(url),
        _ => Err(refuse("is not https: no credential is sent there")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Challenge, read};
    use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

    fn ask(header: &str, registry: &str, plain: bool) -> Result<Challenge, String> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_str(header).unwrap());
        read(&headers, &registry.parse().unwrap(), plain)
    }

    #[test]
    fn reads_what_registries_send() {
        let ghcr =
            r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#;
        let Ok(Challenge::Bearer { realm, service }) = ask(ghcr, "ghcr.io", false) else {
            panic!("a Bearer challenge")
        };
        assert_eq!((realm.as_str(), service.as_deref()), ("https://ghcr.io/token", Some("ghcr.io")));
        assert_eq!(ask(r#"Basic realm="Registry""#, "ghcr.io", false), Ok(Challenge::Basic));
        assert!(ask("Negotiate", "ghcr.io", false).is_err());
    }

    #[test]
    fn no_credential_goes_to_a_realm_without_tls() {
        let at = |realm: &str| format!(r#"Bearer realm="{realm}",service="x""#);
        assert!(ask(&at("http://ghcr.io/token"), "ghcr.io", false).is_err());
        assert!(ask(&at("ftp://ghcr.io/token"), "ghcr.io", false).is_err());
        assert!(ask(&at("http://169.254.169.254/token"), "registry.test:5000", true).is_err());
        assert!(ask(&at("http://registry.test/token"), "registry.test:5000", true).is_ok());
        assert!(ask(&at("http://127.0.0.1:9/token"), "localhost:5000", true).is_ok());
    }
}
