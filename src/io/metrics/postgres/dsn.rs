//! Connection strings as other libraries write them.

use std::path::PathBuf;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use url::form_urlencoded::{Serializer, parse};

/// Where a database is, and whom its certificate is checked against.
#[derive(Debug)]
pub(super) struct Dsn {
    pub(super) config: Config,
    /// Certificate authorities in PEM instead of the system's.
    pub(super) root: Option<PathBuf>,
}

/// Options that a driver of ours takes as they are.
const KNOWN: [&str; 12] = [
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "host",
    "hostaddr",
    "port",
    "connect_timeout",
    "target_session_attrs",
    "keepalives",
    "keepalives_idle",
];

/// Reads `postgresql://...`, `postgresql+asyncpg://...` or `host=... dbname=...`. Options that only another driver knows
/// (`prepared_statement_cache_size`, `pgbouncer`) are left out. `None` if it is neither; no word of it is shown, since a
/// password may stand anywhere in a text that was not understood.
pub(super) fn read(text: &str) -> Option<Dsn> {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once("://") else {
        return Some(Dsn { config: text.parse().ok()?, root: None });
    };
    let plain = scheme.split('+').next().unwrap_or_default();
    if plain != "postgresql" && plain != "postgres" {
        return None;
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut kept = Serializer::new(String::new());
    let (mut mode, mut root) = (None, None);
    for (name, value) in parse(query.as_bytes()) {
        match name.as_ref() {
            "ssl" | "sslmode" => mode = Some(ssl_mode(&value)?),
            "sslrootcert" if value != "system" => root = Some(PathBuf::from(value.into_owned())),
            known if KNOWN.contains(&known) => {
                kept.append_pair(known, &value);
            }
            _ => {}
        }
    }
    // The driver reads `+` as itself, not as a space.
    let query = kept.finish().replace('+', "%20");
    let mut config: Config = format!("postgresql://{place}?{query}").parse().ok()?;
    if let Some(mode) = mode {
        config.ssl_mode(mode);
    }
    Some(Dsn { config, root })
}

/// A certificate is always checked, so all modes that ask for encryption are one.
fn ssl_mode(value: &str) -> Option<SslMode> {
    match value {
        "disable" | "false" => Some(SslMode::Disable),
        "allow" | "prefer" => Some(SslMode::Prefer),
        "require" | "verify-ca" | "verify-full" | "true" => Some(SslMode::Require),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use tokio_postgres::config::{Host, SslMode};

    #[test]
    fn strings_of_other_libraries_are_understood() {
        for (text, host, mode) in [
            ("postgresql://u:p@db.example:5433/app", "db.example", SslMode::Prefer),
            ("postgresql+asyncpg://u:p@db.example/app?ssl=require", "db.example", SslMode::Require),
            (
                "postgres://u:p@db.example/app?sslmode=verify-full&pgbouncer=true",
                "db.example",
                SslMode::Require,
            ),
            (
                "postgresql://db.example/app?channel_binding=require&application_name=a%20b",
                "db.example",
                SslMode::Prefer,
            ),
            ("host=db.example user=u dbname=app sslmode=disable", "db.example", SslMode::Disable),
        ] {
            let dsn = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(dsn.config.get_hosts(), [Host::Tcp(host.to_owned())], "{text}");
            assert_eq!(dsn.config.get_ssl_mode(), mode, "{text}");
        }
        let socket = read("postgresql:///app?host=%2Frun%2Fpg&user=me").unwrap();
        assert_eq!(socket.config.get_hosts(), [Host::Unix("/run/pg".into())]);
        assert_eq!(socket.config.get_user(), Some("me"));
        let own = read("postgresql://db.example/app?sslrootcert=/etc/ca.pem&sslmode=verify-ca").unwrap();
        assert_eq!(own.root.as_deref(), Some(std::path::Path::new("/etc/ca.pem")));
        for text in
            ["", "mysql://db.example/app", "postgresql://db.example/app?sslmode=perhaps", "db.example"]
        {
            assert!(read(text).is_none_or(|dsn| dsn.config.get_hosts().is_empty()), "{text}");
        }
    }
}
