//! As much of GitHub's API as keeps issues and deployments.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

#[derive(Default)]
struct State {
    issues: Vec<Value>,
    deployments: Vec<Value>,
    refuses: bool,
}

/// Serves until the test ends: the thread ends with the process.
pub(crate) struct GithubServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl GithubServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(Mutex::new(State::default()));
        let served = Arc::clone(&state);
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|stream| drop(serve(&served, stream)));
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn issues(&self) -> Vec<Value> {
        self.state.lock().expect("nobody panicked").issues.clone()
    }

    /// The deployments; each with its last state, if it has one.
    pub(crate) fn deployments(&self) -> Vec<Value> {
        self.state.lock().expect("nobody panicked").deployments.clone()
    }

    /// From now on answers 503.
    pub(crate) fn refuse(&self) {
        self.state.lock().expect("nobody panicked").refuses = true;
    }
}

fn serve(state: &Mutex<State>, mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut request, mut length) = (String::new(), 0);
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut state = state.lock().expect("nobody panicked");
    let (status, answer) = if state.refuses {
        ("503 Service Unavailable", json!({ "message": "busy" }))
    } else if request.starts_with("POST /repos/acme/platform/issues ") {
        let mut issue: Value = serde_json::from_slice(&body).unwrap_or_default();
        issue["html_url"] =
            json!(format!("https://github.example/acme/platform/issues/{}", state.issues.len() + 1));
        state.issues.push(issue.clone());
        ("201 Created", issue)
    } else if request.starts_with("GET /repos/acme/platform/compare/") {
        let commit = json!({ "sha": "abcdef0123", "commit": { "message": "what was changed\n\nand why" } });
        ("200 OK", json!({ "commits": [commit] }))
    } else if request.starts_with("POST /repos/acme/platform/deployments ") {
        let mut deployment: Value = serde_json::from_slice(&body).unwrap_or_default();
        deployment["id"] = json!(state.deployments.len());
        state.deployments.push(deployment.clone());
        ("201 Created", deployment)
    } else if let Some(rest) = request.strip_prefix("POST /repos/acme/platform/deployments/") {
        let status: Value = serde_json::from_slice(&body).unwrap_or_default();
        let id = rest.split('/').next().and_then(|id| id.parse::<usize>().ok()).unwrap_or_default();
        state.deployments[id]["state"] = status["state"].clone();
        ("201 Created", status)
    } else {
        ("200 OK", Value::Array(state.issues.clone()))
    };
    let answer = answer.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )
}
