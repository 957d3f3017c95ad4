//! A WebSocket (RFC 6455) that gives back every short text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, header};
use hyper_util::rt::TokioIo;
use serde_json::json;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::call::{Call, Served};
use crate::store::reply;

/// What a server adds to the client's key (RFC 6455, section 1.3).
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

pub(super) fn serve(call: &Call, path: &[&str]) -> Option<Served> {
    if (&call.method, path) != (&Method::GET, &["socket"]) {
        return None;
    }
    let asks = call.header(header::UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let Some(key) = call.header(header::SEC_WEBSOCKET_KEY).filter(|_| asks) else {
        return Some((426, json!({"error": "this is a WebSocket"})).into());
    };
    let accept = STANDARD.encode(Sha1::digest(format!("{key}{MAGIC}")));
    let headers =
        [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", accept.as_str())];
    Some(Served::Whole(reply(101, &headers, "")))
}

/// Greets, and gives back texts of up to 125 bytes until the client closes or says something else.
pub(super) async fn echo(upgrade: OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut stream = TokioIo::new(upgraded);
    if stream.write_all(&frame(TEXT, b"welcome")).await.is_err() {
        return;
    }
    // Two bytes of head, four of the mask that every client uses.
    let mut head = [0; 6];
    while stream.read_exact(&mut head).await.is_ok() {
        let mut content = vec![0; usize::from(head[1] & 0x7f)];
        if content.len() > 125 || stream.read_exact(&mut content).await.is_err() {
            return;
        }
        content.iter_mut().zip(head[2..].iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        let kind = if head[0] == TEXT { TEXT } else { CLOSE };
        if stream.write_all(&frame(kind, &content)).await.is_err() || kind == CLOSE {
            return;
        }
    }
}

fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, u8::try_from(content.len()).unwrap_or(0)], content].concat()
}
