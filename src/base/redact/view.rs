//! Foreign text as somebody could read it: escapes undone, base64 and hex decoded, each byte with its place in the text.

/// Bytes that were read from a text, and for each of them where in the text it stands: first byte and end.
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    places: Vec<(usize, usize)>,
}

/// Named character references of HTML that stand for ASCII (HTML standard, section 13.5); names in lower case.
#[rustfmt::skip]
const ENTITIES: [(&str, u8); 37] = [
    ("amp", b'&'), ("apos", b'\''), ("ast", b'*'), ("bsol", b'\\'), ("colon", b':'), ("comma", b','), ("commat", b'@'),
    ("dollar", b'$'), ("equals", b'='), ("excl", b'!'), ("grave", b'`'), ("gt", b'>'), ("hat", b'^'), ("lbrace", b'{'),
    ("lbrack", b'['), ("lcub", b'{'), ("lowbar", b'_'), ("lpar", b'('), ("lsqb", b'['), ("lt", b'<'), ("midast", b'*'),
    ("newline", b'\n'), ("num", b'#'), ("percnt", b'%'), ("period", b'.'), ("plus", b'+'), ("quest", b'?'),
    ("quot", b'"'), ("rbrace", b'}'), ("rbrack", b']'), ("rcub", b'}'), ("rpar", b')'), ("rsqb", b']'), ("semi", b';'),
    ("sol", b'/'), ("verbar", b'|'), ("vert", b'|'),
];

impl View {
    pub(super) fn of(text: &[u8]) -> Self {
        Self { bytes: text.to_vec(), places: (0..text.len()).map(|at| (at, at + 1)).collect() }
    }

    /// Where in the text the bytes from `first` to `last` stand, both included. What was decoded right beside them and
    /// is not searched belongs to them: it may be how the secret's last escape is read.
    pub(super) fn place(&self, first: usize, last: usize) -> (usize, usize) {
        let beside = |at: &usize| {
            let (start, end) = self.places[*at];
            !is_searched(self.bytes[*at]) && end - start > 1
        };
        let before = (0..first).rev().take_while(beside).count();
        let after = (last + 1..self.bytes.len()).take_while(beside).count();
        (self.places[first - before].0, self.places[last + after].1)
    }

    fn push(&mut self, byte: u8, place: (usize, usize)) {
        self.bytes.push(byte);
        self.places.push(place);
    }

    /// Adds a decoded byte. A zero is half of a character of UTF-16: it goes with the byte before it.
    fn push_decoded(&mut self, byte: u8, place: (usize, usize)) {
        match self.places.last_mut() {
            Some(last) if byte == 0 => last.1 = place.1,
            _ => self.push(byte, place),
        }
    }

    /// The view with one layer of escapes undone (JSON and the like, percent, HTML); `None`: it has none.
    pub(super) fn unescaped(&self) -> Option<Self> {
        if !self.bytes.iter().any(|byte| matches!(byte, b'\\' | b'%' | b'&')) {
            return None;
        }
        let mut plain = Self { bytes: Vec::with_capacity(self.bytes.len()), places: Vec::new() };
        let (mut at, mut found) = (0, false);
        while at < self.bytes.len() {
            let (length, unit) = match unit(&self.bytes[at..]) {
                Some(unit) => unit,
                None => (1, Unit::Byte(self.bytes[at])),
            };
            found |= length > 1;
            let place = self.place(at, at + length - 1);
            match unit {
                Unit::Byte(byte) => plain.push(byte, place),
                Unit::Char(c) => {
                    c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| plain.push(byte, place));
                }
            }
            at += length;
        }
        found.then_some(plain)
    }

    pub(super) fn escapes(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.bytes.len()).filter_map(|at| {
            let (length, _) = unit(&self.bytes[at..])?;
            Some(self.place(at, at + length - 1))
        })
    }

    /// What each run of base64 digits, hex digits or numbers says that is `least` bytes long or longer. A run may begin
    /// before what was encoded, as in a path, so it is read from each digit at which a byte could begin.
    pub(super) fn unpacked(&self, least: usize) -> Vec<Self> {
        let mut views = Vec::new();
        for run in self.runs(base64_digit, wraps, least * 8 / 6) {
            views.extend((0..4.min(run.len())).map(|skip| self.packed(&run[skip..], 6)));
        }
        for run in self.runs(hex_digit, parts, least * 2) {
            views.extend((0..2.min(run.len())).map(|skip| self.packed(&run[skip..], 4)));
        }
        views.extend(self.numbers());
        views.retain(|view| view.bytes.len() >= least);
        views
    }

    /// The runs of at least `shortest` digits: value and index. `joint` says how many bytes part two digits of one run.
    fn runs(
        &self,
        digit: fn(u8) -> Option<u8>,
        joint: fn(&[u8]) -> usize,
        shortest: usize,
    ) -> Vec<Vec<(u8, usize)>> {
        let (mut runs, mut run, mut at) = (Vec::new(), Vec::new(), 0);
        while at < self.bytes.len() {
            let between = if run.is_empty() { 0 } else { joint(&self.bytes[at..]) };
            at += between;
            if let Some(value) = self.bytes.get(at).and_then(|&byte| digit(byte)) {
                run.push((value, at));
                at += 1;
                continue;
            }
            if run.len() >= shortest {
                runs.push(std::mem::take(&mut run));
            }
            run.clear();
            at += usize::from(between == 0);
        }
        if run.len() >= shortest {
            runs.push(run);
        }
        runs
    }

    /// The bytes that digits of `width` bits each make.
    fn packed(&self, digits: &[(u8, usize)], width: usize) -> Self {
        let mut view = Self { bytes: Vec::new(), places: Vec::new() };
        for number in 0..digits.len() * width / 8 {
            let (first, last) = (number * 8 / width, (number * 8 + 7) / width);
            let bits =
                digits[first..=last].iter().fold(0_u32, |bits, (value, _)| bits << width | u32::from(*value));
            let spare = (last + 1) * width - (number + 1) * 8;
            let byte = (bits >> spare & 0xff) as u8;
            view.push_decoded(byte, self.place(digits[first].1, digits[last].1));
        }
        view
    }

    /// The bytes of lists of numbers, as `[115, 51, 99]`.
    fn numbers(&self) -> Vec<Self> {
        let empty = || Self { bytes: Vec::new(), places: Vec::new() };
        let (mut views, mut view, mut at) = (Vec::new(), empty(), 0);
        while at < self.bytes.len() {
            let length = self.bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let text = std::str::from_utf8(&self.bytes[at..at + length]).unwrap_or_default();
            match text.parse::<u8>() {
                Ok(byte) => view.push_decoded(byte, self.place(at, at + length - 1)),
                Err(_) if length == 0 && matches!(self.bytes[at], b',' | b' ' | b'\n' | b'\r' | b'\t') => {}
                Err(_) if view.bytes.is_empty() => {}
                Err(_) => views.push(std::mem::replace(&mut view, empty())),
            }
            at += length.max(1);
        }
        views.push(view);
        views
    }
}

