//! A server that nobody should tell anything: it writes down every request and answers all of them alike.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::PrivateKeyDer;

/// Serves until the test ends: the threads end with the process.
pub(crate) struct Eavesdropper {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Eavesdropper {
    /// Answers with the status line and headers that `answer` makes of the server's own URL.
    pub(crate) fn start(answer: impl Fn(&str) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let answer =
            format!("HTTP/1.1 {}\r\ncontent-length: 0\r\n\r\n", answer(&format!("http://{address}")));
        Self::serve(listener, move |stream| drop(stream.write_all(answer.as_bytes())))
    }

    /// A proxy that leads every host to `inside`, after it has said that the tunnel stands.
    pub(crate) fn tunnel(inside: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self::serve(listener, move |stream| {
            if stream.write_all(b"HTTP/1.1 200 here you are\r\n\r\n").is_ok() {
                inside(stream);
            }
        })
    }

    fn serve(listener: TcpListener, answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().expect("its address");
        let (heard, answer) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(answer));
        let kept = Arc::clone(&heard);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || {
                    while let Ok(Some(request)) = listen(&stream) {
                        kept.lock().expect("nobody panicked").push(request);
                        answer(&mut stream);
                    }
                });
            }
        });
        Self { address, heard }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, with its headers and its body.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("nobody panicked").clone()
    }
}

/// The next request; `None` at the end of the connection.
fn listen(stream: &TcpStream) -> std::io::Result<Option<String>> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
        request.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.push_str(&String::from_utf8_lossy(&body));
    Ok(Some(request))
}

/// An authority that no system trusts, as PEM, and a server for `host` with its certificate that answers 404.
pub(crate) fn untrusted(host: &str) -> (String, impl Fn(&mut TcpStream) + Send + Sync + 'static) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).expect("a certificate");
    let issuer = rcgen::Issuer::new(authority, key);
    let own = rcgen::KeyPair::generate().expect("a key");
    let leaf = rcgen::CertificateParams::new(vec![host.to_owned()]).expect("parameters");
    let leaf = leaf.signed_by(&own, &issuer).expect("a certificate");
    let key = PrivateKeyDer::try_from(own.serialize_der()).expect("the same key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a certificate with its key");
    let config = Arc::new(config);
    let serve = move |stream: &mut TcpStream| {
        let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
        let mut stream = rustls::Stream::new(&mut tls, stream);
        let mut request = [0; 4096];
        if stream.read(&mut request).is_ok() {
            let answer = b"HTTP/1.1 404 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer).and_then(|()| stream.flush());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    };
    (root.pem(), serve)
}
