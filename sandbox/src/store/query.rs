//! Queries and form bodies.

use std::collections::BTreeMap;

use hyper::Uri;

/// The query of `uri`, percent-decoded; of repeated keys the last wins.
pub(crate) fn query(uri: &Uri) -> BTreeMap<String, String> {
    pairs(uri.query().unwrap_or_default()).into_iter().collect()
}

/// Decodes `key=value&...` in order, as in a query or a form body.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}
