//! The products that a tenant serves beside memories: login, pages, files, streams, GraphQL, OAuth, WebSocket.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use coalmine_sandbox::{Tenant, TenantFault, TenantSetup, USER};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::NEW;

fn start(setup: TenantSetup) -> Tenant {
    let tenant = Tenant::start(setup).unwrap();
    assert!(tenant.runs(NEW, Duration::from_secs(20)));
    tenant
}

fn well() -> Tenant {
    start(TenantSetup::fixed(NEW))
}

async fn sent(request: RequestBuilder) -> (u16, Response) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer)
}

async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

fn header(answer: &Response, name: &str) -> String {
    let values = answer.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned());
    values.collect::<Vec<_>>().join("\n")
}

/// The value of a cookie that an answer sets.
fn cookie(answer: &Response, name: &str) -> String {
    let all = header(answer, "set-cookie");
    let found = all.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("no {name} in {all}")).split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_logs_in_with_password_and_csrf_token_and_out_again() {
    let (tenant, client) = (well(), crate::client());
    let at = |path: &str| format!("{}{path}", tenant.url());
    let (_, form) = sent(client.get(at("/login"))).await;
    let csrf = cookie(&form, "csrf");
    assert!(form.text().await.unwrap().contains(&format!("name=\"csrf\" value=\"{csrf}\"")));
    let log_in = |client: &Client, password: &str, cookie: &str| {
        let body = format!("user={USER}&password={password}&csrf={csrf}");
        client.post(at("/login")).header("cookie", format!("csrf={cookie}")).body(body)
    };
    assert_eq!(sent(log_in(&client, "sandbox-password", "csrf-other")).await.0, 403);
    assert_eq!(sent(log_in(&client, "wrong", &csrf)).await.0, 401);
    let (status, answer) = sent(log_in(&client, "sandbox-password", &csrf)).await;
    assert_eq!((status, header(&answer, "location").as_str()), (303, "/account"));
    let (session, csrf) = (cookie(&answer, "session"), cookie(&answer, "csrf"));
    let cookies = format!("csrf={csrf}; session={session}");
    let (status, account) = sent(client.get(at("/account")).header("cookie", &cookies)).await;
    assert_eq!((status, json_of(account).await["user"].as_str()), (200, Some(USER)));
    assert_eq!(sent(client.get(at("/account"))).await.0, 401);
    let create = || client.post(at("/items")).header("cookie", &cookies).json(&json!({"title": "x"}));
    assert_eq!(sent(create()).await.0, 403, "a write by cookie alone is forged");
    assert_eq!(sent(create().header("x-csrf-token", &csrf)).await.0, 201);
    assert_eq!(tenant.leftovers().others.len(), 2, "{:?}", tenant.leftovers());
    let out = client.post(at("/logout")).header("cookie", &cookies).header("x-csrf-token", &csrf);
    assert_eq!(sent(out).await.0, 204);
    assert_eq!(sent(client.get(at("/account")).header("cookie", &cookies)).await.0, 401);
}

#[tokio::test]
async fn pages_are_linked_to_the_last_one() {
    let (tenant, client) = (well(), crate::client());
    let (mut path, mut found) = (Some("/items".to_owned()), Vec::new());
    while let Some(next) = path {
        let (status, answer) =
            sent(client.get(format!("{}{next}", tenant.url())).bearer_auth(tenant.token())).await;
        assert_eq!(status, 200);
        let link = header(&answer, "link");
        path = link.split(['<', '>']).nth(1).map(str::to_owned);
        found.push(json_of(answer).await.as_array().unwrap().len());
    }
    assert_eq!(found, [2, 2, 1]);
}

#[tokio::test]
async fn files_come_as_forms_and_as_bytes() {
    let (tenant, client) = (well(), crate::client());
    let body = b"--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nLogo\r\n--x\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: image/png\r\n\r\n\x00\xff\r\n\x01\r\n--x--\r\n";
    let upload = client.post(format!("{}/files", tenant.url())).bearer_auth(tenant.token());
    let (status, answer) =
        sent(upload.header("content-type", "multipart/form-data; boundary=x").body(body.to_vec())).await;
    let place = header(&answer, "location");
    let answer = json_of(answer).await;
    assert_eq!(status, 201, "{answer}");
    for (key, value) in [
        ("field", json!("file")),
        ("filename", json!("a.bin")),
        ("content_type", json!("image/png")),
        ("bytes", json!(5)),
        ("fields", json!({"title": "Logo"})),
    ] {
        assert_eq!(answer[key], value, "{answer}");
    }
    let get = client.get(format!("{}{place}", tenant.url())).bearer_auth(tenant.token());
    assert_eq!(sent(get).await.1.bytes().await.unwrap().as_ref(), b"\x00\xff\r\n\x01");
    let greeting = client.get(format!("{}/greeting?charset=iso-8859-1", tenant.url()));
    let bytes = sent(greeting.bearer_auth(tenant.token())).await.1.bytes().await.unwrap();
    assert!(bytes.starts_with(b"Gr\xfc\xdfe"), "{bytes:?}");
}

