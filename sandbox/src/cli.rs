//! Commands of `coalmine-sandbox`. Exit codes: 0 done or stopped by a signal, 1 failed, 2 wrong usage.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use coalmine_sandbox::image::{Layer, WriteImage};
use coalmine_sandbox::{
    Access, Auth, Bearer, Follow, Image, Registry, Setup, Tenant, TenantFault, TenantSetup, User, sha256,
};

/// A registry on loopback and pretend tenants, for demos and tests. Not for production.
#[derive(Parser)]
#[command(name = "coalmine-sandbox", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a registry until stopped; prints HOST:PORT.
    Registry(RegistryArguments),
    /// Serve tenants until stopped; prints their URLs, one per line.
    Tenants(TenantsArguments),
    /// Write an image as an OCI layout; prints its digest.
    Image(ImageArguments),
    /// Run the main job from publish to rollback and check every claim.
    Demo(ProgramsArguments),
    /// Measure side by side, as ratios; exits 1 if one is over its limit.
    Bench(ProgramsArguments),
}

#[derive(clap::Args)]
struct RegistryArguments {
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Milliseconds added to every request
    #[arg(long, default_value_t = 0, value_name = "MS")]
    latency: u64,
    /// Credentials asked for
    #[arg(long, value_enum, default_value = "none")]
    auth: AuthKind,
    /// User name where credentials are asked for
    #[arg(long, default_value = "sandbox")]
    user: String,
    /// File with the password (first line); without it the password is `sandbox`
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Pulling needs no credentials
    #[arg(long)]
    anonymous_pull: bool,
    /// The referrers API
    #[arg(long, value_enum, default_value = "on")]
    referrers: Switch,
    /// Deleting tags
    #[arg(long, value_enum, default_value = "on")]
    tag_delete: Switch,
    /// Stand before this registry instead of an embedded one
    #[arg(long, value_name = "HOST:PORT")]
    upstream: Option<SocketAddr>,
}

#[derive(Clone, Copy, ValueEnum)]
enum AuthKind {
    None,
    Basic,
    Bearer,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(clap::Args)]
struct TenantsArguments {
    /// Registry to pull from, over plain HTTP
    #[arg(long, value_name = "HOST:PORT")]
    registry: String,
    /// Repository to pull
    #[arg(long)]
    repository: String,
    /// User name for the registry, where it asks for one
    #[arg(long, requires = "password_file")]
    user: Option<String>,
    /// File with the password for the registry (first line)
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// `staging` takes every new staging-* tag; anything else is the tag to follow
    #[arg(long, default_value = "latest", value_name = "staging|TAG")]
    follow: String,
    /// How many tenants
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Tenants are called NAME-1, NAME-2, ...
    #[arg(long, default_value = "tenant")]
    name: String,
    /// Milliseconds between two looks at the registry
    #[arg(long, default_value_t = 200, value_name = "MS")]
    every: u64,
    /// Milliseconds from finding an image to serving it
    #[arg(long, default_value_t = 0, value_name = "MS")]
    boot_delay: u64,
    /// A fault of every tenant, for example `html-login` or `boots-after=3s`
    #[arg(long)]
    fault: Option<TenantFault>,
    /// Where to write the tokens, one per line in the order of the URLs (mode 600)
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Where to write the URLs, one per line
    #[arg(long, value_name = "FILE")]
    urls_file: Option<PathBuf>,
}

#[derive(clap::Args)]
struct ImageArguments {
    /// Directory of the layout; created
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Commit in the revision label
    #[arg(long)]
    sha: String,
    /// Platform, repeatable; more than one makes an index
    #[arg(long, default_value = "linux/amd64", value_name = "OS/ARCH")]
    platform: Vec<String>,
    /// File to put into the image's root, repeatable; one layer each
    #[arg(long, value_name = "PATH")]
    file: Vec<PathBuf>,
    /// Fault that every tenant running the image shows
    #[arg(long)]
    fault: Option<TenantFault>,
    /// Commit time, RFC 3339
    #[arg(long, value_name = "RFC3339")]
    created: Option<String>,
    /// An index even for one platform
    #[arg(long)]
    index: bool,
}

#[derive(clap::Args)]
struct ProgramsArguments {
    /// Existing directory for everything that is written
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Directory of the programs; default: the one that this program stands in
    #[arg(long, value_name = "DIR")]
    bins: Option<PathBuf>,
}

