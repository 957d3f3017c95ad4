//! The tenant's API, as it is when all is well.

use std::sync::Arc;

use hyper::{Method, Request, Response, header};
use serde_json::{Value, json};

use super::state::{Asked, Conversation, State};
use super::{TenantFault, inject};
use crate::body::{self, Body};
use crate::clock;
use crate::store::reply;
use crate::wire::{Answer, Connection};

/// Largest request body read (1 MiB).
const BODY_BYTES: usize = 1024 * 1024;

/// The prompt architecture and version that write the turns.
const PROMPT: &str = "v6.2_flexible";

const BUILD_HEADER: &str = "x-build-sha";

pub(super) struct Service {
    state: Arc<State>,
}

/// A request, read.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Value,
}

impl Service {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state }
    }
}

impl Answer for Service {
    async fn answer(self: Arc<Self>, request: Request<Body>, connection: Connection) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let bytes = body::collect(body, BODY_BYTES).await.unwrap_or_default();
        let header = |name| {
            let value: Option<&header::HeaderValue> = parts.headers.get(name);
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let call = Call {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            authorization: header(header::AUTHORIZATION),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        };
        let number = self.state.ask(Asked {
            method: call.method.to_string(),
            path: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            connection: connection.id,
            cache_control: header(header::CACHE_CONTROL),
            authorization: call.authorization.clone(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            status: None,
        });
        clock::sleep(self.state.setup.latency).await;
        let mut response = inject::inject(&self.state, &call, &connection).await;
        // Every answer names the build that gives it, as behind a balancer of requests only the answer itself can.
        if let Some(version) = self.state.version().and_then(|version| version.parse().ok()) {
            response.headers_mut().entry(BUILD_HEADER).or_insert(version);
        }
        self.state.answer(number, response.status().as_u16());
        response
    }

    fn admits(&self) -> bool {
        self.state.fault() != Some(TenantFault::RefuseConnection)
    }
}

/// Status and body of an answer; `Null` is an empty body.
pub(super) type Plain = (u16, Value);

pub(super) fn json_reply((status, body): Plain) -> Response<Body> {
    match body {
        Value::Null => reply(status, &[], ""),
        body => reply(status, &[("content-type", "application/json")], body.to_string()),
    }
}

impl State {
    /// Whether the call presents this tenant's token.
    pub(super) fn knows(&self, call: &Call) -> bool {
        call.authorization.as_deref() == Some(format!("Bearer {}", self.setup.token).as_str())
    }

    /// The healthy answer of a booted tenant that reports `version`. `authorized` calls only, but for
    /// `/health`.
    pub(super) fn serve(&self, call: &Call, version: &str, authorized: bool) -> Plain {
        let path: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        if (&call.method, path.as_slice()) == (&Method::GET, &["health"]) {
            return (200, json!({"sha": version, "status": "ok", "name": self.setup.name}));
        }
        if !authorized {
            return (401, json!({"error": "unauthorized"}));
        }
        match (&call.method, path.as_slice()) {
            (&Method::GET, ["admin", "liveness"]) => {
                let subsystems = json!({"database": "ok", "memory": "ok", "prompts": "ok"});
                (200, json!({"version": version, "subsystems": subsystems}))
            }
            (&Method::GET, ["workspaces"]) => (200, json!([])),
            (&Method::GET, ["events"]) => (200, json!([])),
            (&Method::POST, ["memories", "commit"]) => self.remember(&call.body),
            (&Method::POST, ["memories", "search"]) => self.search(&call.body),
            (&Method::DELETE, ["memories", id]) => gone(self.shelf().memories.remove(*id).is_some()),
            (&Method::POST, ["conversations"]) => self.open(&call.body),
            (&Method::POST, ["conversations", id, "messages"]) => self.speak(id, &call.body),
            (&Method::GET, ["conversations", id, "messages", turn]) => self.turn(id, turn),
            (&Method::DELETE, ["conversations", id]) => {
                gone(self.shelf().conversations.remove(*id).is_some())
            }
            _ => (404, json!({"error": "not found"})),
        }
    }

    fn remember(&self, body: &Value) -> Plain {
        let Some(content) = body["content"].as_str() else {
            return (400, json!({"error": "content is missing"}));
        };
        let mut shelf = self.shelf();
        let id = shelf.id("memory");
        shelf.memories.insert(id.clone(), content.to_owned());
        (201, json!({"id": id}))
    }

    fn search(&self, body: &Value) -> Plain {
        let query = body["query"].as_str().unwrap_or_default();
        let shelf = self.shelf();
        let hits = shelf.memories.iter().filter(|(_, content)| !query.is_empty() && content.contains(query));
        (200, hits.map(|(id, content)| json!({"id": id, "content": content})).collect())
    }

    fn open(&self, body: &Value) -> Plain {
        let title = body["title"].as_str().unwrap_or_default().to_owned();
        let mut shelf = self.shelf();
        let id = shelf.id("conversation");
        shelf.conversations.insert(id.clone(), Conversation { title, ..Conversation::default() });
        (201, json!({"id": id}))
    }

    fn speak(&self, id: &str, body: &Value) -> Plain {
        let content = match self.fault() {
            Some(TenantFault::PlainProse) => "Glad you reached out. Please tell me more.".to_owned(),
            _ => format!(
                "Two things matter first: **your general health** and **how soon** you need it. You wrote: {}",
                body["content"].as_str().unwrap_or_default()
            ),
        };
        let mut shelf = self.shelf();
        let turn = shelf.id("turn");
        let Some(conversation) = shelf.conversations.get_mut(id) else {
            return (404, json!({"error": "no such conversation"}));
        };
        conversation.turns.insert(turn.clone(), content.clone());
        (201, json!({"id": turn, "role": "assistant", "content": content}))
    }

    fn turn(&self, id: &str, turn: &str) -> Plain {
        let prompt = match self.fault() {
            Some(TenantFault::OldPrompt(version)) => version,
            _ => PROMPT.to_owned(),
        };
        let shelf = self.shelf();
        match shelf.conversations.get(id).and_then(|found| found.turns.get(turn)) {
            None => (404, json!({"error": "no such message"})),
            Some(content) => {
                let metadata = json!({"prompt_arch": prompt, "prompt_version": prompt});
                (200, json!({"id": turn, "role": "assistant", "content": content, "metadata": metadata}))
            }
        }
    }
}

fn gone(was_there: bool) -> Plain {
    if was_there { (204, Value::Null) } else { (404, json!({"error": "not found"})) }
}