/// White space, control characters and backslashes are not searched: wrapping and escapes put them into secrets.
pub(super) fn is_searched(byte: u8) -> bool {
    byte > b' ' && !matches!(byte, 0x7f | b'\\')
}

enum Unit {
    Byte(u8),
    Char(char),
}

/// The escape at the beginning of `bytes`: its length, and what it stands for.
fn unit(bytes: &[u8]) -> Option<(usize, Unit)> {
    match bytes {
        [b'%', b'u', rest @ ..] => coded(rest, 4).map(|c| (6, Unit::Char(c))),
        [b'%', rest @ ..] => hex(rest, 2).map(|code| (3, Unit::Byte(code as u8))),
        [b'\\', rest @ ..] => backslash(rest).map(|(length, unit)| (length + 1, unit)),
        [b'&', b'#', rest @ ..] => numeric(rest).map(|(length, c)| (length + 2, Unit::Char(c))),
        [b'&', rest @ ..] => {
            let name = rest.iter().take(8).take_while(|byte| byte.is_ascii_alphabetic()).count();
            let named = |(entity, _): &&(&str, u8)| rest[..name].eq_ignore_ascii_case(entity.as_bytes());
            let (_, byte) = ENTITIES.iter().find(named).filter(|_| rest.get(name) == Some(&b';'))?;
            Some((name + 2, Unit::Byte(*byte)))
        }
        _ => None,
    }
}

/// What follows a backslash in JSON, JavaScript, C, Python, PHP, Go or Rust.
fn backslash(rest: &[u8]) -> Option<(usize, Unit)> {
    let byte = |length: usize, byte: u8| Some((length, Unit::Byte(byte)));
    match *rest {
        [b'u', b'{', ref rest @ ..] => {
            let digits = rest.iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
            let c = coded(rest, digits).filter(|_| rest.get(digits) == Some(&b'}'))?;
            Some((digits + 3, Unit::Char(c)))
        }
        [b'u', ref rest @ ..] => coded(rest, 4).map(|c| (5, Unit::Char(c))),
        [b'U', ref rest @ ..] => coded(rest, 8).map(|c| (9, Unit::Char(c))),
        [b'x' | b'X', ref rest @ ..] => hex(rest, 2).map(|code| (3, Unit::Byte(code as u8))),
        [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
            byte(3, (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
        }
        [b'n' | b'r', ..] => byte(1, b'\n'),
        [b't' | b'b' | b'f' | b'v' | b'a' | b'e' | b'0', ..] => byte(1, b'\t'),
        [mark, ..] if mark.is_ascii_punctuation() => byte(1, mark),
        _ => None,
    }
}

/// A numeric character reference after its `&#`.
fn numeric(rest: &[u8]) -> Option<(usize, char)> {
    let end = rest.iter().take(10).position(|&byte| byte == b';')?;
    let text = std::str::from_utf8(&rest[..end]).ok()?;
    let code = match text.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some((end + 1, char::from_u32(code.ok()?)?))
}

fn coded(bytes: &[u8], digits: usize) -> Option<char> {
    hex(bytes, digits).and_then(char::from_u32)
}

/// The number that the first `digits` hex digits make.
fn hex(bytes: &[u8], digits: usize) -> Option<u32> {
    let text = bytes.get(..digits).filter(|text| !text.is_empty())?;
    text.iter().try_fold(0_u32, |code, &byte| Some(code << 4 | u32::from(hex_digit(byte)?)))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|value| value as u8)
}

/// A digit of base64, of either alphabet (RFC 4648, sections 4 and 5).
fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Between two digits of base64: a line's end, with indentation. Spaces alone part words, which are no base64.
fn wraps(bytes: &[u8]) -> usize {
    let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    if bytes[..blank].contains(&b'\n') { blank } else { 0 }
}

/// Between two digits of hex: `73:33`, `73-33`, `73 33`, `0x73, 0x33`.
fn parts(bytes: &[u8]) -> usize {
    let mark = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b':' | b'-' | b',');
    let marks = bytes.iter().take_while(|byte| mark(byte)).count();
    let prefix = matches!(&bytes[marks..], [b'0', b'x' | b'X', ..]);
    marks + if prefix { 2 } else { 0 }
}
