//! Debian's docker-registry as a process, and skopeo as the second opinion.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A docker-registry process; stopped on drop.
pub(crate) struct DockerRegistry {
    process: Child,
    address: SocketAddr,
    _storage: TempDir,
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl DockerRegistry {
    /// Starts one without authentication.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// Starts one with more configuration (YAML at the top level), or says that it is not installed.
    pub(crate) fn start_with(more: &str) -> Option<Self> {
        if !is_there("docker-registry") || !is_there("skopeo") {
            return None;
        }
        let storage = tempfile::tempdir().expect("a temporary folder");
        let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        let data = storage.path().join("data");
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp: {{addr: {address}}}\n{more}\n",
            data.display()
        );
        let file = storage.path().join("config.yml");
        std::fs::write(&file, config).expect("a configuration in the temporary folder");
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry starts");
        while TcpStream::connect(address).is_err() {
            assert!(
                process.try_wait().expect("a process").is_none(),
                "docker-registry ended at once: {more}"
            );
            std::thread::park_timeout(std::time::Duration::from_millis(1));
        }
        Some(Self { process, address, _storage: storage })
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The digest of `reference` in the eyes of skopeo; `None` if it sees none.
pub(crate) fn skopeo_digest(reference: &str) -> Option<String> {
    let output = Command::new("skopeo")
        .args(["inspect", "--tls-verify=false", "--raw", &format!("docker://{reference}")])
        .output()
        .expect("skopeo runs");
    output.status.success().then(|| coalmine_sandbox::sha256(&output.stdout))
}

/// Whether a program can be run. A missing one is told past the test runner's capture, and is an error under
/// `scripts/test`, which sets COALMINE_REQUIRE_REGISTRY=1.
pub(crate) fn is_there(program: &str) -> bool {
    let there =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    let required = std::env::vars().any(|(name, value)| name == "COALMINE_REQUIRE_REGISTRY" && value == "1");
    assert!(there || !required, "{program} is required and not installed");
    if !there {
        let _ = writeln!(std::io::stderr(), "left out: this test needs {program}, which is not installed");
    }
    there
}
