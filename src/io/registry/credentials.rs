//! Which credential a registry gets, in the order of `docs/credentials.md`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};

use crate::base::secret::Secret;
use crate::base::text;
use crate::io::console::Console;
use crate::io::env::Env;
use crate::io::files::read_if_there;
use crate::model::repository::{Registry, Repository};

/// A credential program that takes longer than this is waiting for a person who is not there.
const PROGRAM: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub enum Credential {
    /// A user and a password, sent as Basic to the registry or to its token server.
    Login {
        /// The user, which is not a secret.
        user: String,
        password: Secret,
    },
    /// A refresh token, to be exchanged by POST (distribution specification, "OAuth2").
    Identity(Secret),
    /// None was found: requests go out without a credential.
    Anonymous,
}

/// A credential and where it comes from, in words for a person.
#[derive(Clone, Debug)]
pub struct Found {
    pub(crate) credential: Credential,
    pub(crate) origin: String,
}

/// Finds the credential for `repository`; `own` are the registries of the release.
///
/// # Errors
/// A source is half there or unreadable: going on as somebody else would hide that.
pub async fn find(
    env: &Env,
    console: &Console,
    repository: &Repository,
    own: &[Registry],
) -> Result<Found, String> {
    let found = look(env, console, repository, own).await?;
    match &found.credential {
        Credential::Login { password, .. } => console.secrets.learn(password),
        Credential::Identity(token) => console.secrets.learn(token),
        Credential::Anonymous => {}
    }
    console.detail(&format!("{}: credentials from {}", repository.registry(), found.origin));
    Ok(found)
}

async fn look(
    env: &Env,
    console: &Console,
    repository: &Repository,
    own: &[Registry],
) -> Result<Found, String> {
    if let Some(found) = from_variables(env, repository.registry(), own)? {
        return Ok(found);
    }
    if repository.registry().as_str() == "ghcr.io"
        && let Some(password) = env.secret("GITHUB_TOKEN")
    {
        let user = env.get("GITHUB_ACTOR").unwrap_or("coalmine").to_owned();
        return Ok(Found {
            credential: Credential::Login { user, password },
            origin: "GITHUB_TOKEN".to_owned(),
        });
    }
    for file in files(env) {
        if let Some(credential) = from_file(&file, console, repository).await? {
            return Ok(Found { credential, origin: file.path.display().to_string() });
        }
    }
    let mut origin = "nowhere (anonymous)".to_owned();
    if let Ok(Some(Destination::Named(host))) = destination(env, own) {
        origin.push_str(&format!("; REGISTRY_PASSWORD is for {host}"));
    }
    Ok(Found { credential: Credential::Anonymous, origin })
}

/// The registry that gets REGISTRY_USERNAME and REGISTRY_PASSWORD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    Named(Registry),
    /// REGISTRY_HOST is not set, and this is the only registry of the release.
    Only(Registry),
    /// REGISTRY_HOST is not set, and the release is on several registries, or on none.
    Several(Vec<Registry>),
}

/// Where the pair of variables goes; `None` if neither is set. `coalmine.toml` names the registries of the release
/// (`own`), and whoever may change that file must not decide who gets a password: that is why the environment, where
/// the password stands, names its host too.
pub(crate) fn destination(env: &Env, own: &[Registry]) -> Result<Option<Destination>, String> {
    if ["REGISTRY_USERNAME", "REGISTRY_PASSWORD"].into_iter().all(|name| env.get(name).is_none()) {
        return Ok(None);
    }
    if let Some(host) = env.get("REGISTRY_HOST") {
        let registry = host.parse().map_err(|_| {
            format!("REGISTRY_HOST is `{}`: expected `host` or `host:port`", text::escape(host, 100))
        })?;
        return Ok(Some(Destination::Named(registry)));
    }
    let hosts: BTreeSet<&Registry> = own.iter().collect();
    Ok(Some(match hosts.into_iter().collect::<Vec<_>>().as_slice() {
        [only] => Destination::Only((*only).clone()),
        several => Destination::Several(several.iter().map(|host| (*host).clone()).collect()),
    }))
}

