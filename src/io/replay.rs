//! A server on loopback that answers from a script: the other side of `canary-smoke prove`. It speaks as much HTTP/1.1
//! (RFC 9112) as this program's own client needs: one request at a time, bodies with a length.

use std::convert::Infallible;
use std::net::Ipv4Addr;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::model::check::{Answer, BodyEnd};

/// The longest request that is read; the client's own are far shorter.
const REQUEST_BYTES: usize = 8 * 1024 * 1024;
/// Bytes that an answer promises and does not send when it is to be cut.
const MISSING_BYTES: usize = 64;
/// Headers that belong to a connection, not to an answer.
const OF_THE_CONNECTION: [&str; 4] = ["connection", "content-length", "transfer-encoding", "keep-alive"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub(crate) method: String,
    /// Path and query, not decoded.
    pub(crate) target: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// The value of the header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A server that listens and does not answer yet.
pub struct Replay(TcpListener);

impl Replay {
    /// Listens on a free port of 127.0.0.1.
    pub async fn listen() -> std::io::Result<Self> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map(Self)
    }

    /// The URL of the server: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> std::io::Result<String> {
        Ok(format!("http://{}", self.0.local_addr()?))
    }

    /// Answers for as long as it is polled.
    pub async fn serve(&self, script: impl Fn(&Asked) -> Answer) -> Infallible {
        let script = &script;
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.0.accept() => {
                    if let Ok((stream, _)) = accepted {
                        connections.push(async move {
                            // A client that went away is seen by the client.
                            let _ = converse(stream, script).await;
                        });
                    }
                }
                Some(()) = connections.next() => {}
            }
        }
    }
}

/// Answers one request after the other, until the client goes away or an answer is to be cut.
async fn converse(mut stream: TcpStream, script: &impl Fn(&Asked) -> Answer) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        if let Some((asked, end)) = parsed(&bytes) {
            bytes.drain(..end);
            let answer = script(&asked);
            stream.write_all(&written(&answer)).await?;
            if answer.end != BodyEnd::Whole {
                return stream.shutdown().await;
            }
        } else if stream.read_buf(&mut bytes).await? == 0 || bytes.len() > REQUEST_BYTES {
            return Ok(());
        }
    }
}

/// The request, once all of it is there, and where it ends.
fn parsed(bytes: &[u8]) -> Option<(Asked, usize)> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&bytes[..head]);
    let mut lines = text.split("\r\n");
    let mut line = lines.next()?.split(' ');
    let (method, target) = (line.next()?.to_owned(), line.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let end = head + 4 + length.unwrap_or(0);
    let body = bytes.get(head + 4..end)?.to_vec();
    Some((Asked { method, target, headers, body }, end))
}

fn written(answer: &Answer) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} replayed\r\n", answer.status);
    for (name, value) in &answer.headers {
        let clean = value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b));
        if clean && !OF_THE_CONNECTION.contains(&name.as_str()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let promised = answer.body.len() + if answer.end == BodyEnd::Whole { 0 } else { MISSING_BYTES };
    if answer.status != 204 || promised > 0 {
        head.push_str(&format!("content-length: {promised}\r\n"));
    }
    head.push_str("\r\n");
    [head.as_bytes(), &answer.body].concat()
}
