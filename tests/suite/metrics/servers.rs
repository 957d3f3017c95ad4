//! Debian's postgresql, prometheus and victoria-metrics as processes of a test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{PATIENCE, wait};
use crate::support::docker_registry::is_there;

/// A process with a folder of its own; stopped on drop.
pub(super) struct Server {
    process: Child,
    folder: TempDir,
    pub(super) port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(mut command: Command, folder: TempDir, port: u16, is_up: impl Fn(&Path) -> bool) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut server = Self { process, folder, port };
        for _ in 0..PATIENCE.as_millis() / 50 {
            if is_up(server.folder()) {
                return server;
            }
            if let Some(status) = server.process.try_wait().unwrap() {
                panic!("the server ended with {status}: {}", server.log());
            }
            wait(std::time::Duration::from_millis(50));
        }
        panic!("the server is not up: {}", server.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A Prometheus that scrapes `target` five times a second.
    pub(super) fn prometheus(target: &str) -> Option<Self> {
        let (folder, port) = (is_there("prometheus").then(folder)?, free_port());
        let config = scrape_config(folder.path(), target);
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        Some(Self::start(command, folder, port, |_| answers(port)))
    }

    /// The same with VictoriaMetrics.
    pub(super) fn victoria_metrics(target: &str) -> Option<Self> {
        let (folder, port) = (is_there("victoria-metrics").then(folder)?, free_port());
        let config = scrape_config(folder.path(), target);
        let mut command = Command::new("victoria-metrics");
        command.arg(format!("-promscrape.config={}", config.display()));
        command.arg(format!("-storageDataPath={}", folder.path().join("data").display()));
        command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
        Some(Self::start(command, folder, port, |_| answers(port)))
    }

    /// A PostgreSQL on a socket in its folder, and on a port with TLS by `server.crt` and `server.key` of `certificate`.
    pub(super) fn postgres(certificate: (&str, &str)) -> Option<Self> {
        let bin = postgres_bin()?;
        let (folder, port) = (folder(), free_port());
        let path = folder.path();
        let data = path.join("data");
        std::fs::write(path.join("server.crt"), certificate.0).unwrap();
        std::fs::write(path.join("server.key"), certificate.1).unwrap();
        let key = path.join("server.key");
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        if is_root() {
            let owned = Command::new("chown").arg("-R").arg("postgres").arg(path).status().unwrap();
            assert!(owned.success());
        }
        let made = as_postgres(&bin.join("initdb"))
            .args(["--no-sync", "-A", "scram-sha-256", "-U", "owner", "-E", "UTF8", "--no-locale"])
            .arg(format!("--pwfile={}", password_file(path).display()))
            .arg("-D")
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut command = as_postgres(&bin.join("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(path).arg("-p").arg(port.to_string());
        for setting in ["fsync=off", "listen_addresses=127.0.0.1", "timezone=America/New_York", "ssl=on"] {
            command.arg("-c").arg(setting);
        }
        command.arg("-c").arg(format!("ssl_cert_file={}", path.join("server.crt").display()));
        command.arg("-c").arg(format!("ssl_key_file={}", key.display()));
        let server = Self::start(command, folder, port, |folder| {
            folder.join(format!(".s.PGSQL.{port}")).exists() && psql(folder, port, "SELECT 1").is_ok()
        });
        Some(server)
    }

    /// Runs statements as the database's owner.
    pub(super) fn sql(&self, statements: &str) {
        if let Err(why) = psql(self.folder(), self.port, statements) {
            panic!("{why}");
        }
    }
}

/// What the owner of a test's database types.
pub(super) const PASSWORD: &str = "p%ss+w0rd-of-the-owner";

fn psql(folder: &Path, port: u16, statements: &str) -> Result<(), String> {
    let output = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "owner", "-d", "postgres", "-c", statements])
        .arg("-h")
        .arg(folder)
        .arg("-p")
        .arg(port.to_string())
        .env("PGPASSWORD", PASSWORD)
        .output()
        .unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn password_file(folder: &Path) -> PathBuf {
    let file = folder.join("password");
    std::fs::write(&file, PASSWORD).unwrap();
    file
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// Debian keeps the server's programs out of the search path.
fn postgres_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    let bin = found.pop();
    if bin.is_none() {
        // Says so, and fails where it is required.
        is_there("initdb");
    }
    bin
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port()
}

fn answers(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn scrape_config(folder: &Path, target: &str) -> PathBuf {
    let file = folder.join("scrape.yml");
    let config = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs:\n- job_name: canary\n  static_configs: [{{targets: ['{target}']}}]\n"
    );
    std::fs::write(&file, config).unwrap();
    file
}
