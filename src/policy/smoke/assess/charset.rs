//! The body of an answer as text, in the charset that its `Content-Type` names (WHATWG Encoding Standard); UTF-8 where
//! it names none.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

use crate::model::check::Answer;

/// The text.
///
/// # Errors
/// What was found instead of it.
pub(super) fn text(answer: &Answer) -> Result<Cow<'_, str>, String> {
    let label =
        answer.headers.iter().find(|(name, _)| name == "content-type").and_then(|(_, kind)| charset(kind));
    let encoding = match label {
        None => UTF_8,
        Some(label) => Encoding::for_label(label.as_bytes())
            .ok_or_else(|| format!("bytes in the charset `{label}`, which is not known"))?,
    };
    if encoding == UTF_8 {
        let utf8 = std::str::from_utf8(&answer.body);
        return utf8
            .map(Cow::from)
            .map_err(|e| format!("bytes that are no UTF-8 from byte {} on", e.valid_up_to()));
    }
    let (text, _, broken) = encoding.decode(&answer.body);
    if broken { Err(format!("bytes that are no {}", encoding.name())) } else { Ok(text) }
}

fn charset(kind: &str) -> Option<&str> {
    let mut parameters = kind.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, label) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(label.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::model::check::{Answer, BodyEnd};

    #[test]
    fn a_body_is_read_in_the_charset_that_it_names() {
        for (kind, body, expected) in [
            ("text/plain", &b"Gr\xc3\xbc\xc3\x9fe"[..], Some("Gr\u{fc}\u{df}e")),
            ("text/plain; charset=utf-8", b"Gr\xfc\xdfe", None),
            ("text/plain; charset=ISO-8859-1", b"Gr\xfc\xdfe", Some("Gr\u{fc}\u{df}e")),
            (
                "text/plain; format=flowed; Charset=\"windows-1251\"",
                b"\xcc\xe8\xf0",
                Some("\u{41c}\u{438}\u{440}"),
            ),
            ("text/plain; charset=utf-16le", b"a\x00b\x00", Some("ab")),
            ("text/plain; charset=utf-16le", b"a\x00b", None),
            ("text/plain; charset=klingon", b"ab", None),
        ] {
            let headers = vec![("content-type".to_owned(), kind.to_owned())];
            let answer = Answer { status: 200, headers, body: body.to_vec(), end: BodyEnd::Whole };
            assert_eq!(text(&answer).ok().as_deref(), expected, "{kind}");
        }
    }
}
