//! The part of a JSON body that is certain although the rest did not come: what it names can be cleaned up.

/// The beginning of `bytes` up to its last whole value, with what is open closed. A value at the very end may go on,
/// so that a number there, half a text, or a key without its value are left out. `None`: nothing is whole.
pub(super) fn closed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut open: Vec<u8> = Vec::new();
    // How far the text is whole, and what is open there.
    let mut whole: Option<(usize, Vec<u8>)> = None;
    let (mut in_text, mut escaped, mut is_value) = (false, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    in_text = false;
                    if is_value {
                        whole = Some((at + 1, open.clone()));
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                open.push(if *byte == b'{' { b'}' } else { b']' });
                is_value = *byte == b'[';
            }
            b'}' | b']' => {
                if open.pop() != Some(*byte) {
                    return None;
                }
                whole = Some((at + 1, open.clone()));
            }
            b':' => is_value = true,
            b',' => {
                whole = Some((at, open.clone()));
                is_value = open.last() == Some(&b']');
            }
            _ => {}
        }
    }
    let (end, mut open) = whole?;
    open.reverse();
    Some([&bytes[..end], &open].concat())
}

#[cfg(test)]
mod tests {
    use super::closed;

    #[test]
    fn what_came_whole_is_kept_and_what_may_go_on_is_left_out() {
        for (text, kept) in [
            (r#"{"id":"m-1","#, Some(r#"{"id":"m-1"}"#)),
            (r#"{"id":"m-1""#, Some(r#"{"id":"m-1"}"#)),
            (r#"{"id":"m-"#, None),
            (r#"{"id":12"#, None),
            (r#"{"id":12,"a":"x"#, Some(r#"{"id":12}"#)),
            (r#"{"id":"m-1","a"#, Some(r#"{"id":"m-1"}"#)),
            (r#"{"id":"m-1","a""#, Some(r#"{"id":"m-1"}"#)),
            (r#"{"data":{"id":"m-1"},"x":tr"#, Some(r#"{"data":{"id":"m-1"}}"#)),
            (r#"[{"id":"a\"b"},{"id":"#, Some(r#"[{"id":"a\"b"}]"#)),
            (r#"["a","b"#, Some(r#"["a"]"#)),
            ("}", None),
            ("", None),
        ] {
            let found = closed(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(found.as_deref(), kept, "{text}");
        }
    }
}
