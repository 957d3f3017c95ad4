//! Lists of URLs and tokens to tenants. A list that could be read in two ways is refused: a token that slips by one
//! place would be sent to somebody else.

use crate::base::complaint::Complaint;
use crate::base::secret::Secret;
use crate::model::tenant::{Tenant, TenantName, TenantUrl};

/// No server takes a longer header (Apache and nginx: 8 KiB for one line).
const LONGEST_TOKEN_BYTES: usize = 8 * 1024;

/// Why there are no tenants, and what to do. Never holds a token.
pub type NotTenants = Complaint;

#[derive(Clone, Copy, Debug)]
pub struct ListVariable<'a> {
    pub name: &'a str,
    pub value: Option<&'a str>,
}

fn refuse(message: impl Into<String>, hint: impl Into<String>) -> NotTenants {
    Complaint::new(message, hint)
}

/// The tenants of two lists in the same order, separated by newlines, commas or spaces.
///
/// # Errors
/// A list is empty or has an empty item, the counts differ, a URL is none or stands twice, a token is unfit.
pub fn of_lists(urls: ListVariable<'_>, tokens: ListVariable<'_>) -> Result<Vec<Tenant>, NotTenants> {
    let hint =
        format!("{} and {} are one list each, in the same order, one item a line", urls.name, tokens.name);
    let url_items = split(urls.value.unwrap_or_default())
        .ok_or_else(|| refuse(format!("{} has an empty item between two commas", urls.name), &hint))?;
    let token_items = split(tokens.value.unwrap_or_default())
        .ok_or_else(|| refuse(format!("{} has an empty token between two commas", tokens.name), &hint))?;
    if url_items.is_empty() {
        return Err(refuse(format!("there are no tenants: {} is empty or not set", urls.name), hint));
    }
    if url_items.len() != token_items.len() {
        let counts = format!(
            "{} URLs in {} and {} tokens in {}",
            url_items.len(),
            urls.name,
            token_items.len(),
            tokens.name
        );
        return Err(refuse(counts, hint));
    }
    let mut places = Vec::new();
    for (at, item) in url_items.iter().enumerate() {
        let url: TenantUrl = item.parse().map_err(|e| {
            refuse(format!("item {} of {} {e}", at + 1, urls.name), "for example `https://canary-1.example`")
        })?;
        places.push(url);
    }
    let named = names(&places)?;
    let pairs = named.into_iter().zip(token_items);
    pairs
        .enumerate()
        .map(|(at, ((name, url), token))| {
            let token = fit(token, &format!("token {} of {}", at + 1, tokens.name))?;
            Ok(Tenant { name, url, token })
        })
        .collect()
}

/// The tenants that the command line names, each with its token in a variable of its own.
///
/// # Errors
/// A name or URL stands twice, two names share a variable, or a token is missing or unfit.
pub fn of_names<'e>(
    named: &[(TenantName, TenantUrl)],
    variable: impl Fn(&str) -> Option<&'e str>,
) -> Result<Vec<Tenant>, NotTenants> {
    for (at, (name, url)) in named.iter().enumerate() {
        for (other, place) in &named[..at] {
            if name == other {
                return Err(refuse(
                    format!("the tenant `{name}` is named twice"),
                    "give each tenant a name of its own",
                ));
            }
            if name.token_variable() == other.token_variable() {
                let message =
                    format!("the tokens of `{other}` and `{name}` would both be {}", name.token_variable());
                return Err(refuse(message, "rename one of them"));
            }
            if url == place {
                return Err(twice(url));
            }
        }
    }
    let token_of = |name: &TenantName| {
        let holder = name.token_variable();
        match variable(&holder) {
            Some(token) => fit(token.trim(), &holder),
            None => Err(refuse(
                format!("the token of `{name}` is missing: {holder} is empty or not set"),
                format!("export it as {holder}; a token is never given as an argument"),
            )),
        }
    };
    named
        .iter()
        .map(|(name, url)| Ok(Tenant { name: name.clone(), url: url.clone(), token: token_of(name)? }))
        .collect()
}

/// The items of a list; `None` if one between two commas is empty. Blank lines are nothing.
fn split(text: &str) -> Option<Vec<&str>> {
    let mut items = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // A comma may also end a line whose list goes on in the next one.
        for part in line.strip_suffix(',').unwrap_or(line).split(',') {
            let before = items.len();
            items.extend(part.split_whitespace());
            if items.len() == before {
                return None;
            }
        }
    }
    Some(items)
}

/// A name for each place: host, port and path; the whole URL where that is not enough to tell them apart.
fn names(places: &[TenantUrl]) -> Result<Vec<(TenantName, TenantUrl)>, NotTenants> {
    let mut named: Vec<(TenantName, TenantUrl)> = Vec::new();
    for (at, url) in places.iter().enumerate() {
        if places[..at].contains(url) {
            return Err(twice(url));
        }
        let unique = places.iter().filter(|other| other.place() == url.place()).count() == 1;
        let text = if unique { url.place().to_owned() } else { url.to_string() };
        let name = text.parse().or_else(|_| format!("tenant-{}", at + 1).parse());
        let name = name.map_err(|e| refuse(format!("{e}"), "name the tenant with `--tenant NAME=URL`"))?;
        named.push((name, url.clone()));
    }
    Ok(named)
}

