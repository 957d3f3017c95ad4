//! Which credential a registry gets, in the order of `docs/credentials.md`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};

use crate::base::secret::Secret;
use crate::base::text;
use crate::io::console::Console;
use crate::io::env::Env;
use crate::io::files::read_if_there;
use crate::model::repository::Repository;

/// A credential program that takes longer than this is waiting for a person who is not there.
const PROGRAM: Duration = Duration::from_secs(20);

/// How we identify ourselves.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A user and a password, sent as Basic to the registry or to its token server.
    Login {
        /// The user, which is not a secret.
        user: String,
        /// The password or access token.
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

/// Finds the credential for `repository`. REGISTRY_USERNAME and REGISTRY_PASSWORD are for the registries of the
/// release only (`own`): the source of a copy must not learn them.
///
/// # Errors
/// A source is half there or unreadable: going on as somebody else would hide that.
pub async fn find(env: &Env, console: &Console, repository: &Repository, own: bool) -> Result<Found, String> {
    let found = look(env, console, repository, own).await?;
    match &found.credential {
        Credential::Login { password, .. } => console.secrets.learn(password),
        Credential::Identity(token) => console.secrets.learn(token),
        Credential::Anonymous => {}
    }
    console.detail(&format!("{}: credentials from {}", repository.registry(), found.origin));
    Ok(found)
}

async fn look(env: &Env, console: &Console, repository: &Repository, own: bool) -> Result<Found, String> {
    if let Some(found) = from_variables(env, own)? {
        return Ok(found);
    }
    if repository.registry().host() == "ghcr.io"
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
    Ok(Found { credential: Credential::Anonymous, origin: "nowhere (anonymous)".to_owned() })
}

fn from_variables(env: &Env, own: bool) -> Result<Option<Found>, String> {
    if !own {
        return Ok(None);
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
    use super::keys;

    #[test]
    fn podman_looks_from_the_repository_up_to_the_registry() {
        let repository = "quay.io/acme/app".parse().unwrap();
        assert_eq!(keys(true, &repository), ["quay.io/acme/app", "quay.io/acme", "quay.io"]);
        assert_eq!(keys(false, &repository), ["quay.io"]);
        assert_eq!(keys(false, &"acme/app".parse().unwrap()), ["https://index.docker.io/v1/"]);
    }
}
