//! What lies between this machine and a registry: redirects, proxies, names and certificates.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::support::eavesdropper::{Eavesdropper, untrusted};
use crate::support::{Fixture, IMAGES, ONE, Program, TWO, digests};
use coalmine::io::clock;
use coalmine_sandbox::registry::{Access, Bearer, Kind, User};
use coalmine_sandbox::{Auth, Fault, Setup, When};

const USER: &str = "robot";
const PASSWORD: &str = "s3cr3t-password";

fn access() -> Access {
    let user = User::new(USER, PASSWORD).may("pull,push", "acme/*").identity_token("identity-t0ken");
    Access { users: vec![user], anonymous_pull: false }
}

fn bearer() -> Auth {
    Auth::Bearer(Bearer { access: access(), ..Bearer::default() })
}

fn guarded(auth: Auth) -> Fixture {
    let fixture = Fixture::with(Setup { auth, ..Setup::default() });
    fixture.stage(ONE);
    fixture.registry.clear_log();
    fixture
}

fn login(program: Program) -> Program {
    program.env("REGISTRY_USERNAME", USER).env("REGISTRY_PASSWORD", PASSWORD)
}

fn to(location: &str) -> Fault {
    Fault::Status { code: 307, headers: vec![("location".to_owned(), location.to_owned())], body: Vec::new() }
}

/// Registries that no machine reaches, each of two images.
fn far_away(host: &str) -> String {
    IMAGES.map(|name| format!("{host}/{name}")).join(",")
}

#[test]
fn a_challenge_of_a_host_that_the_registry_redirects_to_gets_no_password() {
    let bearer_of =
        |url: &str| format!("401 no\r\nwww-authenticate: Bearer realm=\"{url}/token\",service=\"x\"");
    let basic_of = |_: &str| "401 no\r\nwww-authenticate: Basic realm=\"x\"".to_owned();
    let reads = [("GET", Kind::Blob), ("HEAD", Kind::Blob), ("GET", Kind::Manifest)];
    for auth in [bearer(), Auth::Basic(access())] {
        for (method, kind) in reads {
            for other in [Eavesdropper::start(bearer_of), Eavesdropper::start(basic_of)] {
                let fixture = guarded(auth.clone());
                let url = format!("{}/elsewhere", other.url());
                fixture.registry.rule(When::any().method(method).kind(kind).then(to(&url)));
                let done = login(fixture.run("promote-latest").arg(ONE)).run().code(1);
                assert!(!other.heard().is_empty(), "{method} {kind:?}: {}", done.stderr);
                for request in other.heard() {
                    let lower = request.to_ascii_lowercase();
                    assert!(!lower.contains("authorization:"), "{method} {kind:?}: {request}");
                    assert!(!request.contains("/token"), "{method} {kind:?}: {request}");
                }
                done.tells(&[&other.host(), "401"]);
            }
        }
    }
}

