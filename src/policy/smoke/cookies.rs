//! Cookies of one tenant, as far as a check needs them (RFC 6265): what an answer sets is sent with later requests.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use url::{Host, Url};

/// The most cookies that are kept, and bytes of one (RFC 6265, section 6.1: at least 50 of 4096 bytes).
const KEPT: usize = 100;
const COOKIE_BYTES: usize = 8 * 1024;

/// A `Set-Cookie` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetCookie<'h> {
    /// The cookie's name.
    pub name: &'h str,
    /// Its value, without the quotes around it.
    pub value: &'h str,
    attributes: &'h str,
}

impl<'h> SetCookie<'h> {
    /// Reads the value of one header; `None`: it sets nothing.
    pub fn parse(header: &'h str) -> Option<Self> {
        let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        (!name.is_empty() && header.len() <= COOKIE_BYTES).then_some(Self { name, value, attributes })
    }

    /// The value of the last attribute `name`; empty if it has none.
    fn attribute(&self, name: &str) -> Option<&'h str> {
        let mut attributes =
            self.attributes.split(';').map(|part| part.split_once('=').unwrap_or((part, "")));
        attributes.rfind(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
    }

    /// Whether it takes the cookie away. `Max-Age` outranks `Expires`; a time that cannot be read counts for nothing.
    fn is_over(&self, now: Timestamp) -> bool {
        if let Some(seconds) = self.attribute("max-age").and_then(|text| text.parse::<i64>().ok()) {
            return seconds <= 0;
        }
        let expires = self.attribute("expires").map(|text| text.replace('-', " "));
        expires.and_then(|text| rfc2822::parse(&text).ok()).is_some_and(|time| time.timestamp() <= now)
    }
}

/// What a tenant has set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jar(Vec<Cookie>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    path: String,
    secure: bool,
}

impl Jar {
    /// Takes in what an answer to a request for `url` sets, and gives the values back: they may be credentials.
    pub fn take(&mut self, headers: &[(String, String)], url: &Url, now: Timestamp) -> Vec<String> {
        let lines = headers.iter().filter(|(name, _)| name == "set-cookie");
        let mut values = Vec::new();
        for set in lines.filter_map(|(_, line)| SetCookie::parse(line)) {
            let domain = set.attribute("domain").unwrap_or_default().trim_start_matches('.');
            if !domain.is_empty() && !url.host_str().is_some_and(|host| belongs(host, domain)) {
                continue;
            }
            let path = set.attribute("path").filter(|path| path.starts_with('/'));
            let path = path.map_or_else(|| directory(url.path()), str::to_owned);
            self.0.retain(|known| (known.name.as_str(), &known.path) != (set.name, &path));
            if set.is_over(now) || self.0.len() >= KEPT {
                continue;
            }
            let (name, value) = (set.name.to_owned(), set.value.to_owned());
            values.push(value.clone());
            self.0.push(Cookie { name, value, path, secure: set.attribute("secure").is_some() });
        }
        values
    }

    /// The `Cookie` header of a request for `url`; `None`: there is nothing to send. Longer paths come first.
    pub fn header(&self, url: &Url) -> Option<String> {
        let mut due: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.fits(url)).collect();
        due.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> = due.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn fits(&self, url: &Url) -> bool {
        let below = url.path().strip_prefix(self.path.as_str());
        let in_path =
            below.is_some_and(|rest| self.path.ends_with('/') || rest.is_empty() || rest.starts_with('/'));
        in_path && (!self.secure || url.scheme() == "https" || is_this_machine(url))
    }
}

/// Browsers send secure cookies to this machine without TLS, too.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn belongs(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

/// The path of a cookie that names none (RFC 6265, section 5.1.4).
fn directory(path: &str) -> String {
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => path[..end].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Jar;

    fn sent(lines: &[&str], from: &str, to: &str) -> String {
        let mut jar = Jar::default();
        let headers: Vec<(String, String)> =
            lines.iter().map(|line| ("set-cookie".to_owned(), (*line).to_owned())).collect();
        jar.take(&headers, &from.parse().unwrap(), "2026-11-21T00:00:00Z".parse().unwrap());
        jar.header(&to.parse().unwrap()).unwrap_or_default()
    }

    #[test]
    fn a_cookie_goes_where_it_belongs_and_nowhere_else() {
        let at = "https://a.example/app/login";
        for (lines, to, expected) in [
            (&["sid=1; Path=/; HttpOnly"][..], "https://a.example/x", "sid=1"),
            (&["sid=1"], "https://a.example/app/items", "sid=1"),
            (&["sid=1"], "https://a.example/application", ""),
            (&["sid=1; Path=/app/"], "https://a.example/app/x", "sid=1"),
            (&["sid=1; path=/; Secure"], "http://a.example/", ""),
            (&["sid=1; path=/; Secure"], "http://127.0.0.1/", "sid=1"),
            (&["sid=1; path=/; Domain=.example"], "https://a.example/", "sid=1"),
            (&["sid=1; path=/; Domain=b.example"], "https://a.example/", ""),
            (&["a=1; path=/", "b=\"2\"; path=/", "c=3; path=/app"], "https://a.example/app", "c=3; a=1; b=2"),
            (&["a=1; path=/", "a=2; path=/"], "https://a.example/", "a=2"),
            (&["a=1; path=/", "a=; path=/; Max-Age=0"], "https://a.example/", ""),
            (&["a=1; path=/", "a=; path=/; Expires=Thu, 01-Jan-1970 00:00:00 GMT"], "https://a.example/", ""),
            (&["a=1; path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT"], "https://a.example/", "a=1"),
            (&["a=1; path=/; Expires=whenever"], "https://a.example/", "a=1"),
            (&["=1; path=/", "nothing", ""], "https://a.example/", ""),
        ] {
            assert_eq!(sent(lines, at, to), expected, "{lines:?} {to}");
        }
    }
}
