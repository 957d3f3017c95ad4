//! The examples for five kinds of products, as they stand: green when the tenant is well, and nearly no fault that a proof
//! plays to them goes unnoticed.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use coalmine_sandbox::{Tenant, TenantFault, TenantSetup};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;

use super::fixture::{Fixture, SHA, TOKEN, start};
use crate::support::is_full;

const EXAMPLES: [&str; 5] = ["login", "llm", "graphql", "oauth", "mtls"];
/// The share of faults that an example notices, in percent.
const SCORE: &str = "95";

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/examples/smoke-{name}.toml"));
    std::fs::read_to_string(path).expect("the example is there")
}

/// The example with a tenant that has this fault. A tenant that is not well is waited for no longer than needed.
fn product(name: &str, fault: Option<TenantFault>) -> (Fixture, Tenant) {
    let wait = "every = \"5s\"";
    let suite = example(name);
    assert!(suite.contains(wait), "{name} has changed");
    let tenant = start(TenantSetup { fault, token: TOKEN.into(), ..TenantSetup::fixed(SHA) });
    let suite = suite
        .replace(wait, "every = \"50ms\"\nwithin = \"2s\"")
        .replace("timeout = \"30s\"", "timeout = \"3s\"");
    let suite = suite
        .replace("within = \"60s\"", "within = \"3s\"")
        .replace("first_event_within = \"5s\"", "first_event_within = \"2s\"");
    let suite =
        suite.replace("{ within = \"10s\", every = \"500ms\" }", "{ within = \"200ms\", every = \"50ms\" }");
    let mut fixture = Fixture::new(&suite, &[&tenant])
        .var("PATH", "/usr/local/bin:/usr/bin:/bin")
        .var("CANARY_PASSWORDS", "sandbox-password")
        .var("CANARY_CLIENT_SECRETS", "sandbox-client-secret");
    let logo = include_bytes!("../../../docs/examples/logo.png");
    std::fs::write(fixture.path("logo.png"), logo).unwrap();
    if name == "mtls" {
        let url = guarded(&fixture, &tenant);
        fixture = fixture.var("CANARY_TENANT_URLS", &url);
    }
    (fixture, tenant)
}

/// A proxy in front of `tenant` that lets in clients with a certificate only, and says to the tenant who they are. The
/// certificates stand beside the suite of `fixture`.
fn guarded(fixture: &Fixture, tenant: &Tenant) -> String {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "the authority of the canaries");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let leaf = |name: &str| {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap(), key)
    };
    let ((server, server_key), (client, client_key)) = (leaf("localhost"), leaf("canary"));
    fixture.write("ca.pem", &root.pem());
    fixture.write("client.pem", &client.pem());
    fixture.write("client.key", &client_key.serialize_pem());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![server.der().clone()],
            PrivateKeyDer::try_from(server_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (config, behind) = (Arc::new(config), tenant.url().trim_start_matches("http://").to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, behind) = (Arc::clone(&config), behind.clone());
            std::thread::spawn(move || drop(pass_on(stream, config, &behind)));
        }
    });
    url
}

/// One request and its answer.
fn pass_on(mut stream: TcpStream, config: Arc<rustls::ServerConfig>, behind: &str) -> std::io::Result<()> {
    let mut tls = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut client = rustls::Stream::new(&mut tls, &mut stream);
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    let head = loop {
        let count = client.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..count]);
        if let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if request.len() >= head + 4 + length.unwrap_or(0) {
                break head;
            }
        }
        if count == 0 {
            return Ok(());
        }
    };
    let mut server = TcpStream::connect(behind)?;
    server.write_all(&request[..head])?;
    write!(server, "\r\nconnection: close\r\nauthorization: Bearer {TOKEN}")?;
    server.write_all(&request[head..])?;
    let mut answer = Vec::new();
    let whole = server.read_to_end(&mut answer);
    client.write_all(&answer)?;
    client.flush()?;
    if whole.is_ok() {
        client.conn.send_close_notify();
        client.flush()?;
    }
    Ok(())
}

#[test]
fn each_example_is_sound_and_green_and_leaves_nothing_behind() {
    for name in EXAMPLES {
        let (fixture, tenant) = product(name, None);
        fixture.run(&["lint"]).ends(0);
        fixture.smoke().ends(0).says("GREEN");
        assert_eq!(fixture.json("verdict.json")["proves_build"], true, "{name}");
        assert!(tenant.leftovers().is_empty(), "{name}: {:?}", tenant.leftovers());
    }
}

#[test]
fn each_example_notices_nearly_every_fault_of_a_proof() {
    let examples = if is_full() { &EXAMPLES[..] } else { &["oauth"] };
    let mut scores = String::new();
    for name in examples {
        let (fixture, tenant) = product(name, None);
        let ran = fixture.run(&["prove", "--sha", SHA, "--min-score", SCORE, "--result", "verdict.json"]);
        let first = ran.stdout.lines().next().unwrap_or_default().to_owned();
        let unnoticed: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("NOBODY")).collect();
        assert_eq!(ran.code, Some(0), "{name}: {first}\n{}", unnoticed.join("\n"));
        assert!(tenant.leftovers().is_empty(), "{name}: {:?}", tenant.leftovers());
        let result = fixture.json("verdict.json");
        let (noticed, all) = (result["noticed"].as_u64().unwrap(), result["all"].as_u64().unwrap());
        scores.push_str(&format!(
            "| [smoke-{name}.toml](../examples/smoke-{name}.toml) | {noticed} of {all} | {} % |\n",
            noticed * 100 / all
        ));
    }
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tools/canary-smoke.md"));
    assert!(page.unwrap().contains(&scores), "the page has other scores than\n{scores}");
}

#[test]
fn no_example_is_green_on_a_tenant_that_is_not_well() {
    for name in EXAMPLES {
        for fault in [
            TenantFault::HtmlLogin,
            TenantFault::ServerErrorRightWords,
            TenantFault::OldBuildForever("7654321".into()),
        ] {
            let (fixture, _tenant) = product(name, Some(fault.clone()));
            let ran = fixture.smoke();
            assert!(matches!(ran.code, Some(1 | 3)), "{name} with {fault}: {}\n{}", ran.stdout, ran.stderr);
        }
    }
    for fault in
        [TenantFault::StreamShort, TenantFault::StreamCut, TenantFault::StreamStalls, TenantFault::PlainProse]
    {
        let (fixture, _tenant) = product("llm", Some(fault.clone()));
        let ran = fixture.smoke();
        assert!(matches!(ran.code, Some(1 | 3)), "{fault}: {}\n{}", ran.stdout, ran.stderr);
    }
}
