//! `coalmine-sandbox bench`: side-by-side measurements in one run, as ratios. Times depend on the machine; ratios
//! hardly do.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use coalmine_sandbox::{Image, Registry, Setup, Tenant, TenantSetup};

use self::clock::Stopwatch;

mod clock {
    //! Wall time of a command.
    #![expect(clippy::disallowed_methods, reason = "a benchmark reads real time")]

    use std::time::{Duration, Instant};

    pub(super) struct Stopwatch(Instant);

    impl Stopwatch {
        pub(super) fn start() -> Self {
            Self(Instant::now())
        }

        pub(super) fn read(&self) -> Duration {
            self.0.elapsed()
        }
    }
}

const OLD: &str = "1111111";
const NEW: &str = "2222222";
/// Each measurement is the shortest of so many runs: what the machine did beside it only adds.
const RUNS: usize = 5;
/// What one answer of a registry takes where round trips are compared.
const ROUND_TRIP: Duration = Duration::from_millis(50);
const ANSWER: Duration = Duration::from_millis(25);
/// The requests that one tenant is asked one after another: two for `[ready]` with a wait between them, three of the
/// longest check, one to ask again.
const CHAIN: Duration = Duration::from_millis(6 * 25 + 50);

const SUITE: &str = include_str!("bench/smoke.toml");

/// A run of the benchmark: where the programs are, where they may write, and whether a limit was passed.
struct Benchmark<'a> {
    bins: &'a Path,
    directory: &'a Path,
    failed: bool,
}

/// Measures with the programs in `bins`, and says whether every limit holds.
///
/// # Errors
///
/// A program cannot be run, or a limit does not hold.
pub(crate) fn run(bins: &Path, directory: &Path) -> io::Result<()> {
    let mut benchmark = Benchmark { bins, directory, failed: false };
    say(&format!(
        "{:<58}  {:>9}  {:>9}  {:>6}  {:>6}",
        "what against what", "ours", "other", "ratio", "limit"
    ))?;
    benchmark.images()?;
    benchmark.peers()?;
    benchmark.tenants()?;
    if benchmark.failed { Err(io::Error::other("a limit does not hold")) } else { Ok(()) }
}

impl Benchmark<'_> {
    /// Eight images take hardly longer than two.
    fn images(&mut self) -> io::Result<()> {
        let (eight, two) = (self.rollback(8)?, self.rollback(2)?);
        self.row("rollback of 8 images against 2, at 50 ms a round trip", eight, two, Some(1.5))
    }

    fn rollback(&self, count: usize) -> io::Result<Duration> {
        let (registry, images) = registry(count, ROUND_TRIP)?;
        let mut command = self.program("rollback-latest", &[OLD, "--config", "tags.toml"])?;
        command.env("RELEASE_IMAGES", images.join(","));
        shortest(&mut command, || stand_at(&registry, count, NEW))
    }

    /// The same job by hand: no checks before, none after.
    fn peers(&mut self) -> io::Result<()> {
        let (registry, images) = registry(2, ROUND_TRIP)?;
        let mut ours = self.program("promote-latest", &[NEW, "--config", "tags.toml"])?;
        ours.env("RELEASE_IMAGES", images.join(","));
        let reset = || stand_at(&registry, 2, OLD);
        let time = shortest(&mut ours, reset)?;
        reset()?;
        registry.clear_log();
        succeed(&mut ours)?;
        let requests = registry.log().len();
        say(&format!(
            "  (promote-latest, every manifest and blob checked, moved, verified: {requests} requests)"
        ))?;
        for (peer, script) in peers(&images) {
            let mut theirs = Command::new("sh");
            theirs.args(["-ec", &script]);
            let other = shortest(&mut theirs, reset)?;
            reset()?;
            registry.clear_log();
            succeed(&mut theirs)?;
            let requests = registry.log().len();
            self.row(&format!("promote-latest against {peer} ({requests} requests)"), time, other, None)?;
        }
        Ok(())
    }

    /// A fleet takes hardly longer than its slowest tenant.
    fn tenants(&mut self) -> io::Result<()> {
        let (twenty, all) = (self.smoke(20)?, self.smoke(200)?);
        self.row("canary-smoke on 20 tenants against the chain of one", twenty, CHAIN, Some(3.0))?;
        self.row("canary-smoke on 200 tenants against 20", all, twenty, Some(1.5))
    }

    fn smoke(&self, count: usize) -> io::Result<Duration> {
        let setup = || TenantSetup { latency: ANSWER, ..TenantSetup::fixed(NEW) };
        let fleet = (0..count).map(|_| Tenant::start(setup())).collect::<io::Result<Vec<_>>>()?;
        let lines = |word: fn(&Tenant) -> String| fleet.iter().map(word).collect::<Vec<_>>().join("\n");
        std::fs::write(self.directory.join("smoke.toml"), SUITE)?;
        let mut command = self.program("canary-smoke", &["--sha", NEW, "--no-record"])?;
        command.env("CANARY_TENANT_URLS", lines(Tenant::url));
        command.env("CANARY_ADMIN_TOKENS", lines(|tenant| tenant.token().to_owned()));
        shortest(&mut command, || Ok(()))
    }

    fn program(&self, name: &str, arguments: &[&str]) -> io::Result<Command> {
        std::fs::write(self.directory.join("tags.toml"), "format = 1\n[release]\nrecords = false\n")?;
        let mut command = Command::new(self.bins.join(name));
        command.args(arguments).current_dir(self.directory).env_clear();
        Ok(command)
    }

    fn row(&mut self, what: &str, ours: Duration, other: Duration, limit: Option<f64>) -> io::Result<()> {
        let ratio = ours.as_secs_f64() / other.as_secs_f64();
        let holds = limit.is_none_or(|limit| ratio <= limit);
        self.failed |= !holds;
        let limit = limit.map_or_else(String::new, |limit| format!("{limit:.1}"));
        let (ours, other) = (ours.as_millis(), other.as_millis());
        let word = if holds { "" } else { "  NO" };
        say(&format!("{what:<58}  {ours:>6} ms  {other:>6} ms  {ratio:>6.2}  {limit:>6}{word}"))
    }
}

