//! Spans of time as people write them: `90s`, `10m`, `1h30m`, `500ms`.

use std::time::Duration;

/// Reads a span. A unit is mandatory, so that `120` is never minutes to one reader and seconds to another.
///
/// # Errors
/// The text is no span with a unit, or it is zero or negative.
pub fn parse(text: &str) -> Result<Duration, String> {
    let refuse =
        || format!("`{text}` is not a span of time: write a number with a unit, as in `500ms`, `90s`, `10m`");
    if !text.ends_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(refuse());
    }
    let span: jiff::Span = text.parse().map_err(|_| refuse())?;
    // A day is 24 hours here: what is waited for does not end later because a clock was changed.
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let signed = span.to_duration(days).map_err(|_| refuse())?;
    Duration::try_from(signed).ok().filter(|span| !span.is_zero()).ok_or_else(refuse)
}

/// Writes a span in the coarsest form that a person needs: `850ms`, `12s`, `3m 05s`, `2h 10m`, `4d 3h`.
pub fn show(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{}ms", span.as_millis()),
        1..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, show};
    use std::time::Duration;

    #[test]
    fn reads_spans_with_a_unit_and_refuses_all_else() {
        for (text, millis) in
            [("500ms", 500), ("90s", 90_000), ("10m", 600_000), ("1h30m", 5_400_000), ("7d", 604_800_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "120", "0s", "-5s", "ten minutes", "5 parsecs", "1e9h", "1mo"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shows_spans_coarsely() {
        for (millis, text) in [
            (850, "850ms"),
            (12_300, "12s"),
            (185_000, "3m 05s"),
            (7_800_000, "2h 10m"),
            (356_400_000, "4d 3h"),
        ] {
            assert_eq!(show(Duration::from_millis(millis)), text);
        }
    }
}
