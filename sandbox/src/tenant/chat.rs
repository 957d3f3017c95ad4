//! A model that answers in one piece, as server-sent events, or as lines of JSON; and a feed without end.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::call::{Call, Served};
use super::fault::TenantFault;
use super::state::State;
use crate::body::{self, Body};
use crate::clock;
use crate::store::reply;

/// Between two events.
const GAP: Duration = Duration::from_millis(1);

/// What the model says to `content`.
pub(super) fn reply_to(state: &State, content: &str) -> String {
    match state.fault() {
        Some(TenantFault::PlainProse) => "Glad you reached out. Please tell me more.".to_owned(),
        _ => format!(
            "Two things matter first: **your general health** and **how soon** you need it. You wrote: {content}"
        ),
    }
}

pub(super) fn serve(state: &State, call: &Call, path: &[&str]) -> Option<Served> {
    Some(match (&call.method, path) {
        (&Method::POST, ["v1", "chat", "completions"]) => completion(state, &call.body),
        (&Method::POST, ["api", "generate"]) => generate(state, &call.body),
        (&Method::GET, ["feed"]) => {
            let tick = |number: u32| format!("event: tick\ndata: {{\"tick\": {number}}}\n\n");
            stream(state, "text/event-stream", (1..=5_000).map(tick).collect(), GAP)
        }
        _ => return None,
    })
}

/// As OpenAI writes it: "Chat completions", streaming.
fn completion(state: &State, asked: &Value) -> Served {
    let Some(content) = asked["messages"].as_array().and_then(|all| all.last()?["content"].as_str()) else {
        return (400, json!({"error": {"message": "messages are missing", "type": "invalid_request_error"}}))
            .into();
    };
    let text = reply_to(state, content);
    let id = state.shelf().id("completion");
    if asked["stream"] != true {
        let choice =
            json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
        return (
            200,
            json!({"id": id, "object": "chat.completion", "model": asked["model"], "choices": [choice]}),
        )
            .into();
    }
    let event = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let chunk = json!({"id": id, "object": "chat.completion.chunk", "model": asked["model"], "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let mut events =
        vec![": the model thinks\n\n".to_owned(), event(json!({"role": "assistant"}), Value::Null)];
    events.extend(words(&text).map(|word| event(json!({"content": word}), Value::Null)));
    events.push(event(json!({}), json!("stop")));
    events.push("data: [DONE]\n\n".to_owned());
    stream(state, "text/event-stream; charset=utf-8", events, GAP)
}

/// As Ollama writes it: "Generate a completion", streaming.
fn generate(state: &State, asked: &Value) -> Served {
    let text = reply_to(state, asked["prompt"].as_str().unwrap_or_default());
    let line = |word: &str, done: bool| {
        format!("{}\n", json!({"model": asked["model"], "response": word, "done": done}))
    };
    let mut lines: Vec<String> = words(&text).map(|word| line(word, false)).collect();
    lines.push(line("", true));
    stream(state, "application/x-ndjson", lines, GAP)
}

/// The text in pieces of one word.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// Writes events one after the other, each in two pieces.
fn stream(state: &State, kind: &str, mut events: Vec<String>, gap: Duration) -> Served {
    let fault = state.fault();
    if fault == Some(TenantFault::StreamShort) {
        events.truncate(events.len() / 2);
    }
    let mut response = reply(200, &[("content-type", kind), ("cache-control", "no-cache")], "");
    *response.body_mut() = written(events, gap, fault);
    Served::Whole(response)
}

fn written(events: Vec<String>, gap: Duration, fault: Option<TenantFault>) -> Body {
    body::produced(move |chunks| async move {
        match fault {
            Some(TenantFault::StreamStalls) => std::future::pending().await,
            Some(TenantFault::SlowFirstEvent(span)) => clock::sleep(span).await,
            _ => {}
        }
        let endless = fault == Some(TenantFault::StreamEndless);
        let last = events.len().saturating_sub(if endless { 2 } else { 0 });
        for event in &events[..last] {
            let (head, tail) = event.split_at(middle(event));
            if !chunks.send(head.to_owned()).await || !chunks.send(tail.to_owned()).await {
                return;
            }
            clock::sleep(gap).await;
        }
        while endless && chunks.send(events[last / 2].clone()).await {
            clock::sleep(gap).await;
        }
    })
}

/// About the middle of `text`, between two of its characters.
fn middle(text: &str) -> usize {
    text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at)
}
