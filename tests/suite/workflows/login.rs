//! `.github/actions/login`, run: its real script and the real curl, against what stands for the clouds.

use std::fs;

use serde_json::Value;

use crate::support::cloud_server::{CloudServer, FORBIDDEN};
use crate::support::docker_registry::is_there;
use crate::support::site::Site;
use crate::support::workflow::{Context, read, shown};

const ACTION: &str = ".github/actions/login/action.yml";
/// Everything that must be masked, whichever cloud it is of.
const SECRETS: [&str; 8] = [
    "identity-for-",
    "secret/key+of=aws",
    "session\"token\\of-aws",
    "federated-token",
    "token-of-entra",
    "password-of-ecr",
    "password-of-gar",
    "password-of-acr",
];

struct Login {
    good: bool,
    said: String,
    /// What later steps get.
    set: String,
    /// The arguments of every program that was called.
    arguments: String,
}

/// Runs the action with these inputs.
fn login(inputs: &[(&str, &str)], oidc: bool) -> Login {
    let (server, site) = (CloudServer::start(), Site::new());
    site.shell("rm -r tools && mkdir tools");
    // The real curl, which finds every host below the server's address; it is not https there.
    site.program(
        "tools/curl",
        &format!(
            r#"printf '%s\n' "$@" >>"$HOME/arguments"
kept=()
while [ $# -gt 0 ]; do case $1 in --proto | --retry) shift ;; --tlsv1.2) ;; *) kept+=("$1") ;; esac; shift; done
sed 's#^url = "https://#url = "{}/#' | PATH=/usr/local/bin:/usr/bin:/bin curl "${{kept[@]}}""#,
            server.url()
        ),
    );
    site.program(
        "tools/jq",
        r#"printf '%s\n' "$@" >>"$HOME/arguments"; PATH=/usr/local/bin:/usr/bin:/bin jq "$@""#,
    );
    let action = read(ACTION);
    let given = |name: &str| inputs.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
    let declared = action["inputs"].as_object().unwrap();
    assert!(inputs.iter().all(|(name, _)| declared.contains_key(*name)), "{inputs:?}");
    let inputs = declared
        .keys()
        .map(|name| (name.clone(), Value::from(given(name))))
        .collect::<serde_json::Map<_, _>>();
    let context = Context { names: serde_json::json!({ "inputs": inputs }), success: true };
    let step = &action["runs"]["steps"][0];
    assert_eq!(step["run"], "\"$GITHUB_ACTION_PATH/../../../scripts/registry-login\"");
    let mut command = std::process::Command::new("bash");
    command
        .args(["--noprofile", "--norc", "-euo", "pipefail"])
        .arg(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/registry-login"))
        .env_clear()
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", site.path("tools").display()))
        .envs([("HOME", site.path("")), ("RUNNER_TEMP", site.path("")), ("GITHUB_ENV", site.path("set"))])
        .envs(
            step["env"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, text)| (name, context.interpolate(&shown(text)))),
        );
    if oidc {
        command.env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/token/x?v=1", server.url()));
        command.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "token-to-ask-with");
    }
    let done = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let kept = |name: &str| fs::read_to_string(site.path(name)).unwrap_or_default();
    let said = format!("{}{}", text(done.stdout), text(done.stderr));
    Login { good: done.status.success(), said, set: kept("set"), arguments: kept("arguments") }
}

#[test]
fn a_job_logs_in_to_each_cloud_and_shows_no_secret() {
    if !is_there("jq") || !is_there("curl") {
        return;
    }
    let google =
        ("workload-identity-provider", "projects/1/locations/global/workloadIdentityPools/p/providers/g");
    for (inputs, user, password) in [
        (
            vec![
                ("registry", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
                ("role", "arn:aws:iam::123456789012:role/push"),
            ],
            "AWS",
            "password-of-ecr",
        ),
        (vec![("registry", "europe-west4-docker.pkg.dev"), google], "oauth2accesstoken", "federated-token"),
        (
            vec![
                ("registry", "europe-west4-docker.pkg.dev"),
                google,
                ("service-account", "push@acme.iam.gserviceaccount.com"),
            ],
            "oauth2accesstoken",
            "password-of-gar",
        ),
        (
            vec![("registry", "acme.azurecr.io"), ("tenant-id", "directory"), ("client-id", "app")],
            "00000000-0000-0000-0000-000000000000",
            "password-of-acr",
        ),
    ] {
        let done = login(&inputs, true);
        assert!(done.good, "{}", done.said);
        let expected = format!(
            "REGISTRY_HOST={}\nREGISTRY_USERNAME={user}\nREGISTRY_PASSWORD={password}\n",
            inputs[0].1
        );
        assert_eq!(done.set, expected);
        let shown = done.said.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<String>();
        for secret in SECRETS {
            assert!(!done.arguments.contains(secret), "{secret} in an argument");
            assert!(!shown.contains(secret), "{secret} in the log");
            let seen = done.set.contains(secret);
            assert!(!seen || done.said.contains(&format!("::add-mask::{secret}")), "{secret} is not masked");
        }
    }
}

#[test]
fn what_a_job_lacks_is_named_and_nothing_is_set() {
    if !is_there("jq") || !is_there("curl") {
        return;
    }
    let ecr = ("registry", "123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    let forbidden = format!("arn:aws:iam::123456789012:role/{FORBIDDEN}");
    for (inputs, oidc, why) in [
        (vec![ecr, ("role", "arn:aws:iam::123456789012:role/push")], false, "id-token: write"),
        (vec![ecr], true, "which role to assume"),
        (vec![ecr, ("role", forbidden.as_str())], true, "is refused: "),
        (vec![("registry", "europe-west4-docker.pkg.dev")], true, "workload-identity-provider"),
        (vec![("registry", "acme.azurecr.io"), ("client-id", "app")], true, "tenant-id and client-id"),
        (vec![("registry", "ghcr.io")], true, "no registry of Amazon, Google or Azure"),
        (vec![("registry", "evil.example/x.azurecr.io")], true, "is no host"),
        (vec![("registry", "acme.azurecr.io.evil.example")], true, "no registry of"),
    ] {
        let done = login(&inputs, oidc);
        assert!(
            !done.good && done.said.contains("::error title=login::") && done.said.contains(why),
            "{}",
            done.said
        );
        assert_eq!(done.set, "");
    }
}
