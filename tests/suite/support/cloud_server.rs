//! As much of the clouds as exchanges the OIDC token of a job for a login to their registries. Every host is a folder here.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::{Value, json};

/// The role, account or application that nobody may use.
pub(crate) const FORBIDDEN: &str = "forbidden";

/// Serves until the process ends.
pub(crate) struct CloudServer {
    address: SocketAddr,
}

impl CloudServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(serve(stream))));
        Self { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut request, mut headers, mut length) = (String::new(), String::new(), 0);
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
        headers.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).replace("%3A", ":").replace("%2F", "/");
    let (status, answer) = match answer(&request, &headers, &body) {
        Some(answer) if !format!("{request}{body}").contains(FORBIDDEN) => ("200 OK", answer),
        _ => ("403 Forbidden", json!({ "error": "not allowed" })),
    };
    let answer = answer.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )
}

/// What the service answers, if the request has all that it asks for.
fn answer(request: &str, headers: &str, body: &str) -> Option<Value> {
    let (method, path) = request.split_once(' ')?;
    let path = path.split(' ').next()?;
    let headers = headers.to_ascii_lowercase();
    let has = |wanted: &[&str]| wanted.iter().all(|wanted| body.contains(wanted) || headers.contains(wanted));
    let (host, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    match (method, host) {
        ("GET", "token") if has(&["authorization: bearer token-to-ask-with"]) => {
            let audience = rest.split("audience=").nth(1)?;
            Some(
                json!({ "value": format!("identity-for-{}", audience.replace("%3A", "_").replace("%2F", "_")) }),
            )
        }
        ("POST", "sts.eu-west-1.amazonaws.com")
            if has(&[
                "Action=AssumeRoleWithWebIdentity",
                "RoleArn=arn:aws:iam::123456789012:role/",
                "WebIdentityToken=identity-for-sts.amazonaws.com",
            ]) =>
        {
            let credentials = json!({ "AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "secret/key+of=aws", "SessionToken": "session\"token\\of-aws" });
            Some(
                json!({ "AssumeRoleWithWebIdentityResponse": { "AssumeRoleWithWebIdentityResult": { "Credentials": credentials } } }),
            )
        }
        ("POST", "api.ecr.eu-west-1.amazonaws.com")
            if has(&[
                "authorization: aws4-hmac-sha256 credential=akiaexample/",
                "/eu-west-1/ecr/aws4_request",
                "x-amz-security-token: session\"token\\of-aws",
                "x-amz-target: amazonec2containerregistry_v20150921.getauthorizationtoken",
            ]) =>
        {
            // base64 of `AWS:password-of-ecr`.
            Some(json!({ "authorizationData": [{ "authorizationToken": "QVdTOnBhc3N3b3JkLW9mLWVjcg==" }] }))
        }
        ("POST", "sts.googleapis.com")
            if has(&[
                "audience=//iam.googleapis.com/projects/1/",
                "subject_token=identity-for-https___iam.googleapis.com_projects_1_",
            ]) =>
        {
            Some(json!({ "access_token": "federated-token" }))
        }
        ("POST", "iamcredentials.googleapis.com")
            if rest.ends_with(":generateAccessToken")
                && has(&["authorization: bearer federated-token", "\"scope\""]) =>
        {
            Some(json!({ "accessToken": "password-of-gar" }))
        }
        ("POST", "login.microsoftonline.com")
            if has(&[
                "client_id=app",
                "client_assertion=identity-for-api_",
                "scope=https://containerregistry.azure.net/.default",
            ]) =>
        {
            Some(json!({ "access_token": "token-of-entra" }))
        }
        ("POST", "acme.azurecr.io")
            if has(&["service=acme.azurecr.io", "access_token=token-of-entra", "tenant=directory"]) =>
        {
            Some(json!({ "refresh_token": "password-of-acr" }))
        }
        _ => None,
    }
}
