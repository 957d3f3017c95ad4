//! The encodings in which services repeat what they were sent. The redactor's fuzz target uses them too.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

pub(crate) type Encoding = (&'static str, fn(&str) -> String);

/// Every encoding that the documentation promises to see through.
pub(crate) const ENCODINGS: [Encoding; 31] = [
    ("as it is", str::to_owned),
    ("JSON", json),
    ("JSON of PHP", |text| json(text).replace('/', "\\/")),
    ("JSON of .NET", |text| {
        escaped(text, |c| !c.is_ascii_alphanumeric(), |c| format!("\\u{:04X}", c as u32))
    }),
    ("JSON of Go", |text| escaped(&json(text), |c| "&<>".contains(c), |c| format!("\\u{:04x}", c as u32))),
    ("\\uXXXX for every character", |text| escaped(text, |_| true, |c| format!("\\u{:04x}", c as u32))),
    ("\\u{XX} for every character", |text| escaped(text, |_| true, |c| format!("\\u{{{:x}}}", c as u32))),
    ("\\UXXXXXXXX for every character", |text| escaped(text, |_| true, |c| format!("\\U{:08x}", c as u32))),
    ("\\xXX for every byte", |text| bytes(text, |byte| format!("\\x{byte:02x}"))),
    ("\\OOO for every byte", |text| bytes(text, |byte| format!("\\{byte:03o}"))),
    ("a shell's backslashes", |text| escaped(text, |c| c.is_ascii_punctuation(), |c| format!("\\{c}"))),
    ("percent", |text| percent(text, |byte| format!("%{byte:02X}"))),
    ("percent in lower case", |text| percent(text, |byte| format!("%{byte:02x}"))),
    ("%XX for every byte", |text| bytes(text, |byte| format!("%{byte:02X}"))),
    ("%uXXXX for every character", |text| escaped(text, |_| true, |c| format!("%u{:04X}", c as u32))),
    ("HTML", |text| html(text, "&#39;")),
    ("HTML with names for all marks", |text| {
        html(text, "&apos;").replace('/', "&sol;").replace('+', "&plus;").replace('=', "&equals;")
    }),
    ("HTML by decimal numbers", |text| escaped(text, |_| true, |c| format!("&#{};", c as u32))),
    ("HTML by hex numbers", |text| escaped(text, |_| true, |c| format!("&#x{:X};", c as u32))),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 for URLs", |text| URL_SAFE.encode(text)),
    ("base64 for URLs without padding", |text| URL_SAFE_NO_PAD.encode(text)),
    ("base64 in lines", |text| wrapped(&STANDARD.encode(text), 19, "\n")),
    ("base64 in lines of Windows", |text| wrapped(&STANDARD.encode(text), 76, "\r\n")),
    ("base64 in indented lines", |text| wrapped(&STANDARD.encode(text), 32, "\n    ")),
    ("base64 of UTF-16", |text| {
        STANDARD.encode(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
    }),
    ("hex", |text| bytes(text, |byte| format!("{byte:02x}"))),
    ("hex in upper case", |text| bytes(text, |byte| format!("{byte:02X}"))),
    ("hex with dashes", |text| bytes(text, |byte| format!("{byte:02X}-")).trim_end_matches('-').to_owned()),
    ("hex in a list", |text| bytes(text, |byte| format!("0x{byte:02x}, ")).trim_end_matches(", ").to_owned()),
    ("numbers in a list", |text| bytes(text, |byte| format!("{byte},")).trim_end_matches(',').to_owned()),
];

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn escaped(text: &str, which: fn(char) -> bool, how: fn(char) -> String) -> String {
    text.chars().map(|c| if which(c) { how(c) } else { c.to_string() }).collect()
}

fn bytes(text: &str, how: fn(u8) -> String) -> String {
    text.bytes().map(how).collect()
}

fn percent(text: &str, how: fn(u8) -> String) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { how(byte) }).collect()
}

fn html(text: &str, apostrophe: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', apostrophe)
}

fn wrapped(text: &str, width: usize, end: &str) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    lines.join(end)
}
