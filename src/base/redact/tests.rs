//! What is shown of a text does not depend on the secrets in it.

use super::encodings::{ENCODINGS, Encoding};
use super::{MASK, PIECE_BYTES, Redactor, SHORTEST_SECRET_BYTES, Secret};
use serde_json::json;

const SECRET: &str = "s3cr3t/+tok\"en=%&canary<Z9>";

fn knowing(texts: &[&str]) -> Redactor {
    let redactor = Redactor::default();
    texts.iter().for_each(|text| redactor.learn(&Secret::new(*text)));
    redactor
}

/// A generator of numbers (xorshift64): the same ones in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % end
    }

    fn one<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A token of 8 to 67 characters, as random as a token is.
    fn token(&mut self) -> String {
        let letters = b"defghijklmnopqrstuvwxyz";
        let capitals = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let marks = b"!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~\\";
        let kinds: [&[u8]; 3] = [letters, capitals, b"0123456789"];
        let marked = self.below(2) == 0;
        let one = |numbers: &mut Self| match marked && numbers.below(4) == 0 {
            true => *numbers.one(marks),
            false => {
                let kind = *numbers.one(&kinds);
                *numbers.one(kind)
            }
        };
        (0..8 + self.below(60)).map(|_| char::from(one(self))).collect::<String>()
    }

    /// The same characters in another order: most encodings write them with as many characters.
    fn shuffled(&mut self, token: &str) -> String {
        let mut bytes = token.as_bytes().to_vec();
        (1..bytes.len()).rev().for_each(|at| bytes.swap(at, self.below(at + 1)));
        bytes.into_iter().map(char::from).collect()
    }
}

/// Whether both begin and end with other characters.
fn differs(one: &str, two: &str) -> bool {
    // A backslash at either end may be part of the text around it.
    let ends = |text: &str| {
        text.chars().next().zip(text.chars().last()).filter(|ends| ends.0 != '\\' && ends.1 != '\\')
    };
    ends(one).zip(ends(two)).is_some_and(|((a, b), (c, d))| a != c && b != d)
}

/// `token` in a text: in layers of encodings, with words before and after each. The text after every layer.
fn told(token: &str, layers: &[(Encoding, &str, &str)]) -> Vec<String> {
    let mut texts = vec![token.to_owned()];
    for ((_, encode), before, after) in layers {
        texts.push(format!("{before}{}{after}", encode(&texts[texts.len() - 1])));
    }
    texts
}

#[test]
fn every_encoding_of_a_secret_is_found_and_goes_whole() {
    let redactor = knowing(&[SECRET]);
    for (name, encode) in ENCODINGS {
        for secret in [SECRET.to_owned(), SECRET.to_uppercase(), SECRET.to_lowercase()] {
            let text = format!("token: {} :end", encode(&secret));
            // A prefix and padding say nothing of what they belong to.
            let shown = |text: String| text.replace("0x", "").replace('=', "");
            assert_eq!(shown(redactor.clean(&text)), "token: *** :end", "{name}: {text}");
            assert_eq!(shown(redactor.excerpt(&text, 200)), "token: ***…", "{name}: {text}");
            assert!(redactor.finds(&text), "{name}: {text}");
        }
    }
}

#[test]
fn what_is_shown_does_not_depend_on_the_secret_in_up_to_three_encodings() {
    let mut numbers = Numbers(0x005e_ed0f_c0a1);
    let before = ["", " ", "Bearer ", "cannot decode token ", "{\"error\":\"", "/a/", "user:", "a=b&token="];
    let after = ["", " ", "\"}", "&x=1", ", and more", "\n"];
    let mut compared = 0;
    for round in 0..1_500 {
        let token = numbers.token();
        let layers: Vec<(Encoding, &str, &str)> = (0..1 + numbers.below(3))
            .map(|_| (*numbers.one(&ENCODINGS), *numbers.one(&before), *numbers.one(&after)))
            .collect();
        let texts = told(&token, &layers);
        let text = texts[layers.len()].clone();
        // Of two texts that differ in the secret alone, what is shown of one must stand in the other too.
        let others: Vec<String> =
            (0..20).map(|_| numbers.shuffled(&token)).filter(|other| differs(&token, other)).collect();
        let others: Vec<Vec<String>> = others.iter().map(|other| told(other, &layers)).collect();
        let Some(first) = others.first().map(|texts| &texts[layers.len()]) else { continue };
        let redactor = knowing(&[&token]);
        let names: Vec<&str> = layers.iter().map(|((name, _), _, _)| *name).collect();
        let described = format!("{round}: {names:?}\n{token}\n{text}");
        let (cleaned, quoted) = (redactor.clean(&text), redactor.excerpt(&text, 4_000));
        assert!(redactor.finds(&text) && !redactor.finds(&cleaned), "{described}");
        let (before, after) = cleaned.split_once(MASK).expect("a mask");
        assert!(first.starts_with(before), "{described}\n{cleaned}");
        assert!(!after.contains(MASK), "{described}\n{cleaned}");
        assert!(quoted.starts_with(&super::escape(before, 4_000)), "{described}\n{quoted}");
        assert!(["", "…"].contains(&quoted.split_once(MASK).expect("a mask").1), "{described}\n{quoted}");
        // What stands behind a secret can be compared if it stands at the same place.
        let lengths = |texts: &[String]| texts.iter().map(String::len).collect::<Vec<_>>();
        if let Some(other) = others.iter().find(|other| lengths(other) == lengths(&texts)) {
            assert!(other[layers.len()].ends_with(after), "{described}\n{cleaned}");
            compared += 1;
        }
    }
    assert!(compared > 1_000, "{compared}");
}

