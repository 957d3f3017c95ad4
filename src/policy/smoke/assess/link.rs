//! The `Link` header (RFC 8288): `<URL>; rel="next", <URL>; rel="last"`.

/// The URL of the first link in `value` that has `relation`, which is in lower case.
pub(super) fn target<'v>(value: &'v str, relation: &str) -> Option<&'v str> {
    let mut rest = value;
    while let Some((_, link)) = rest.split_once('<') {
        let (url, parameters) = link.split_once('>')?;
        let end = end(parameters);
        if relations(&parameters[..end]).any(|found| found.eq_ignore_ascii_case(relation)) {
            return Some(url.trim());
        }
        rest = &parameters[end..];
    }
    None
}

/// Where the parameters of a link end: at the first comma that is not quoted.
fn end(parameters: &str) -> usize {
    let mut quoted = false;
    let comma = parameters.find(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    comma.unwrap_or(parameters.len())
}

/// The relations that the first `rel` names; only the first one counts.
fn relations(parameters: &str) -> impl Iterator<Item = &str> {
    let rel = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_matches('"'))
    });
    rel.unwrap_or_default().split_whitespace()
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn the_link_of_a_relation_is_found_among_others() {
        let value =
            "</items?page=1>; rel=prev; title=\"a, <b>\", <https://t/items?page=3>; rel=\"NEXT last\"";
        for (relation, url) in
            [("next", Some("https://t/items?page=3")), ("prev", Some("/items?page=1")), ("first", None)]
        {
            assert_eq!(target(value, relation), url, "{relation}");
        }
        for broken in ["", "<", "</a", "</a>", "rel=next", "</a>; rel", "</a>; title=\"rel=next"] {
            assert_eq!(target(broken, "next"), None, "{broken}");
        }
    }
}
