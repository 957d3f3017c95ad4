//! Answers that come event by event: server-sent events (WHATWG HTML, section 9.2) and lines of JSON.

use std::cell::{Cell, RefCell};

use serde_json::Value;

use crate::policy::strict_json;

/// Media types of JSON in lines. `application/json` is one by usage: Ollama's older versions and many proxies say so.
const LINES: [&str; 8] = [
    "application/json",
    "application/json-lines",
    "application/jsonl",
    "application/jsonlines",
    "application/ndjson",
    "application/stream+json",
    "application/x-jsonlines",
    "application/x-ndjson",
];

/// How events are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `text/event-stream`.
    Events,
    /// A line each.
    Lines,
}

impl Framing {
    /// The framing of an answer with these headers; `None`: it is no stream.
    pub fn of(headers: &[(String, String)]) -> Option<Self> {
        let (_, kind) = headers.iter().find(|(name, _)| name == "content-type")?;
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "text/event-stream" => Some(Self::Events),
            kind if LINES.contains(&kind) => Some(Self::Lines),
            _ => None,
        }
    }

    /// The bytes of a stream of these events.
    pub fn write(self, events: &[Value]) -> Vec<u8> {
        let text = |event: &Value| event.as_str().map_or_else(|| event.to_string(), str::to_owned);
        let line = |event: &Value| match self {
            Self::Events => format!("data: {}\n\n", text(event).replace('\n', "\ndata: ")),
            Self::Lines => format!("{}\n", text(event)),
        };
        events.iter().flat_map(|event| line(event).into_bytes()).collect()
    }
}

/// The data of one event: JSON, or text if it is none.
pub fn value(data: &str) -> Value {
    strict_json::parse(data.as_bytes()).unwrap_or_else(|_| Value::from(data))
}

/// Takes events out of bytes as they come.
#[derive(Debug)]
pub struct Reader {
    framing: Framing,
    line: Vec<u8>,
    after_return: bool,
    first: bool,
    data: Option<String>,
}

impl Reader {
    /// A reader at the beginning of a stream.
    pub fn new(framing: Framing) -> Self {
        Self { framing, line: Vec::new(), after_return: false, first: true, data: None }
    }

    /// The data of the events that `bytes` complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut events = Vec::new();
        for byte in bytes {
            let second = std::mem::replace(&mut self.after_return, *byte == b'\r') && *byte == b'\n';
            match byte {
                _ if second => {}
                b'\n' | b'\r' => events.extend(self.end_of_line()),
                byte => self.line.push(*byte),
            }
        }
        events
    }

    /// What is left at the end of the stream: a last line without its end is one; an event without its empty line is
    /// none.
    pub fn finish(&mut self) -> Option<String> {
        match self.framing {
            Framing::Events => None,
            Framing::Lines => self.end_of_line(),
        }
    }

    fn end_of_line(&mut self) -> Option<String> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let first = std::mem::replace(&mut self.first, false);
        let line = line.strip_prefix('\u{feff}').filter(|_| first).unwrap_or(&line);
        if self.framing == Framing::Lines {
            return (!line.trim().is_empty()).then(|| line.to_owned());
        }
        if line.is_empty() {
            return self.data.take();
        }
        let (field, content) = line.split_once(':').unwrap_or((line, ""));
        if field == "data" {
            let content = content.strip_prefix(' ').unwrap_or(content);
            match &mut self.data {
                Some(data) => data.extend(["\n", content]),
                None => self.data = Some(content.to_owned()),
            }
        }
        None
    }
}

/// How much of a stream was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// No event yet.
    Nothing,
    /// At least one event.
    Events,
    /// All that the suite waits for; the rest need not be read.
    Enough,
}

/// Listens to a stream while it comes.
pub struct Ear<'a> {
    /// Whether the event with this number, from 0, and this data is the last one that the suite waits for.
    is_last: &'a dyn Fn(usize, &str) -> bool,
    reader: RefCell<Option<Reader>>,
    events: Cell<usize>,
}

impl<'a> Ear<'a> {
    /// An ear that has heard nothing yet.
    pub fn new(is_last: &'a dyn Fn(usize, &str) -> bool) -> Self {
        Self { is_last, reader: RefCell::default(), events: Cell::new(0) }
    }

    /// Hears the next bytes of an answer with these headers.
    pub fn hear(&self, headers: &[(String, String)], bytes: &[u8]) -> Heard {
        let mut reader = self.reader.borrow_mut();
        if reader.is_none() {
            *reader = Framing::of(headers).map(Reader::new);
        }
        for data in reader.iter_mut().flat_map(|reader| reader.push(bytes)) {
            let number = self.events.replace(self.events.get() + 1);
            if (self.is_last)(number, &data) {
                return Heard::Enough;
            }
        }
        if self.events.get() == 0 { Heard::Nothing } else { Heard::Events }
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, Reader};
    use serde_json::json;

    /// The events of `text`, which comes in pieces of `size` bytes.
    fn events(framing: Framing, text: &str, size: usize) -> Vec<String> {
        let mut reader = Reader::new(framing);
        let mut all: Vec<String> = text.as_bytes().chunks(size).flat_map(|part| reader.push(part)).collect();
        all.extend(reader.finish());
        all
    }

    #[test]
    fn events_are_the_same_however_their_bytes_are_cut() {
        for (framing, text, expected) in [
            (Framing::Events, "data: a\n\ndata:b\n\n", vec!["a", "b"]),
            (Framing::Events, "\u{feff}data: a\r\n\r\n: note\rdata: b\rdata:  c\r\r", vec!["a", "b\n c"]),
            (
                Framing::Events,
                "event: x\nid: 1\ndata: {\"a\": \"\u{fc}\"}\n\nevent: y\n\n",
                vec!["{\"a\": \"\u{fc}\"}"],
            ),
            (Framing::Events, "data\n\ndata: half\n", vec![""]),
            (
                Framing::Lines,
                "{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}",
                vec!["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"],
            ),
            (Framing::Lines, "", vec![]),
        ] {
            for size in 1..=text.len().max(1) {
                assert_eq!(events(framing, text, size), expected, "{text:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let all = [json!({"a": [1]}), json!("[DONE]"), json!("two\nlines")];
        let written = String::from_utf8(Framing::Events.write(&all)).unwrap();
        assert_eq!(events(Framing::Events, &written, 3), ["{\"a\":[1]}", "[DONE]", "two\nlines"]);
        let written = String::from_utf8(Framing::Lines.write(&all[..2])).unwrap();
        assert_eq!(events(Framing::Lines, &written, 3), ["{\"a\":[1]}", "[DONE]"]);
    }

    #[test]
    fn the_content_type_says_whether_an_answer_is_a_stream() {
        for (kind, framing) in [
            ("text/event-stream; charset=utf-8", Some(Framing::Events)),
            ("Application/X-NDJSON", Some(Framing::Lines)),
            ("text/html", None),
        ] {
            assert_eq!(Framing::of(&[("content-type".to_owned(), kind.to_owned())]), framing);
        }
        assert_eq!(Framing::of(&[]), None);
    }
}
