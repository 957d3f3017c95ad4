//! Reading an answer, bounded in time and size.

use std::cell::Cell;

use reqwest::Response;
use tokio::sync::Semaphore;

use crate::io::clock;
use crate::model::check::{Answer, BodyEnd};
use crate::policy::smoke::assess::BODY_BYTES;
use crate::policy::smoke::stream::{Ear, Heard};

/// Longer answers wait for their turn: what bounds memory, as almost all answers are shorter.
pub(super) const SHORT_BYTES: usize = 64 * 1024;
/// The most header bytes that are kept of one answer.
const HEADER_BYTES: usize = 64 * 1024;

/// Reads an answer, up to the limit and until the time is over. What came is kept: a wrong status is one, however the
/// body ends.
///
/// What is heard of a stream of events goes to `ear`, which says when it is enough; `first` is set when the first event
/// has come.
pub(super) async fn listen(
    mut response: Response,
    until: clock::Instant,
    long: &Semaphore,
    ear: Option<&Ear<'_>>,
    first: &Cell<Option<clock::Instant>>,
) -> Answer {
    let status = response.status().as_u16();
    let mut headers = Vec::new();
    let mut kept = 0;
    for (name, value) in response.headers() {
        kept += name.as_str().len() + value.len();
        if kept > HEADER_BYTES {
            break;
        }
        headers.push((name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    }
    let mut body = Vec::new();
    let mut turn = None;
    let end = loop {
        if body.len() > SHORT_BYTES && turn.is_none() {
            turn = tokio::select! {
                biased;
                turn = long.acquire() => turn.ok(),
                () = clock::sleep_until(until) => break BodyEnd::Cut,
            };
        }
        let chunk = tokio::select! {
            biased;
            chunk = response.chunk() => chunk,
            () = clock::sleep_until(until) => break BodyEnd::Cut,
        };
        match chunk {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_BYTES => {
                body.extend_from_slice(&chunk[..BODY_BYTES - body.len()]);
                break BodyEnd::TooLong;
            }
            Ok(Some(chunk)) => {
                let heard = ear.map_or(Heard::Nothing, |ear| ear.hear(&headers, &chunk));
                if heard != Heard::Nothing && first.get().is_none() {
                    first.set(Some(clock::instant()));
                }
                body.extend_from_slice(&chunk);
                if heard == Heard::Enough {
                    break BodyEnd::Whole;
                }
            }
            Ok(None) => break BodyEnd::Whole,
            Err(_) => break BodyEnd::Cut,
        }
    };
    Answer { status, headers, body, end }
}