#[test]
fn a_text_without_a_secret_stays_as_it_is() {
    let mut numbers = Numbers(7);
    for text in
        [include_str!("../../../SECURITY.md"), include_str!("../../../Cargo.lock"), include_str!("view.rs")]
    {
        let tokens: Vec<String> = (0..20).map(|_| numbers.token()).collect();
        let redactor = knowing(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(redactor.clean(text) == text && !redactor.finds(text));
    }
}

#[test]
fn a_secret_that_reads_as_something_escaped_is_found_in_each_of_its_forms() {
    for secret in ["a%2Fb%41cd-7", "x\\u0041\\/yz-8", "p&amp;q&#65;r-9", "%41\\/%42&amp;lt;"] {
        let redactor = knowing(&[secret]);
        for (name, encode) in ENCODINGS {
            let shown =
                redactor.clean(&format!("<{}>", encode(secret))).replace("0x", "").replace(['=', '\n'], "");
            assert_eq!(shown, "<***>", "{name} of {secret}");
        }
    }
}

#[test]
fn secrets_that_overlap_or_touch_go_whole() {
    let redactor = knowing(&["abcd", "abcd-efgh", "x-abcd"]);
    assert_eq!(redactor.clean("x abcd-efgh y"), "x *** y");
    assert_eq!(redactor.clean("x-abcd-efgh, abcdabcd abcd"), "***, *** ***");
    assert_eq!(redactor.clean("abc"), "abc");
}

#[test]
fn sixteen_bytes_of_a_secret_are_as_good_as_the_secret_and_fifteen_are_not() {
    let redactor = knowing(&["0123456789abcdefghijklmnop"]);
    for start in 0..10 {
        let part =
            |length: usize| format!("token: {} :end", &"0123456789abcdefghijklmnop"[start..start + length]);
        assert_eq!(redactor.clean(&part(16)).matches(MASK).count(), 1);
        assert!(!redactor.clean(&part(16)).contains(['0', '8', 'a', 'f']), "{}", redactor.clean(&part(16)));
        assert_eq!(redactor.clean(&part(15)), part(15));
    }
}

#[test]
fn the_beginning_of_a_secret_before_a_cut_is_hidden_in_every_text() {
    let redactor = knowing(&["0123456789abcdefghijklmnop", "short-one"]);
    for (text, shown) in [
        ("token 012345…", "token ***…"),
        ("token 0123456789abcde… and more", "token ***… and more"),
        ("token 01234…", "token 01234…"),
        ("token short-o…", "token ***…"),
        ("token 012345 …", "token *** …"),
        ("token 012345.", "token 012345."),
        ("token MDEyMzQ1Njc4OWFi…", "token ***…"),
        ("token %30%31%32%33%34%35…", "token ***…"),
    ] {
        assert_eq!(redactor.clean(text), shown);
    }
}

#[test]
fn a_secret_that_is_too_short_to_be_hidden_is_not_searched_for() {
    let redactor = knowing(&["abc", ""]);
    assert_eq!(redactor.clean("abc"), "abc");
    assert_eq!(redactor.excerpt("abc", 60), "abc");
    assert_eq!(knowing(&["abcd"]).clean("abcd"), MASK);
}

#[test]
fn a_quotation_ends_where_the_first_secret_begins() {
    let redactor = knowing(&["s3cr3t-token-value"]);
    for (text, shown) in [
        ("a\nb", r"a\nb"),
        ("x s3cr3t-token-value", "x ***"),
        ("x s3cr3t-token-value y s3cr3t-token-value", "x ***…"),
        ("s3cr3t-token-value", "***"),
        ("", ""),
    ] {
        assert_eq!(redactor.excerpt(text, 60), shown);
    }
}

#[test]
fn a_quotation_shows_no_part_of_a_secret_wherever_it_is_cut() {
    let redactor = knowing(&["s3cr3t-token-value"]);
    for before in 0..120 {
        for (encoding, encode) in ENCODINGS {
            let text = format!("{} {}", "x".repeat(before), encode("s3cr3t-token-value"));
            let shown = redactor.excerpt(&text, 60);
            let rest = shown.trim_start_matches('x').trim_start();
            let rest = rest.trim_start_matches("0x");
            assert!(
                ["", "0", "0…", "…", "*…", "**…", MASK].contains(&rest.trim_end_matches("=")),
                "{encoding}, {before}: {shown}"
            );
        }
    }
    // The secret begins within what is read ahead, and ends behind it.
    let far = format!("{}s3cr3t-token-value", "x".repeat(4 * 60 + super::AHEAD_BYTES - 10));
    assert!(redactor.covered(&far[..far.len() - 8], true).len() == 1);
}

#[test]
fn a_long_quotation_is_cut_at_its_limit_and_says_so() {
    let redactor = knowing(&["s3cr3t-token-value"]);
    for (length, shown) in [(59, 59), (60, 60), (61, 63), (20_000, 63)] {
        let quoted = redactor.excerpt(&"x".repeat(length), 60);
        assert_eq!((quoted.len(), quoted.ends_with('…')), (shown, length > 60), "{length}");
    }
    let wide = "ü".repeat(9_000);
    assert!(redactor.excerpt(&wide, 60).ends_with("ü…"));
    assert_eq!(Redactor::default().excerpt(&"x".repeat(20_000), 3), "xxx…");
}

#[test]
fn what_is_escaped_too_often_or_to_no_end_is_hidden() {
    let redactor = knowing(&["s3cr3t-token-value"]);
    assert_eq!(redactor.clean(&format!("a %{}41 b", "25".repeat(7))), format!("a %{}41 b", "25".repeat(7)));
    assert_eq!(redactor.clean(&format!("a %{}41 b", "25".repeat(8))), "a *** b");
    // Under each of eight layers of escapes stands the same base64, and in it the same again.
    let encode = ENCODINGS[19].1;
    let deep = (0..3).fold("x".repeat(2_000), |text, _| format!("%{}41 {}", "25".repeat(7), encode(&text)));
    assert_eq!((redactor.clean(&deep).as_str(), redactor.excerpt(&deep, 200).as_str()), (MASK, MASK));
    // A long text of an ordinary kind is not such a one.
    let log = "GET /api/v1/canary%2Fone 200 \\u0041\n".repeat(2_000);
    assert_eq!(redactor.clean(&log), log);
}

#[test]
fn a_quotation_reads_as_far_ahead_as_a_secret_in_wide_encodings_goes() {
    let redactor = knowing(&["s3cr3t-token-value"]);
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let (mut text, mut widths) = ("s3cr3t-token-value".to_owned(), Vec::new());
    for _ in 0..4 {
        text = percent(&text);
        let shown = redactor.excerpt(&format!("{} {text} and so on", "x".repeat(18)), 20);
        assert_eq!(shown, "xxxxxxxxxxxxxxxxxx *…", "{} bytes", text.len());
        widths.push(text.len());
    }
    // Each of them ends behind four times the limit; the last one behind a kilobyte.
    assert!(widths[1] > 80 && widths[3] > 1_024, "{widths:?}");
}

/// Texts in which a part of a secret has been read as something else, or that show no more than its beginning.
#[test]
fn what_is_left_of_a_secret_is_found_where_its_ends_were_eaten_or_cut() {
    let table: [(&[&str], &str, &str); 14] = [
        (&["1b/cdefghij"], "x%41b%2Fcdefghij y", "x*** y"),
        (&["1b/cdefghij", "b/cdefgh"], "x%41b%2Fcdefghij y", "x*** y"),
        // As many bytes are hidden as the secret has left: two that were read as one take the next one with them.
        (&["ab/cdefgh%6"], "x ab%2Fcdefgh%69 y z", "x *** z"),
        (&["ab/cdefgh%6", "ab/cdefg"], "x ab%2Fcdefgh%69 y z", "x *** z"),
        (&["s3cr3t-token-value", "oken"], "s3cr3t-token-value", "***"),
        (&["s3cr3t-token-value"], "x c2VjcmV0 y", "x c2VjcmV0 y"),
        (&["secret-token-value"], "x c2VjcmV0 y", "x *** y"),
        (&["secret-token-value"], "x 736563726574 y", "x *** y"),
        (&["secret-token-value"], "x 0736563726574 y", "x 0*** y"),
        (&["secret-token-value"], "x secret-t… y", "x ***… y"),
        (&["secret-token-value"], "x secre… y", "x secre… y"),
        (&["abababababababababab"], "x ababababab… y", "x ***… y"),
        (&["secret-token-value"], "x secret-to\\\nken-value y", "x *** y"),
        (&["secret-token-value"], "x secret-\u{7f}token-value y", "x *** y"),
    ];
    for (secrets, text, shown) in table {
        assert_eq!(knowing(secrets).clean(text), shown, "{text}");
    }
}

#[test]
fn lists_of_numbers_octal_bytes_and_long_references_are_read() {
    let redactor = knowing(&["пароль-для-канарейки", "s3cr3t-token-value"]);
    let octal: String = "пароль-для-канарейки".bytes().map(|byte| format!("\\{byte:03o}")).collect();
    assert_eq!(redactor.clean(&format!("x {octal} y")), "x *** y");
    let reference = |c: char| format!("&#{:07};", c as u32);
    let references: String = "s3cr3t-token-value".chars().map(reference).collect();
    assert_eq!(redactor.clean(&format!("x {references} y")), "x *** y");
    for between in [",", ", ", ",\n\t", ",\r\n  "] {
        let numbers: Vec<String> = "s3cr3t-token-value".bytes().map(|byte| byte.to_string()).collect();
        assert_eq!(redactor.clean(&format!("[{}]", numbers.join(between))), "[***]", "{between:?}");
    }
}

#[test]
fn the_same_bytes_in_the_middle_of_another_character_do_no_harm() {
    // The last byte of `Ѱ` is that of `а`, so the piece that begins there begins within a character.
    let redactor = knowing(&["ааааа-для-канарейки"]);
    assert_eq!(redactor.clean("ю Ѱаааа-для-канарейки ю"), "ю *** ю");
    let redactor = knowing(&["канарейки-для-ааааа"]);
    assert!(!redactor.clean("ю канарейки-для-ааааѰ ю").contains("канарейки"));
}

#[test]
fn a_secret_is_new_once() {
    let redactor = Redactor::default();
    let secret = Secret::new("s3cr3t-token-value");
    assert_eq!((redactor.learn_new(&secret), redactor.learn_new(&secret)), (true, false));
}

#[test]
fn a_secret_of_another_alphabet_is_cut_at_whole_characters() {
    let redactor = knowing(&["пароль-для-канарейки"]);
    assert_eq!(redactor.clean("ю пароль-для-канарейки ю"), "ю *** ю");
    assert_eq!(redactor.clean("ю пароль-для-… ю"), "ю ***… ю");
}

#[test]
fn json_stays_json_whatever_the_secret_is() {
    let redactor = knowing(&["true", "null", "12345678", "name", "\",\"b\":\""]);
    let mut value = json!({"name": true, "b": [null, 12_345_678, "so it is true", {"c": "12345678"}]});
    redactor.clean_json(&mut value);
    assert_eq!(value, json!({"name": true, "b": [null, 12_345_678, "so it is ***", {"c": "***"}]}));
}

#[test]
fn a_secret_is_learned_at_any_time() {
    let redactor = knowing(&["s3cr3t-token-value"]);
    assert!(!redactor.finds("captured-later"));
    redactor.learn(&Secret::new("captured-later"));
    assert_eq!(redactor.clean("captured-later s3cr3t-token-value"), "*** ***");
}

#[test]
fn a_search_costs_as_much_with_500_secrets_as_with_a_few() {
    let mut numbers = Numbers(11);
    let redactor = Redactor::default();
    (0..500).for_each(|_| redactor.learn(&Secret::new(numbers.token())));
    // For each byte of a text there is one look-up for each length of a piece, however many pieces have that length.
    assert!(redactor.known.borrow().pieces.len() <= PIECE_BYTES - SHORTEST_SECRET_BYTES + 1);
}
