//! Whether an answer came from a cache: then it says what the tenant served once, not what it serves now.

/// Headers by which caches and delivery networks say `HIT`. Only `Age` and `Cache-Status` are standards.
const HITS: [&str; 4] = ["x-cache", "x-cache-status", "cf-cache-status", "x-proxy-cache"];

/// The header that says so, with its value; `None`: the answer is fresh, as far as it says.
///
/// `Age` is RFC 9111, section 5.1: only a cache adds it, and a fresh answer has 0 or none. One that is no number is
/// not fresh for sure. `Cache-Status` is RFC 9211.
pub fn from_cache(headers: &[(String, String)]) -> Option<String> {
    headers
        .iter()
        .find(|(name, value)| match name.as_str() {
            "age" => value.split(',').any(|age| !age.trim().trim_start_matches('0').is_empty()),
            "cache-status" => value.split([',', ';']).any(|word| word.trim().eq_ignore_ascii_case("hit")),
            name if HITS.contains(&name) => {
                value.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case("hit"))
            }
            _ => false,
        })
        .map(|(name, value)| format!("{name} is {value}"))
}

#[cfg(test)]
mod tests {
    use super::from_cache;

    #[test]
    fn an_answer_with_an_age_or_a_hit_is_from_a_cache() {
        for (name, value, cached) in [
            ("age", "3000", true),
            ("age", "0", false),
            ("age", "00", false),
            ("age", "0, 7", true),
            ("age", "soon", true),
            ("x-cache", "HIT", true),
            ("x-cache", "Hit from cloudfront", true),
            ("x-cache", "TCP_HIT", true),
            ("x-cache", "MISS", false),
            ("cf-cache-status", "DYNAMIC", false),
            ("cf-cache-status", "HIT", true),
            ("cache-status", "edge; hit; ttl=30", true),
            ("cache-status", "edge; fwd=miss", false),
            ("content-type", "HIT", false),
        ] {
            let headers = [(name.to_owned(), value.to_owned())];
            assert_eq!(from_cache(&headers).is_some(), cached, "{name}: {value}");
        }
    }
}
