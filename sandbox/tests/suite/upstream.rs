//! The proxy before a real registry (Debian's docker-registry): same rules, same log, gaps filled.
//!
//! Without docker-registry these tests say so and pass, unless COALMINE_REQUIRE_REGISTRY=1.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use coalmine_sandbox::{Fault, Setup, When};
use tempfile::TempDir;

use crate::{Fixture, REPO, digest};

/// A docker-registry process; stopped on drop.
struct Real {
    process: Child,
    address: SocketAddr,
    _storage: TempDir,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Real {
    /// Starts one, or says that it is not installed.
    #[expect(clippy::disallowed_methods, reason = "the switch that makes a missing registry an error")]
    #[expect(clippy::print_stderr, reason = "a test left out must be seen")]
    fn start() -> Option<Self> {
        let storage = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: \
             {{enabled: true}}}}\nhttp: {{addr: {address}}}\n",
            storage.path().join("data").display()
        );
        let file = storage.path().join("config.yml");
        std::fs::write(&file, config).unwrap();
        let started = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .env_remove("OTEL_TRACES_EXPORTER")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = started else {
            let required = std::env::var("COALMINE_REQUIRE_REGISTRY").is_ok_and(|value| value == "1");
            assert!(!required, "docker-registry is required and not installed");
            eprintln!("left out: docker-registry is not installed");
            return None;
        };
        let mut real = Self { process, address, _storage: storage };
        while TcpStream::connect(address).is_err() {
            assert!(real.process.try_wait().unwrap().is_none(), "docker-registry did not start");
            std::thread::park_timeout(std::time::Duration::from_millis(1));
        }
        Some(real)
    }

    fn fixture(&self) -> Fixture {
        Fixture::with(Setup { upstream: Some(self.address), ..Setup::default() })
    }
}

#[tokio::test]
async fn rules_log_and_admin_access_work_before_a_real_registry() {
    let Some(real) = Real::start() else { return };
    let fixture = real.fixture();
    fixture.registry.rule(When::any().method("PUT").reference("latest").nth(1).then(Fault::CutAfter));
    assert!(fixture.put("latest", &fixture.new).await.is_err());
    assert_eq!(fixture.latest().as_deref(), Some(fixture.new.digest()), "applied, answer lost");
    fixture.registry.clear_rules();
    fixture.registry.rule(When::any().reference("latest").then(Fault::Stale));
    assert_eq!(digest(&fixture.head("latest").await.unwrap()), fixture.old.digest());
    let log = fixture.registry.log();
    assert_eq!(log.iter().map(|seen| seen.status).collect::<Vec<_>>(), [None, Some(200)]);
}

#[tokio::test]
async fn a_tag_deleted_before_a_real_registry_is_gone_until_the_next_put() {
    let Some(real) = Real::start() else { return };
    let fixture = real.fixture();
    assert_eq!(fixture.manifest(reqwest::Method::DELETE, "latest").await.unwrap().status(), 202);
    assert_eq!(fixture.head("latest").await.unwrap().status(), 404);
    assert_eq!(fixture.head(fixture.old.digest()).await.unwrap().status(), 200);
    assert_eq!(fixture.registry.tags(REPO), ["staging-new"]);
    assert_eq!(fixture.manifest(reqwest::Method::DELETE, "latest").await.unwrap().status(), 404);
    assert_eq!(fixture.put("latest", &fixture.new).await.unwrap().status(), 201);
    assert_eq!(digest(&fixture.head("latest").await.unwrap()), fixture.new.digest());
    assert_eq!(fixture.registry.tags(REPO), ["latest", "staging-new"]);
}

#[tokio::test]
async fn the_location_of_a_real_registry_leads_back_through_the_proxy() {
    let Some(real) = Real::start() else { return };
    let fixture = real.fixture();
    let opened = fixture.client.post(fixture.url("/v2/team/app/blobs/uploads/")).send().await.unwrap();
    let location = opened.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("http://{}/", fixture.registry.host())), "{location}");
}