fn from_variables(env: &Env, registry: &Registry, own: &[Registry]) -> Result<Option<Found>, String> {
    match destination(env, own)? {
        Some(Destination::Named(host) | Destination::Only(host)) if host == *registry => {}
        Some(Destination::Several(hosts)) if hosts.contains(registry) => {
            let hosts: Vec<&str> = hosts.iter().map(Registry::as_str).collect();
            return Err(format!(
                "REGISTRY_USERNAME and REGISTRY_PASSWORD are set, and the release is on {}: set REGISTRY_HOST to the one that they are for",
                hosts.join(" and ")
            ));
        }
        Some(_) | None => return Ok(None),
    }
    match (env.get("REGISTRY_USERNAME"), env.secret("REGISTRY_PASSWORD")) {
        (Some(user), Some(password)) => {
            let credential = Credential::Login { user: user.to_owned(), password };
            Ok(Some(Found { credential, origin: "REGISTRY_USERNAME and REGISTRY_PASSWORD".to_owned() }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err("REGISTRY_USERNAME is set and REGISTRY_PASSWORD is not".to_owned()),
        (None, Some(_)) => Err("REGISTRY_PASSWORD is set and REGISTRY_USERNAME is not".to_owned()),
    }
}

/// A file that may hold credentials. Podman's may have keys for single repositories.
struct CredentialFile {
    path: PathBuf,
    podman: bool,
}

/// Docker's file, then podman's (containers-auth.json(5): REGISTRY_AUTH_FILE, then the runtime directory, then the
/// configuration directory).
fn files(env: &Env) -> Vec<CredentialFile> {
    let home = env.path("HOME");
    let under = |base: Option<PathBuf>, tail: &str| base.map(|base| base.join(tail));
    let docker = under(env.path("DOCKER_CONFIG"), "config.json")
        .or_else(|| under(home.clone(), ".docker/config.json"));
    let config = env.path("XDG_CONFIG_HOME").or_else(|| under(home, ".config"));
    let podman = [
        env.path("REGISTRY_AUTH_FILE"),
        under(env.path("XDG_RUNTIME_DIR"), "containers/auth.json"),
        under(config, "containers/auth.json"),
    ];
    let docker = docker.into_iter().map(|path| CredentialFile { path, podman: false });
    docker.chain(podman.into_iter().flatten().map(|path| CredentialFile { path, podman: true })).collect()
}

async fn from_file(
    file: &CredentialFile,
    console: &Console,
    repository: &Repository,
) -> Result<Option<Credential>, String> {
    let Some(content) = read_if_there(&file.path).map_err(|e| e.to_string())? else { return Ok(None) };
    for key in keys(file.podman, repository) {
        match ask(content.clone(), key).await {
            Ok(DockerCredential::IdentityToken(token)) => {
                return Ok(Some(Credential::Identity(Secret::new(token))));
            }
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                return Ok(Some(Credential::Login { user, password: Secret::new(password) }));
            }
            Err(Miss::NotThere) => {}
            Err(Miss::Program(why)) => {
                console.warn(&format!("{}: {why}; going on without it", file.path.display()));
            }
            Err(Miss::Malformed) => return Err(malformed(&file.path)),
        }
    }
    Ok(None)
}

fn malformed(path: &Path) -> String {
    format!("`{}` is not a Docker configuration that can be read", path.display())
}

/// Docker Hub has a name of its own in these files.
fn keys(podman: bool, repository: &Repository) -> Vec<String> {
    let registry = match repository.registry().as_str() {
        "docker.io" if !podman => "https://index.docker.io/v1/".to_owned(),
        other => other.to_owned(),
    };
    if !podman {
        return vec![registry];
    }
    let mut keys = vec![format!("{}/{}", repository.registry(), repository.name())];
    while let Some((shorter, _)) = keys.last().and_then(|key| key.rsplit_once('/')) {
        keys.push(shorter.to_owned());
    }
    keys
}

enum Miss {
    NotThere,
    Program(String),
    Malformed,
}

/// Asks the file's entry, or the credential program that it names. The program runs on a thread of its own: it
/// blocks, and it may never answer.
async fn ask(content: String, key: String) -> Result<DockerCredential, Miss> {
    let work = tokio::task::spawn_blocking(move || {
        docker_credential::get_credential_from_reader(content.as_bytes(), &key)
    });
    let answer = tokio::time::timeout(PROGRAM, work).await;
    let answer = answer.map_err(|_| {
        Miss::Program(format!("the credential program did not answer within {}s", PROGRAM.as_secs()))
    })?;
    match answer.map_err(|e| Miss::Program(e.to_string()))? {
        Ok(credential) => Ok(credential),
        Err(CredentialRetrievalError::NoCredentialConfigured | CredentialRetrievalError::ConfigNotFound) => {
            Err(Miss::NotThere)
        }
        // The words of docker/docker-credential-helpers, `credentials/error.go`.
        Err(CredentialRetrievalError::HelperFailure { stdout, .. })
            if stdout.contains("credentials not found") =>
        {
            Err(Miss::NotThere)
        }
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            Err(Miss::Program(format!("`{}` failed", text::escape(&helper, 80))))
        }
        Err(CredentialRetrievalError::HelperCommunicationError) => {
            Err(Miss::Program("the credential program could not be run".to_owned()))
        }
        Err(CredentialRetrievalError::MalformedHelperResponse) => {
            Err(Miss::Program("the credential program's answer cannot be read".to_owned()))
        }
        Err(
            CredentialRetrievalError::CredentialDecodingError
            | CredentialRetrievalError::CredentialMismatchError
            | CredentialRetrievalError::ConfigReadError,
        ) => Err(Miss::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::{Destination, Env, destination, from_variables, keys};

    #[test]
    fn the_variables_go_to_one_host_and_the_environment_says_which() {
        let host = |text: &str| text.parse().unwrap();
        let env = |of: &str| {
            Env::of([("REGISTRY_USERNAME", "ann"), ("REGISTRY_PASSWORD", "word"), ("REGISTRY_HOST", of)])
        };
        let (one, two) =
            (vec![host("a.example"), host("a.example")], vec![host("a.example"), host("b.example")]);
        let gets = |env: &Env, own: &[_], registry: &str| from_variables(env, &host(registry), own);
        assert!(gets(&env(""), &one, "a.example").unwrap().is_some());
        assert!(gets(&env(""), &one, "source.example").unwrap().is_none());
        assert!(gets(&env(""), &two, "a.example").is_err());
        assert!(gets(&env(""), &two, "source.example").unwrap().is_none());
        assert!(gets(&env("A.example"), &two, "a.example").unwrap().is_some());
        assert!(gets(&env("a.example"), &two, "b.example").unwrap().is_none());
        assert!(gets(&env("a.example"), &one, "a.example:5000").unwrap().is_none());
        assert!(gets(&env("source.example"), &one, "source.example").unwrap().is_some());
        assert!(gets(&env("https://a.example"), &one, "a.example").is_err());
        assert_eq!(destination(&Env::of([("REGISTRY_HOST", "nonsense/")]), &one), Ok(None));
        assert_eq!(destination(&env(""), &one), Ok(Some(Destination::Only(host("a.example")))));
    }

    #[test]
    fn podman_looks_from_the_repository_up_to_the_registry() {
        let repository = "quay.io/acme/app".parse().unwrap();
        assert_eq!(keys(true, &repository), ["quay.io/acme/app", "quay.io/acme", "quay.io"]);
        assert_eq!(keys(false, &repository), ["quay.io"]);
        assert_eq!(keys(false, &"acme/app".parse().unwrap()), ["https://index.docker.io/v1/"]);
    }
}
