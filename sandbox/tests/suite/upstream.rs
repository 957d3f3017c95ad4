//! The proxy before a real registry (Debian's docker-registry): same rules, same log, gaps filled.
//!
//! Without docker-registry these tests say so and pass, unless COALMINE_REQUIRE_REGISTRY=1.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use coalmine_sandbox::{Fault, Setup, When};
use tempfile::TempDir;

use crate::{REPO, Stage, digest};

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
            std::thread::yield_now();
        }
        Some(real)
    }

    fn stage(&self) -> Stage {
        Stage::with(Setup { upstream: Some(self.address), ..Setup::default() })
    }
}

#[tokio::test]
async fn rules_log_and_side_doors_work_before_a_real_registry() {
    let Some(real) = Real::start() else { return };
    let stage = real.stage();
    stage.registry.rule(When::any().method("PUT").reference("latest").nth(1).then(Fault::CutAfter));
    assert!(stage.put("latest", &stage.new).await.is_err());
    assert_eq!(stage.latest().as_deref(), Some(stage.new.digest()), "applied, answer lost");
    stage.registry.clear_rules();
    stage.registry.rule(When::any().reference("latest").then(Fault::Stale));
    assert_eq!(digest(&stage.head("latest").await.unwrap()), stage.old.digest());
    let log = stage.registry.log();
    assert_eq!(log.iter().map(|seen| seen.status).collect::<Vec<_>>(), [None, Some(200)]);
}

#[tokio::test]
async fn a_tag_deleted_before_a_real_registry_is_gone_until_the_next_put() {
    let Some(real) = Real::start() else { return };
    let stage = real.stage();
    assert_eq!(stage.manifest(reqwest::Method::DELETE, "latest").await.unwrap().status(), 202);
    assert_eq!(stage.head("latest").await.unwrap().status(), 404);
    assert_eq!(stage.head(stage.old.digest()).await.unwrap().status(), 200);
    assert_eq!(stage.registry.tags(REPO), ["staging-new"]);
    assert_eq!(stage.manifest(reqwest::Method::DELETE, "latest").await.unwrap().status(), 404);
    assert_eq!(stage.put("latest", &stage.new).await.unwrap().status(), 201);
    assert_eq!(digest(&stage.head("latest").await.unwrap()), stage.new.digest());
    assert_eq!(stage.registry.tags(REPO), ["latest", "staging-new"]);
}

#[tokio::test]
async fn the_location_of_a_real_registry_leads_back_through_the_proxy() {
    let Some(real) = Real::start() else { return };
    let stage = real.stage();
    let opened = stage.client.post(stage.url("/v2/team/app/blobs/uploads/")).send().await.unwrap();
    let location = opened.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("http://{}/", stage.registry.host())), "{location}");
}
