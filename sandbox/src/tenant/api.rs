//! The tenant's API, as it is when all is well: memories and conversations here, one file for each other product.

use hyper::Method;
use serde_json::{Value, json};

use super::call::{Call, Plain, Served, gone};
use super::fault::TenantFault;
use super::login::Rights;
use super::state::{Conversation, State};
use super::{chat, files, graphql, items, login, oauth, socket};
use crate::clock;

/// The prompt architecture and version that write the turns.
const PROMPT: &str = "v6.2_flexible";

impl State {
    /// The healthy answer of a booted tenant that reports `version`. `open`: whoever asks is let in.
    pub(super) fn serve(&self, call: &Call, version: &str, open: bool) -> Served {
        let path: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        if (&call.method, path.as_slice()) == (&Method::GET, &["health"]) {
            return (200, json!({"sha": version, "status": "ok", "name": self.setup.name})).into();
        }
        let rights = Rights::of(self, call, open);
        let product = login::serve(self, call, &path, &rights)
            .or_else(|| oauth::serve(self, call, &path, &rights))
            .or_else(|| items::serve(self, call, &path, &rights));
        if let Some(served) = product {
            return served;
        }
        if !rights.token {
            return (401, json!({"error": "unauthorized"})).into();
        }
        let product = files::serve(self, call, &path)
            .or_else(|| chat::serve(self, call, &path))
            .or_else(|| graphql::serve(self, call, &path))
            .or_else(|| socket::serve(call, &path));
        product.unwrap_or_else(|| self.core(call, &path, version).into())
    }

    fn core(&self, call: &Call, path: &[&str], version: &str) -> Plain {
        match (&call.method, path) {
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
        shelf.memories.insert(id.clone(), (content.to_owned(), clock::now()));
        (201, json!({"id": id}))
    }

    fn search(&self, body: &Value) -> Plain {
        let query = body["query"].as_str().unwrap_or_default();
        let shelf = self.shelf();
        let hits = shelf.memories.iter().filter(|(_, (content, since))| {
            let indexed = clock::now().duration_since(*since) >= self.setup.index_lag;
            indexed && !query.is_empty() && content.contains(query)
        });
        (200, hits.map(|(id, (content, _))| json!({"id": id, "content": content})).collect())
    }

    fn open(&self, body: &Value) -> Plain {
        let title = body["title"].as_str().unwrap_or_default().to_owned();
        let mut shelf = self.shelf();
        let id = shelf.id("conversation");
        shelf.conversations.insert(id.clone(), Conversation { title, ..Conversation::default() });
        (201, json!({"id": id}))
    }

    fn speak(&self, id: &str, body: &Value) -> Plain {
        let content = chat::reply_to(self, body["content"].as_str().unwrap_or_default());
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