fn twice(url: &TenantUrl) -> NotTenants {
    refuse(format!("`{url}` is listed twice"), "ask each tenant once: its token must not be in doubt")
}

/// A token that a header can carry and that can be kept secret; `what` names it in the message.
fn fit(token: &str, what: &str) -> Result<Secret, NotTenants> {
    if token.is_empty() {
        return Err(refuse(format!("{what} is empty"), "set it, or leave its tenant out"));
    }
    if token.contains("://") {
        return Err(refuse(format!("{what} is a URL"), "perhaps the lists of URLs and tokens are swapped"));
    }
    if token.len() > LONGEST_TOKEN_BYTES {
        let message = format!("{what} has {} characters", token.len());
        return Err(refuse(message, format!("a token has at most {LONGEST_TOKEN_BYTES}")));
    }
    let secret = Secret::new(token);
    if let Some(weakness) = secret.weakness() {
        let hint = "such a token cannot be kept out of reports; give the tenant a random one, as from `openssl rand -hex 20`";
        return Err(refuse(format!("{what} {weakness}"), hint));
    }
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refuse(
            format!("{what} has a character that no header can carry"),
            "expected visible ASCII",
        ));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::{ListVariable, of_lists, of_names};

    fn pairs(urls: &str, tokens: &str) -> Result<Vec<(String, String)>, String> {
        let urls = ListVariable { name: "URLS", value: Some(urls) };
        let tokens = ListVariable { name: "TOKENS", value: Some(tokens) };
        let tenants = of_lists(urls, tokens).map_err(|e| e.to_string())?;
        Ok(tenants.into_iter().map(|t| (t.name.to_string(), t.token.expose().to_owned())).collect())
    }

    #[test]
    fn takes_newlines_commas_and_spaces() {
        let expected = [("a.example", "token-01"), ("b.example:81/x", "token-02")];
        for (urls, tokens) in [
            ("https://a.example\nhttp://b.example:81/x/\n", "token-01\ntoken-02\n"),
            ("https://a.example, http://b.example:81/x", "token-01,token-02"),
            ("https://a.example http://b.example:81/x", "token-01 token-02"),
            ("\n https://a.example,\n\n http://b.example:81/x", "token-01,\r\ntoken-02"),
        ] {
            let found = pairs(urls, tokens).unwrap();
            assert!(found.iter().map(|(n, t)| (n.as_str(), t.as_str())).eq(expected), "{found:?}");
        }
    }

    #[test]
    fn refuses_whatever_could_shift_a_token_and_never_shows_one() {
        for (urls, tokens, words) in [
            ("", "", "there are no tenants"),
            ("https://a https://b", "hush-hush-1", "2 URLs in URLS and 1 tokens in TOKENS"),
            ("https://a", "hush-hush-1 hush-hush-2", "1 URLs in URLS and 2 tokens"),
            ("https://a,https://b", "hush-1,", "2 URLs in URLS and 1 tokens"),
            ("https://a,https://b", ",hush-1", "empty token"),
            ("https://a,https://b", "hush-1,,hush-2", "empty token"),
            ("https://a https://A:443/", "hush-hush-1 hush-hush-2", "twice"),
            ("https://a", "abc", "token 1 of TOKENS has 3 characters"),
            ("https://a", "inconclusive", "token 1 of TOKENS is made of fewer than 16 letters"),
            ("hush-hush-1", "https://a", "item 1 of URLS is not a URL"),
            ("https://a", "https://b/hush", "token 1 of TOKENS is a URL"),
            ("hush:hush-1", "hush-hush-2", "item 1 of URLS is not a tenant's URL"),
            ("https://a/hush?api_key=hush", "hush-hush-2", "expected no `?`"),
            (
                "https://a https://hush:hush@b",
                "hush-hush-1 hush-hush-2",
                "item 2 of URLS carries a user name",
            ),
            ("https://a", "hush-hush-\u{fc}ber", "no header can carry"),
            ("not-a-url", "hush-hush-1", "is not a URL"),
        ] {
            let error = pairs(urls, tokens).expect_err(words);
            assert!(error.contains(words), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_named_tenant_has_its_token_in_a_variable_of_its_own() {
        let tenant = |name: &str, url: &str| (name.parse().unwrap(), url.parse().unwrap());
        let token = |name: &str| (name == "CANARY_TOKEN_A_B").then_some("hush-hush-1");
        let found = of_names(&[tenant("a-b", "https://a")], token).unwrap();
        assert_eq!(found[0].token.expose(), "hush-hush-1");
        for (named, words) in [
            (vec![tenant("x", "https://a")], "CANARY_TOKEN_X is empty or not set"),
            (vec![tenant("a-b", "https://a"), tenant("a.b", "https://b")], "would both be CANARY_TOKEN_A_B"),
            (vec![tenant("a-b", "https://a"), tenant("a-b", "https://b")], "named twice"),
            (vec![tenant("a-b", "https://a"), tenant("c", "https://a")], "twice"),
        ] {
            let error = of_names(&named, token).map(|_| ()).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