async fn chat(tenant: &Tenant) -> Result<String, reqwest::Error> {
    let body = json!({"stream": true, "messages": [{"role": "user", "content": "knee"}]});
    let request = crate::client().post(format!("{}/v1/chat/completions", tenant.url()));
    request.bearer_auth(tenant.token()).json(&body).send().await?.text().await
}

#[tokio::test]
async fn a_model_streams_events_or_lines_and_breaks_off_as_told() {
    let tenant = well();
    let text = chat(&tenant).await.unwrap();
    assert!(text.ends_with("data: [DONE]\n\n") && text.contains("\"content\":\"general \""), "{text}");
    let lines = crate::client().post(format!("{}/api/generate", tenant.url())).bearer_auth(tenant.token());
    let lines = sent(lines.json(&json!({"prompt": "knee"}))).await.1.text().await.unwrap();
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{lines}");
    assert!(lines.trim_end().ends_with("\"response\":\"\"}"), "{lines}");
    let of = |fault| start(TenantSetup::fixed(NEW).fault(fault));
    let short = chat(&of(TenantFault::StreamShort)).await.unwrap();
    assert!(!short.contains("[DONE]") && short.contains("delta"), "{short}");
    assert!(chat(&of(TenantFault::StreamCut)).await.is_err());
    for fault in [TenantFault::StreamStalls, TenantFault::StreamEndless] {
        let tenant = of(fault);
        let late = tokio::time::timeout(Duration::from_millis(300), chat(&tenant)).await;
        assert!(late.is_err(), "{late:?}");
    }
}

#[tokio::test]
async fn graphql_answers_mistakes_with_status_200() {
    let (tenant, client) = (well(), crate::client());
    let ask = async |query: &str, variables: Value| {
        let request = client.post(format!("{}/graphql", tenant.url())).bearer_auth(tenant.token());
        let (status, answer) = sent(request.json(&json!({"query": query, "variables": variables}))).await;
        assert_eq!(status, 200);
        json_of(answer).await
    };
    assert_eq!(ask("{ me { id name } }", json!({})).await["data"]["me"]["name"], USER);
    assert!(ask("{ nothing }", json!({})).await["errors"].is_array());
    let made = ask("mutation($text: String!) { createNote(text: $text) { id } }", json!({"text": "n"})).await;
    let id = made["data"]["createNote"]["id"].clone();
    assert_eq!(tenant.leftovers().others, [id.as_str().unwrap()]);
    ask("mutation($id: ID!) { deleteNote(id: $id) }", json!({"id": id})).await;
    assert!(tenant.leftovers().is_empty());
}

#[tokio::test]
async fn a_client_gets_a_token_that_works_until_it_is_revoked() {
    let (tenant, client) = (well(), crate::client());
    let at = |path: &str| format!("{}{path}", tenant.url());
    let token = |secret: &str| client.post(at("/oauth/token")).basic_auth(USER, Some(secret));
    assert_eq!(sent(token("wrong").body("grant_type=client_credentials")).await.0, 401);
    let (_, answer) = sent(token("sandbox-client-secret").body("grant_type=client_credentials")).await;
    let access = json_of(answer).await["access_token"].as_str().unwrap().to_owned();
    let me = async || sent(client.get(at("/api/me")).bearer_auth(&access)).await.0;
    assert_eq!(me().await, 200);
    let form = format!("client_id={USER}&client_secret=sandbox-client-secret&token={access}");
    assert_eq!(sent(client.post(at("/oauth/revoke")).body(form)).await.0, 200);
    assert_eq!(me().await, 401);
}

#[test]
fn a_socket_greets_and_gives_back_what_it_got() {
    let tenant = well();
    let mut stream = TcpStream::connect(tenant.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // Key and answer are the example of RFC 6455, section 1.3.
    let head = format!(
        "GET /socket HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        tenant.token()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut found = Vec::new();
    while !found.ends_with(b"\x81\x07welcome") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        found.push(byte[0]);
    }
    let found = String::from_utf8_lossy(&found).to_lowercase();
    assert!(found.contains("101 switching") && found.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{found}");
    stream.write_all(b"\x81\x82\x01\x02\x03\x04\x69\x6b").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\x81\x02hi");
}

#[tokio::test]
async fn a_lagging_index_finds_a_memory_later() {
    let tenant = start(TenantSetup { index_lag: Duration::from_millis(200), ..TenantSetup::fixed(NEW) });
    let post = async |path: &str, body: Value| {
        let request = crate::client().post(format!("{}{path}", tenant.url())).bearer_auth(tenant.token());
        json_of(sent(request.json(&body)).await.1).await
    };
    post("/memories/commit", json!({"content": "needle"})).await;
    let hits = async || post("/memories/search", json!({"query": "needle"})).await.as_array().unwrap().len();
    assert_eq!(hits().await, 0);
    let mut found = 0;
    for _ in 0..10_000 {
        found = hits().await;
        if found > 0 {
            break;
        }
    }
    assert_eq!(found, 1);
}
