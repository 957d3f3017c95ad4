//! Who may do what: the accounts of a registry and how clients prove themselves.

use std::time::Duration;

/// How clients prove who they are.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Everybody may do everything. With a real upstream, Authorization is passed on to it.
    #[default]
    None,
    Basic(Access),
    /// A challenge, a token endpoint at `/token`, opaque bearer tokens.
    Bearer(Bearer),
}

#[derive(Clone, Debug, Default)]
pub struct Access {
    pub users: Vec<User>,
    pub anonymous_pull: bool,
}

#[derive(Clone, Debug)]
pub struct User {
    pub name: String,
    pub password: String,
    /// Refresh token accepted by `POST /token` with `grant_type=refresh_token`.
    pub identity_token: Option<String>,
    grants: Vec<(String, Vec<String>)>,
}

/// The JSON key under which `/token` answers a GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenKey {
    /// `token`, as most registries.
    #[default]
    Token,
    /// `access_token`, as some.
    AccessToken,
}

#[derive(Clone, Debug, Default)]
pub struct Bearer {
    pub access: Access,
    /// How long a token works; `None`: for ever.
    pub lifetime: Option<Duration>,
    /// Whether the answer says so in `expires_in` (GHCR does not).
    pub tells_lifetime: bool,
    /// Where the token stands in the answer.
    pub key: TokenKey,
}

impl User {
    /// An account that may do everything.
    pub fn new(name: &str, password: &str) -> Self {
        Self { name: name.into(), password: password.into(), identity_token: None, grants: Vec::new() }
    }

    /// Restricts the account to what was named so: `actions` of `pull`, `push`, `delete`, comma-separated, on
    /// `repository` (a name, or `prefix/*`, or `*`). Repeat for more.
    pub fn may(mut self, actions: &str, repository: &str) -> Self {
        let actions = actions.split(',').map(|action| action.trim().to_owned()).collect();
        self.grants.push((repository.into(), actions));
        self
    }

    pub fn identity_token(mut self, token: &str) -> Self {
        self.identity_token = Some(token.into());
        self
    }

    /// Whether the account may do `action` on `repository`.
    pub(super) fn allows(&self, repository: &str, action: &str) -> bool {
        self.grants.is_empty()
            || self.grants.iter().any(|(pattern, actions)| {
                let fits = match pattern.strip_suffix('*') {
                    Some(prefix) => repository.starts_with(prefix),
                    None => pattern == repository,
                };
                fits && actions.iter().any(|granted| granted == action)
            })
    }
}

impl Access {
    /// One account that may do everything; nothing for anonymous.
    pub fn user(name: &str, password: &str) -> Self {
        Self { users: vec![User::new(name, password)], anonymous_pull: false }
    }

    pub(super) fn login(&self, name: &str, password: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name && user.password == password)
    }

    pub(super) fn identity(&self, token: &str) -> Option<&User> {
        self.users.iter().find(|user| user.identity_token.as_deref() == Some(token))
    }
}
