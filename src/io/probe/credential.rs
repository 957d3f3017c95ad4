//! A token on its way into a header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;

use crate::base::secret::Secret;
use crate::policy::smoke::suite::{Auth, Scheme};

/// Whether, how and whose token is sent.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    auth: &'a Auth,
    own: &'a Secret,
    stranger: &'a Secret,
}

impl<'a> Credential<'a> {
    /// What `auth` asks for, with the tenant's own token and a random one.
    pub fn new(auth: &'a Auth, own: &'a Secret, stranger: &'a Secret) -> Self {
        Self { auth, own, stranger }
    }

    /// The header, marked so that no layer below shows it; `None`: no token is sent.
    pub(super) fn header(&self) -> Option<(&str, HeaderValue)> {
        let (scheme, token) = match self.auth {
            Auth::None => return None,
            Auth::Own(scheme) => (scheme, self.own.expose()),
            Auth::Stranger(scheme) => (scheme, self.stranger.expose()),
        };
        let (name, text) = match scheme {
            Scheme::Bearer => ("authorization", format!("Bearer {token}")),
            Scheme::Basic => ("authorization", format!("Basic {}", STANDARD.encode(pair(token)))),
            Scheme::Header(name) => (name.as_str(), token.to_owned()),
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }

    /// What is sent, in a word.
    pub(super) fn kind(&self) -> &'static str {
        match self.auth {
            Auth::None => "no token",
            Auth::Own(_) => "own token",
            Auth::Stranger(_) => "random token",
        }
    }
}

/// `user:password`; a token without a colon is a user without password.
fn pair(token: &str) -> String {
    if token.contains(':') { token.to_owned() } else { format!("{token}:") }
}