/// Images of three layers, old and new staged.
fn registry(count: usize, latency: Duration) -> io::Result<(Registry, Vec<String>)> {
    let registry = Registry::start(Setup { latency, ..Setup::default() })?;
    for i in 0..count {
        for sha in [OLD, NEW] {
            let image = image(sha, i);
            registry.push(&name(i), &format!("staging-{sha}"), &image).map_err(io::Error::other)?;
        }
    }
    let images = (0..count).map(|i| format!("{}/{}", registry.host(), name(i))).collect();
    Ok((registry, images))
}

fn image(sha: &str, i: usize) -> Image {
    Image::of(sha).sized_layers(&format!("{sha}-{i}"), &[10_000, 20_000, 30_000]).build()
}

fn name(i: usize) -> String {
    format!("acme/image-{i}")
}

fn stand_at(registry: &Registry, count: usize, sha: &str) -> io::Result<()> {
    (0..count).try_for_each(|i| {
        registry.move_tag(&name(i), "latest", image(sha, i).digest()).map_err(io::Error::other)
    })
}

/// What else can move a tag, of the tools that are on this machine.
fn peers(images: &[String]) -> Vec<(&'static str, String)> {
    let each =
        |line: fn(&str) -> String| images.iter().map(|image| line(image)).collect::<Vec<_>>().join("\n");
    let candidates = [
        (
            "skopeo",
            "2 x skopeo copy --all",
            each(|i| {
                format!(
                    "skopeo copy --quiet --all --src-tls-verify=false --dest-tls-verify=false docker://{i}:staging-{NEW} docker://{i}:latest"
                )
            }),
        ),
        ("crane", "2 x crane tag", each(|i| format!("crane tag --insecure {i}:staging-{NEW} latest"))),
    ];
    let there = |program: &str| {
        let status = Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok()
    };
    candidates
        .into_iter()
        .filter(|(program, ..)| there(program))
        .map(|(_, title, script)| (title, script))
        .collect()
}

fn shortest(command: &mut Command, before: impl Fn() -> io::Result<()>) -> io::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        before()?;
        let stopwatch = Stopwatch::start();
        succeed(command)?;
        best = best.min(stopwatch.read());
    }
    Ok(best)
}

fn succeed(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("{command:?} failed with {}: {words}", output.status)))
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