pub(crate) fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Registry(arguments) => registry(&arguments),
        Command::Tenants(arguments) => tenants(&arguments),
        Command::Image(arguments) => image(&arguments),
        Command::Demo(arguments) => demo(&arguments),
        Command::Bench(arguments) => bench(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "coalmine-sandbox: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn registry(arguments: &RegistryArguments) -> io::Result<()> {
    let password = match &arguments.password_file {
        Some(path) => first_line(path)?,
        None => "sandbox".to_owned(),
    };
    let users = vec![User::new(&arguments.user, &password)];
    let access = Access { users, anonymous_pull: arguments.anonymous_pull };
    let registry = Registry::start(Setup {
        auth: match arguments.auth {
            AuthKind::None => Auth::None,
            AuthKind::Basic => Auth::Basic(access),
            AuthKind::Bearer => Auth::Bearer(Bearer { access, ..Bearer::default() }),
        },
        latency: Duration::from_millis(arguments.latency),
        referrers: arguments.referrers == Switch::On,
        tag_delete: arguments.tag_delete == Switch::On,
        upstream: arguments.upstream,
        port: arguments.port,
        ..Setup::default()
    })?;
    say(&registry.host())?;
    until_stopped()
}

fn tenants(arguments: &TenantsArguments) -> io::Result<()> {
    let follow = match arguments.follow.as_str() {
        "staging" => Follow::NewestStaging,
        tag => Follow::Tag(tag.to_owned()),
    };
    let login = match (&arguments.user, &arguments.password_file) {
        (Some(user), Some(path)) => Some((user.clone(), first_line(path)?)),
        _ => None,
    };
    let mut tenants = Vec::new();
    for number in 1..=arguments.count {
        tenants.push(Tenant::start(TenantSetup {
            name: format!("{}-{number}", arguments.name),
            registry: arguments.registry.clone(),
            repository: arguments.repository.clone(),
            login: login.clone(),
            follow: follow.clone(),
            every: Duration::from_millis(arguments.every),
            boot_delay: Duration::from_millis(arguments.boot_delay),
            token: token(number),
            fault: arguments.fault.clone(),
            ..TenantSetup::default()
        })?);
    }
    let lines =
        |of: fn(&Tenant) -> String| tenants.iter().map(|tenant| of(tenant) + "\n").collect::<String>();
    let urls = lines(Tenant::url);
    if let Some(path) = &arguments.token_file {
        let mut file = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(lines(|tenant| tenant.token().to_owned()).as_bytes())?;
    }
    if let Some(path) = &arguments.urls_file {
        whole(path, &urls)?;
    }
    say(urls.trim_end())?;
    until_stopped()
}

fn first_line(path: &Path) -> io::Result<String> {
    Ok(fs::read_to_string(path)?.lines().next().unwrap_or_default().to_owned())
}

/// A token nobody else has.
fn token(number: usize) -> String {
    use std::hash::{BuildHasher, Hasher};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let digest = sha256(format!("{random} {number}").as_bytes());
    format!("sandbox-{}", &digest["sha256:".len()..][..32])
}

/// Writes a file so that a reader sees all of it or nothing.
fn whole(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("part");
    fs::write(&unfinished, text)?;
    fs::rename(unfinished, path)
}

fn image(arguments: &ImageArguments) -> io::Result<()> {
    let mut recipe = Image::of(&arguments.sha);
    for platform in &arguments.platform {
        recipe = recipe.platform(platform);
    }
    for path in &arguments.file {
        let bytes = fs::read(path)
            .map_err(|failure| io::Error::new(failure.kind(), format!("{}: {failure}", path.display())))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        recipe = recipe.layer(Layer::files([(name.as_ref(), 0o755, bytes.as_slice())])?);
    }
    if let Some(fault) = &arguments.fault {
        recipe = recipe.fault(&fault.to_string());
    }
    if let Some(created) = &arguments.created {
        recipe = recipe.created(created);
    }
    if arguments.index {
        recipe = recipe.index();
    }
    let image = recipe.build();
    match image.write_layout(&arguments.out, None) {
        Ok(()) => say(image.digest()),
        Err(WriteImage::Io(failure)) => Err(failure),
        Err(failure @ WriteImage::DockerArchiveOfIndex) => Err(io::Error::other(failure)),
    }
}

fn demo(arguments: &ProgramsArguments) -> io::Result<()> {
    let beside = beside()?;
    crate::demo::run(arguments.bins.as_ref().unwrap_or(&beside), &arguments.dir)
}

fn bench(arguments: &ProgramsArguments) -> io::Result<()> {
    let beside = beside()?;
    crate::bench::run(arguments.bins.as_ref().unwrap_or(&beside), &arguments.dir)
}

/// Where the programs stand when that is not said: beside this one.
fn beside() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.parent().unwrap_or(Path::new(".")).to_owned())
}

/// Prints a result at once, also into a pipe.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn until_stopped() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminate.recv() => Ok(()),
        }
    })
}
