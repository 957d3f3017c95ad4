//! A token server that docker-registry believes: it signs ES256 tokens with a certificate of its own
//! (distribution specification, "Token authentication implementation").

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use tempfile::TempDir;

const ISSUER: &str = "coalmine-test";
const SERVICE: &str = "registry-test";

/// Serves until the test ends: the thread ends with the process.
pub(crate) struct TokenServer {
    address: SocketAddr,
    granted: Arc<AtomicUsize>,
    folder: TempDir,
}

struct Desk {
    key: EcdsaKeyPair,
    certificate: Vec<u8>,
    login: String,
    granted: Arc<AtomicUsize>,
}

impl TokenServer {
    pub(crate) fn start(user: &str, password: &str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
            .expect("parameters")
            .self_signed(&pair)
            .expect("a certificate");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("bundle.pem"), certificate.pem())
            .expect("a file in the temporary folder");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der())
            .expect("the same key");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let granted = Arc::new(AtomicUsize::new(0));
        let login = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let desk =
            Desk { key, certificate: certificate.der().to_vec(), login, granted: Arc::clone(&granted) };
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(desk.serve(stream))));
        Self { address, granted, folder }
    }

    /// What docker-registry has to be told.
    pub(crate) fn registry_configuration(&self) -> String {
        let bundle: PathBuf = self.folder.path().join("bundle.pem");
        format!(
            "auth: {{token: {{realm: \"http://{}/token\", service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {}}}}}",
            self.address,
            bundle.display()
        )
    }

    /// How many tokens were handed out.
    pub(crate) fn granted(&self) -> usize {
        self.granted.load(Ordering::SeqCst)
    }
}

impl Desk {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        let mut known = false;
        for line in lines {
            let line = line?;
            if line.is_empty() {
                break;
            }
            known |= line.split_once(": ").is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("authorization") && value == self.login
            });
        }
        let (status, body) = if known {
            ("200 OK", json!({ "token": self.token(&request) }))
        } else {
            ("401 Unauthorized", json!({}))
        };
        let body = body.to_string();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    /// A token for every scope that the request's query names.
    fn token(&self, request: &str) -> String {
        self.granted.fetch_add(1, Ordering::SeqCst);
        let url = request.split(' ').nth(1).unwrap_or_default();
        let query = url
            .split_once('?')
            .map_or("", |(_, query)| query)
            .replace("%3A", ":")
            .replace("%2F", "/")
            .replace("%2C", ",");
        let scopes = query.split('&').filter_map(|pair| pair.strip_prefix("scope="));
        let access: Vec<serde_json::Value> = scopes
            .filter_map(|scope| {
                let [kind, name, actions] =
                    <[&str; 3]>::try_from(scope.split(':').collect::<Vec<_>>()).ok()?;
                Some(json!({ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }))
            })
            .collect();
        let now = std::time::UNIX_EPOCH.elapsed().expect("a time after 1970").as_secs();
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(&self.certificate)] });
        let claims = json!({ "iss": ISSUER, "sub": "robot", "aud": SERVICE, "exp": now + 300, "nbf": now - 10, "iat": now, "jti": "1", "access": access });
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
