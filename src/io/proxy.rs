//! The way to a host: straight, or through the proxy that the environment names. Never to this machine.

use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, Proxy};
use url::Url;

use super::env::Env;

/// What is never reached through a proxy, whatever the variables say: a tenant or registry on this machine, whose
/// tokens would travel to the proxy and come back.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1";

/// The proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY`, each also in lower case, and the hosts
/// that `NO_PROXY` takes out.
#[derive(Clone)]
pub(crate) struct Proxies(Arc<Inner>);

struct Inner {
    matcher: Matcher,
    http: String,
    https: String,
}

impl Proxies {
    pub(crate) fn of(env: &Env) -> Self {
        let first = |names: [&str; 4]| names.into_iter().find_map(|name| env.get(name)).unwrap_or_default();
        let http = first(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]).to_owned();
        let https = first(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]).to_owned();
        let no = first(["NO_PROXY", "no_proxy", "", ""]);
        let matcher = Matcher::builder().http(http.as_str()).https(https.as_str());
        let matcher = matcher.no(format!("{THIS_MACHINE},{no}")).build();
        Self(Arc::new(Inner { matcher, http, https }))
    }

    /// Makes the client that is built go these ways and no other.
    pub(crate) fn lead(&self, builder: ClientBuilder) -> ClientBuilder {
        let proxies = self.clone();
        let through = move |url: &Url| {
            proxies.on_the_way_to(url)?;
            Some(if url.scheme() == "https" { proxies.0.https.clone() } else { proxies.0.http.clone() })
        };
        builder.proxy(Proxy::custom(through))
    }

    /// `host:port` of the proxy through which `url` is reached; `None`: it is reached straight.
    pub(crate) fn on_the_way_to(&self, url: &Url) -> Option<String> {
        let proxy = self.0.matcher.intercept(&url.as_str().parse().ok()?)?;
        Some(proxy.uri().authority()?.to_string())
    }
}

/// Whether the host of `url` is this machine: localhost, `127.0.0.0/8` or `[::1]`.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Env, Proxies, is_this_machine};

    #[test]
    fn a_host_is_reached_through_the_proxy_of_its_scheme_and_this_machine_never() {
        let env = Env::of([
            ("HTTPS_PROXY", "http://ann:word@proxy.example:3128"),
            ("all_proxy", "other.example:1080"),
            ("NO_PROXY", "inside.example, 10.0.0.0/8"),
        ]);
        let proxies = Proxies::of(&env);
        for (url, proxy) in [
            ("https://ghcr.io/v2/", Some("proxy.example:3128")),
            ("http://ghcr.io/v2/", Some("other.example:1080")),
            ("https://registry.inside.example/", None),
            ("https://10.1.2.3:5000/", None),
            ("http://localhost:5000/", None),
            ("http://127.8.9.1/", None),
            ("https://[::1]:5000/", None),
            ("http://localhost.evil.example/", Some("other.example:1080")),
        ] {
            assert_eq!(proxies.on_the_way_to(&url.parse().unwrap()).as_deref(), proxy, "{url}");
        }
        let none = Proxies::of(&Env::of([("HTTPS_PROXY", "")]));
        assert_eq!(none.on_the_way_to(&"https://ghcr.io/".parse().unwrap()), None);
    }

    #[test]
    fn knows_this_machine() {
        for (url, this) in [
            ("http://localhost:1/", true),
            ("http://127.1.2.3/", true),
            ("http://[::1]/", true),
            ("http://127.evil.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_this_machine(&url.parse().unwrap()), this, "{url}");
        }
    }
}