#[test]
fn a_write_and_a_request_for_a_token_follow_no_redirect() {
    let config = |fixture: &Fixture| {
        let host = fixture.registry.host();
        std::fs::create_dir_all(fixture.path(".docker")).unwrap();
        let text = format!(r#"{{"auths":{{"{host}":{{"identitytoken":"identity-t0ken"}}}}}}"#);
        std::fs::write(fixture.path(".docker/config.json"), text).unwrap();
    };
    for code in [301, 302, 307, 308] {
        for identity in [true, false] {
            let other = Eavesdropper::start(|_| "200 fine".to_owned());
            let fixture = guarded(bearer());
            let Fault::Status { headers, body, .. } = to(&format!("{}/token", other.url())) else {
                unreachable!("a status")
            };
            let fault = Fault::Status { code, headers, body };
            fixture.registry.rule(When::any().kind(Kind::Token).then(fault));
            let program = fixture.run("promote-latest").arg(ONE);
            let program = if identity { program } else { login(program) };
            if identity {
                config(&fixture);
            }
            program.run().code(1).tells(&["get a token", "redirect"]);
            assert_eq!(other.heard(), Vec::<String>::new());
        }
    }
    let other = Eavesdropper::start(|_| "201 fine".to_owned());
    let fixture = guarded(bearer());
    let url = format!("{}/elsewhere", other.url());
    fixture.registry.rule(When::any().method("PUT").reference("latest").then(to(&url)));
    login(fixture.run("promote-latest").arg(ONE)).run().code(1).tells(&["redirect"]);
    assert_eq!((other.heard(), fixture.latest()), (Vec::new(), vec![None, None]));
}

#[test]
fn a_redirect_on_the_same_host_keeps_the_credential_and_one_to_a_storage_does_not_need_it() {
    let fixture = guarded(bearer());
    let port = fixture.registry.host().rsplit(':').next().unwrap().to_owned();
    let reads = When::any().method("GET").kind(Kind::Blob);
    // The registry's own address, named otherwise, is another host.
    let tail = |fixture: &Fixture| {
        let log = fixture.registry.log();
        let seen = log.iter().find(|seen| seen.method == "GET" && seen.path.contains("/blobs/")).unwrap();
        seen.path.clone()
    };
    login(fixture.run("promote-latest").args([ONE, "--dry-run"])).run().code(0);
    let path = tail(&fixture);
    let only = || reads.clone().path_contains(&path).nth(1);
    let same = fixture.registry.rule(only().then(to(&format!("{path}?again"))));
    login(fixture.run("promote-latest").args([ONE, "--dry-run"])).run().code(0);
    assert_eq!(fixture.registry.played(same), 1);
    fixture.registry.rule(only().then(to(&format!("http://localhost:{port}{path}?again"))));
    login(fixture.run("promote-latest").args([ONE, "--dry-run"])).run().code(1).tells(&["localhost", "401"]);
    let open = guarded(Auth::None);
    let port = open.registry.host().rsplit(':').next().unwrap().to_owned();
    let away = open.registry.rule(only().then(to(&format!("http://localhost:{port}{path}?again"))));
    open.run("promote-latest").arg(ONE).run().code(0);
    assert_eq!((open.registry.played(away), open.latest()), (1, digests(ONE)));
}

#[test]
fn this_machine_is_never_reached_through_a_proxy() {
    let proxy = Eavesdropper::start(|_| "502 I am a proxy".to_owned());
    let through = |program: Program| {
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"]
            .into_iter()
            .fold(program, |program, name| program.env(name, &proxy.url()))
    };
    let fixture = Fixture::promoted();
    fixture.stage(TWO);
    through(fixture.run("promote-latest").arg(TWO)).run().code(0);
    let images = fixture.repositories().join(",").replace("127.0.0.1", "localhost");
    let status = fixture.run("release-status").env("RELEASE_IMAGES", &images);
    through(status).run().code(0);
    let tenant = Eavesdropper::start(|_| "200 fine".to_owned());
    let suite =
        "format = 1\n[[check]]\nname = \"up\"\n[[check.step]]\nrequest = \"GET /\"\nexpect.status = 200\n";
    std::fs::write(fixture.path("smoke.toml"), suite).unwrap();
    let smoke = Program::new("canary-smoke", fixture.folder.path()).args(["--sha", ONE]);
    let smoke = smoke.env("CANARY_TENANT_URLS", &tenant.url()).env("CANARY_ADMIN_TOKENS", "a-tenants-token");
    let done = through(smoke).run();
    assert!(!tenant.heard().is_empty(), "{}", done.stderr);
    assert_eq!(proxy.heard(), Vec::<String>::new());
}

#[test]
fn a_proxy_that_is_dead_is_named_and_its_password_is_not() {
    let fixture = Fixture::new();
    let run = fixture
        .run("release-status")
        .args(["--deadline", "2s"])
        .env("RELEASE_IMAGES", &far_away("registry.example"))
        .env("HTTPS_PROXY", "http://ann:pr0xy-password@127.0.0.1:1");
    let done = run.run();
    let told = format!("{}{}", done.stdout, done.stderr);
    assert!(told.contains("through the proxy 127.0.0.1:1"), "{told}");
    assert!(!told.contains("pr0xy-password"), "{told}");
}

#[test]
fn a_host_that_has_no_address_is_named_once_and_at_once() {
    let fixture = Fixture::new();
    let began = clock::instant();
    let run = fixture.run("promote-latest").arg(ONE).env("RELEASE_IMAGES", &far_away("registry.invalid"));
    let done = run.run().code(1).tells(&["`registry.invalid`", "no address"]);
    assert!(clock::instant() - began < Duration::from_secs(5), "{}", done.stderr);
    assert_eq!(done.stderr.matches("no address").count(), 1, "{}", done.stderr);
    assert!(!done.stderr.contains("--plain-http"), "{}", done.stderr);
}

#[test]
fn a_certificate_that_is_not_trusted_is_named_once_with_the_variable_that_mends_it() {
    let (authority, serve) = untrusted("registry.example");
    let proxy = Eavesdropper::tunnel(serve);
    let fixture = Fixture::new();
    let run = || {
        let run = fixture.run("promote-latest").arg(ONE).env("HTTPS_PROXY", &proxy.url());
        run.env("RELEASE_IMAGES", &far_away("registry.example"))
    };
    let began = clock::instant();
    let done = run().run().code(1).tells(&["the certificate of `registry.example`", "SSL_CERT_FILE"]);
    assert!(clock::instant() - began < Duration::from_secs(5), "{}", done.stderr);
    assert_eq!(done.stderr.matches("the certificate of").count(), 1, "{}", done.stderr);
    assert!(!done.stderr.contains("--plain-http"), "{}", done.stderr);
    std::fs::write(fixture.path("authority.pem"), authority).unwrap();
    let file = fixture.path("authority.pem");
    run().env("SSL_CERT_FILE", file.to_str().unwrap()).run().code(1).tells(&["404"]);
}

#[test]
fn a_registry_that_speaks_no_tls_is_told_from_one_that_is_not_trusted() {
    let proxy = Eavesdropper::tunnel(|stream| {
        // What was sent is read first: closing a connection with unread bytes would take the answer away.
        let _greeting = stream.read(&mut [0; 16 * 1024]);
        drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    let fixture = Fixture::new();
    let run = fixture.run("promote-latest").arg(ONE).env("HTTPS_PROXY", &proxy.url());
    let done = run.env("RELEASE_IMAGES", &far_away("registry.example:5000")).run().code(1);
    let done = done.tells(&["does not speak TLS", "--plain-http registry.example:5000"]);
    assert!(!done.stderr.contains("SSL_CERT_FILE"), "{}", done.stderr);
}
