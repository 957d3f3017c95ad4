//! A JUnit report as a source: how many of the cases passed.

use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::answer::{Answer, Failure};
use crate::base::text;
use crate::model::measurement::Counts;

/// Counts the cases of the report at `path` whose name, or `classname.name`, fits `pattern`, in which `*` is anything. A
/// case that was skipped is not counted.
///
/// # Errors
/// The file cannot be read, is no JUnit report, or no case fits.
pub fn ask(path: &Path, pattern: &str) -> Result<Answer, Failure> {
    let shown = text::escape(&path.display().to_string(), 200);
    let what = format!("read the JUnit report `{shown}`");
    let report = crate::io::files::read_if_there(path).map_err(|e| Failure::of(&what, e))?;
    let report = report.ok_or_else(|| Failure::NoData(format!("there is no JUnit report `{shown}`")))?;
    let counts = count(&report, pattern).map_err(|why| Failure::of(&what, why))?;
    if counts.total == 0 {
        let pattern = text::escape(pattern, 200);
        return Err(Failure::NoData(format!("no case of `{shown}` that was run fits `{pattern}`")));
    }
    Ok(Answer::Counts(counts))
}

fn count(report: &str, pattern: &str) -> Result<Counts, String> {
    let mut reader = Reader::from_str(report);
    let mut counts = Counts::default();
    // Whether the case at hand fits, and what it came to so far.
    let mut case: Option<(bool, End)> = None;
    let mut depth = 0_u32;
    let mut close = |case: Option<(bool, End)>| {
        if let Some((true, end @ (End::Passed | End::Failed))) = case {
            counts.total += 1;
            counts.good += u64::from(end == End::Passed);
        }
    };
    loop {
        match reader.read_event().map_err(|e| e.to_string())? {
            Event::Start(element) if element.name().as_ref() == "testcase" => {
                case = Some((fits(&element, pattern)?, End::Passed));
                depth += 1;
            }
            Event::Empty(element) if element.name().as_ref() == "testcase" => {
                close(Some((fits(&element, pattern)?, End::Passed)));
            }
            Event::Start(element) => {
                note(&mut case, element.name().as_ref());
                depth += 1;
            }
            Event::Empty(element) => note(&mut case, element.name().as_ref()),
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                if element.name().as_ref() == "testcase" {
                    close(case.take());
                }
            }
            Event::Eof if depth > 0 => return Err("it ends in the middle".to_owned()),
            Event::Eof => return Ok(counts),
            _ => {}
        }
    }
}

/// What a case came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Skipped,
    Failed,
}

fn note(case: &mut Option<(bool, End)>, element: &str) {
    let Some((_, end)) = case else { return };
    match element {
        "failure" | "error" => *end = End::Failed,
        "skipped" if *end == End::Passed => *end = End::Skipped,
        _ => {}
    }
}

fn fits(element: &BytesStart<'_>, pattern: &str) -> Result<bool, String> {
    let attribute = |name: &str| -> Result<String, String> {
        let found = element.try_get_attribute(name).map_err(|e| e.to_string())?;
        let Some(found) = found else { return Ok(String::new()) };
        let raw = found.value.into_owned();
        quick_xml::escape::unescape(&raw).map(std::borrow::Cow::into_owned).map_err(|e| e.to_string())
    };
    let name = attribute("name")?;
    let full = format!("{}.{name}", attribute("classname")?);
    Ok(matches(pattern, &name) || matches(pattern, &full))
}

/// Whether `text` fits `pattern`, in which `*` is anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{count, matches};
    use crate::model::measurement::Counts;

    const REPORT: &str = r#"<?xml version="1.0"?><testsuites><testsuite name="s">
        <testcase classname="finals" name="one"/>
        <testcase classname="finals" name="two &amp; three"><system-out>x</system-out></testcase>
        <testcase classname="finals" name="four"><failure message="no"/></testcase>
        <testcase classname="finals" name="five"><error>boom</error></testcase>
        <testcase classname="finals" name="six"><skipped/></testcase>
        <testcase classname="other" name="seven"/></testsuite></testsuites>"#;

    #[test]
    fn cases_that_fit_are_counted_and_skipped_ones_are_not() {
        for (pattern, good, total) in [
            ("*", 3, 5),
            ("finals.*", 2, 4),
            ("two & three", 1, 1),
            ("four", 0, 1),
            ("six", 0, 0),
            ("nobody", 0, 0),
        ] {
            assert_eq!(count(REPORT, pattern), Ok(Counts { good, total }), "{pattern}");
        }
        assert!(count("<testsuite><testcase name=\"a\"><failure>", "*").is_err());
        assert!(count("<a></b>", "*").is_err());
    }

    #[test]
    fn a_star_is_anything() {
        for (pattern, text, fits) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c*e", "abcde", true),
            ("a*e*c", "abcde", false),
            ("*aa", "a", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
