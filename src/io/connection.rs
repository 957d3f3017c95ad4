//! What it means that no connection came about.

use std::error::Error;

use reqwest::ClientBuilder;

/// Why there is no connection to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoConnection {
    /// Its name has no address, in the words of the resolver.
    Unresolved(String),
    /// Its certificate was refused, in the words of the TLS library.
    Untrusted(String),
    /// It answered to TLS with something else: most likely plain HTTP.
    NoTls,
    /// Anything else, in the words of the deepest cause.
    Broken(String),
}

impl NoConnection {
    /// Reads the causes of `error`. The libraries give no types for them that could be named here, so their words
    /// decide: hyper-util's `dns error`, rustls's `invalid peer certificate` and `InvalidContentType`.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut unresolved = false;
        for cause in causes(error) {
            let words = cause.to_string();
            unresolved |= words == "dns error";
            if let Some(why) = words.strip_prefix("invalid peer certificate: ") {
                return Self::Untrusted(why.to_owned());
            }
            if words.contains("InvalidContentType") {
                return Self::NoTls;
            }
        }
        let why = deepest(error);
        if unresolved { Self::Unresolved(why) } else { Self::Broken(why) }
    }
}

/// The last cause of an error: the others name layers, this one names what happened.
pub(crate) fn deepest(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let (mut causes, mut next) = (vec![error], error.source());
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    causes
}

/// A client for requests that carry a credential: nothing follows a redirect by itself, and nothing tells one host what
/// was asked of another.
pub(crate) fn client() -> ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .user_agent(concat!("coalmine/", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests {
    use super::NoConnection;
    use std::io::Error;

    #[test]
    fn the_causes_tell_a_name_from_a_certificate_and_from_a_server_without_tls() {
        let untrusted = Error::other(Error::other("invalid peer certificate: UnknownIssuer"));
        assert_eq!(NoConnection::of(&untrusted), NoConnection::Untrusted("UnknownIssuer".to_owned()));
        let plain = Error::other("received corrupt message of type InvalidContentType");
        assert_eq!(NoConnection::of(&plain), NoConnection::NoTls);
        let refused = Error::from(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(NoConnection::of(&refused), NoConnection::Broken("connection refused".to_owned()));
    }
}
