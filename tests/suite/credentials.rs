//! The whole order of docs/credentials.md, Basic and bearer, against real registries and the sandbox.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::docker_registry::DockerRegistry;
use crate::support::token_server::TokenServer;
use crate::support::{Done, Fixture, ONE, TWO, digests};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coalmine_sandbox::registry::{Access, Bearer, Kind, TokenKey, User};
use coalmine_sandbox::{Auth, Fault, Setup, When};

const USER: &str = "robot";
const PASSWORD: &str = "s3cr3t-password";

fn access() -> Access {
    let user = User::new(USER, PASSWORD).may("pull,push", "acme/*").identity_token("identity-t0ken");
    Access { users: vec![user], anonymous_pull: false }
}

fn guarded(auth: Auth) -> Fixture {
    let fixture = Fixture::with(Setup { auth, ..Setup::default() });
    fixture.stage(ONE);
    fixture.registry.clear_log();
    fixture
}

fn bearer() -> Auth {
    Auth::Bearer(Bearer { access: access(), ..Bearer::default() })
}

fn docker_config(folder: &Path, text: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("config.json"), text).unwrap();
}

fn auths(host: &str, entry: &str) -> String {
    format!(r#"{{"auths":{{"{host}":{entry}}}}}"#)
}

fn login() -> String {
    format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(format!("{USER}:{PASSWORD}")))
}

/// A credential program that answers `answer` with `status`.
fn program(folder: &Path, name: &str, answer: &str, status: i32) {
    let file = folder.join(format!("docker-credential-{name}"));
    std::fs::write(&file, format!("#!/bin/sh\ncat >/dev/null\nprintf '%s' '{answer}'\nexit {status}\n"))
        .unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn variables_outrank_the_docker_configuration_which_outranks_podmans() {
    let fixture = guarded(bearer());
    let host = fixture.registry.host();
    let run = || fixture.run("promote-latest").args([ONE, "-v"]);
    run().run().code(1).tells(&["nowhere (anonymous)"]);
    let podman = fixture.path("auth.json");
    std::fs::write(&podman, auths(&format!("{host}/acme"), &login())).unwrap();
    run().env("REGISTRY_AUTH_FILE", podman.to_str().unwrap()).run().code(0).tells(&["auth.json"]);
    docker_config(&fixture.path(".docker"), &auths(&host, &login()));
    run().env("REGISTRY_AUTH_FILE", podman.to_str().unwrap()).run().code(0).tells(&[".docker/config.json"]);
    docker_config(&fixture.path("elsewhere"), &auths(&host, &login()));
    run()
        .env("DOCKER_CONFIG", fixture.path("elsewhere").to_str().unwrap())
        .run()
        .code(0)
        .tells(&["elsewhere/config.json"]);
    let wrong = run().env("REGISTRY_USERNAME", USER).env("REGISTRY_PASSWORD", "another-password").run();
    wrong.code(1).tells(&["credentials from REGISTRY_USERNAME and REGISTRY_PASSWORD"]);
}

#[test]
fn credential_programs_and_identity_tokens_are_used() {
    for auth in [bearer(), Auth::Basic(access())] {
        let basic = matches!(auth, Auth::Basic(_));
        let fixture = guarded(auth);
        let host = fixture.registry.host();
        let path = format!("{}:/usr/bin:/bin", fixture.folder.path().display());
        let run = || fixture.run("promote-latest").args([ONE, "-v"]).env("PATH", &path).run();
        program(
            fixture.folder.path(),
            "good",
            &format!(r#"{{"Username":"{USER}","Secret":"{PASSWORD}"}}"#),
            0,
        );
        docker_config(&fixture.path(".docker"), &format!(r#"{{"credHelpers":{{"{host}":"good"}}}}"#));
        run().code(0);
        docker_config(&fixture.path(".docker"), r#"{"credsStore":"good"}"#);
        run().code(0);
        program(fixture.folder.path(), "empty", "credentials not found in native keychain", 1);
        docker_config(&fixture.path(".docker"), r#"{"credsStore":"empty"}"#);
        run().code(1).tells(&["anonymous"]);
        docker_config(&fixture.path(".docker"), r#"{"credsStore":"not-installed"}"#);
        run().code(1).tells(&["warning:", "could not be run", "anonymous"]);
        if !basic {
            docker_config(&fixture.path(".docker"), &auths(&host, r#"{"identitytoken":"identity-t0ken"}"#));
            run().code(0);
        }
    }
}

#[test]
fn half_a_credential_or_a_broken_file_is_not_passed_over() {
    let fixture = guarded(bearer());
    let run = || fixture.run("promote-latest").arg(ONE);
    run().env("REGISTRY_USERNAME", USER).run().code(1).tells(&["REGISTRY_PASSWORD is not"]);
    run().env("REGISTRY_PASSWORD", PASSWORD).run().code(1).tells(&["REGISTRY_USERNAME is not"]);
    docker_config(&fixture.path(".docker"), "{ nonsense");
    run().run().code(1).tells(&["is not a Docker configuration"]);
}

#[test]
fn the_github_token_goes_to_ghcr_and_nowhere_else() {
    let fixture = guarded(Auth::Basic(access()));
    let run = fixture
        .run("promote-latest")
        .args([ONE, "-v"])
        .env("GITHUB_TOKEN", PASSWORD)
        .env("GITHUB_ACTOR", USER);
    run.run().code(1).tells(&["anonymous"]);
}

#[test]
fn the_source_of_a_copy_does_not_learn_the_variables() {
    let (target, source) = (guarded(bearer()), guarded(Auth::Basic(access())));
    let from = format!("docker://{}/acme/platform:staging-{ONE}", source.registry.host());
    let image = format!("{}/acme/platform={from}", target.registry.host());
    let program = target.run("publish-staging").args([TWO, "--image", &image]);
    program.env("REGISTRY_USERNAME", USER).env("REGISTRY_PASSWORD", PASSWORD).run().code(1);
    assert!(source.registry.log().iter().all(|seen| seen.authorization.is_none()));
}

/// Two guarded registries, and the images of a release with one in each.
fn apart() -> (Fixture, Fixture, String) {
    let (here, there) = (guarded(Auth::Basic(access())), guarded(Auth::Basic(access())));
    let images = [&here, &there].map(|fixture| format!("{}/acme/platform", fixture.registry.host()));
    (here, there, images.join(","))
}

fn heard_a_login(fixture: &Fixture) -> bool {
    fixture.registry.log().iter().any(|seen| seen.authorization.is_some())
}

#[test]
fn the_variables_go_to_the_host_that_stands_beside_them_and_to_no_other() {
    let (here, there, images) = apart();
    let run = || {
        let run = here.run("promote-latest").args([ONE, "-v"]).env("RELEASE_IMAGES", &images);
        run.env("REGISTRY_USERNAME", USER).env("REGISTRY_PASSWORD", PASSWORD)
    };
    run().env("REGISTRY_HOST", &here.registry.host()).run().code(1).tells(&["nowhere (anonymous)"]);
    assert_eq!((heard_a_login(&here), heard_a_login(&there)), (true, false));
    here.registry.clear_log();
    run().env("REGISTRY_HOST", "registry.example").run().code(1).tells(&["nowhere (anonymous)"]);
    assert_eq!((heard_a_login(&here), heard_a_login(&there)), (false, false));
}

#[test]
fn without_a_host_the_variables_go_nowhere_where_images_are_on_two() {
    let (here, there, images) = apart();
    let run = here.run("promote-latest").arg(ONE).env("RELEASE_IMAGES", &images);
    let done = run.env("REGISTRY_USERNAME", USER).env("REGISTRY_PASSWORD", PASSWORD).run().code(1);
    done.tells(&["REGISTRY_HOST", &here.registry.host(), &there.registry.host()]);
    assert_eq!((heard_a_login(&here), heard_a_login(&there)), (false, false));
    let run = here.run("promote-latest").arg(ONE).env("REGISTRY_HOST", "https://user@host/");
    let done = run.env("REGISTRY_USERNAME", USER).env("REGISTRY_PASSWORD", PASSWORD).run().code(1);
    done.tells(&["REGISTRY_HOST"]);
    assert!(!heard_a_login(&here));
}

#[test]
fn the_source_of_a_copy_learns_the_variables_where_they_are_bound_to_its_host() {
    let (target, source) = (Fixture::new(), guarded(Auth::Basic(access())));
    let from = format!("docker://{}/acme/platform:staging-{ONE}", source.registry.host());
    let image = format!("{}/acme/platform={from}", target.registry.host());
    let program = target.run("publish-staging").args([TWO, "--image", &image]);
    let program = program.env("REGISTRY_HOST", &source.registry.host());
    program.env("REGISTRY_USERNAME", USER).env("REGISTRY_PASSWORD", PASSWORD).run().code(0);
    assert!(!heard_a_login(&target));
}

#[test]
fn doctor_says_where_the_variables_go() {
    let fixture = guarded(Auth::Basic(access()));
    let run = || {
        let run = fixture.run("release-status").arg("doctor");
        run.env("REGISTRY_USERNAME", USER).env("REGISTRY_PASSWORD", PASSWORD)
    };
    let host = fixture.registry.host();
    let told = |done: Done| format!("{}{}", done.stdout, done.stderr);
    let bound = told(run().env("REGISTRY_HOST", &host).run());
    assert!(bound.contains(&format!("goes to {host}, which REGISTRY_HOST names")), "{bound}");
    let free = told(run().run());
    assert!(free.contains("set REGISTRY_HOST"), "{free}");
}

#[test]
fn every_step_that_is_given_the_password_is_given_its_host() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut looked_at = 0;
    for folder in [".github/workflows", "docs/examples/repository/.github/workflows"] {
        for entry in std::fs::read_dir(root.join(folder)).into_iter().flatten() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let count = |what: &str| text.matches(what).count();
            assert_eq!(count("REGISTRY_PASSWORD: ${{"), count("REGISTRY_HOST: ${{"), "{folder}: {text}");
            looked_at += count("REGISTRY_PASSWORD: ${{");
        }
    }
    assert!(looked_at >= 3, "{looked_at} steps");
}

#[test]
fn tokens_come_under_either_name_and_an_expired_one_is_fetched_anew() {
    for key in [TokenKey::Token, TokenKey::AccessToken] {
        let fixture = guarded(Auth::Bearer(Bearer { access: access(), key, ..Bearer::default() }));
        let expired = fixture
            .registry
            .rule(When::any().method("PUT").reference("latest").nth(1).then(Fault::ExpireToken));
        let run = fixture
            .run("promote-latest")
            .arg(ONE)
            .env("REGISTRY_USERNAME", USER)
            .env("REGISTRY_PASSWORD", PASSWORD);
        run.run().code(0);
        assert_eq!((fixture.registry.played(expired), fixture.latest()), (1, digests(ONE)));
    }
}

#[test]
fn a_token_server_that_limits_rates_is_asked_again() {
    let fixture = guarded(bearer());
    let rule = fixture.registry.rule(When::any().kind(Kind::Token).first(2).then(Fault::status(503)));
    let run = fixture
        .run("promote-latest")
        .arg(ONE)
        .env("REGISTRY_USERNAME", USER)
        .env("REGISTRY_PASSWORD", PASSWORD);
    run.run().code(0);
    assert_eq!(fixture.registry.played(rule), 2);
}

#[test]
fn a_token_for_less_than_was_asked_is_refused_by_name() {
    let reader =
        Access { users: vec![User::new(USER, PASSWORD).may("pull", "acme/*")], anonymous_pull: false };
    let fixture = guarded(Auth::Bearer(Bearer { access: reader, ..Bearer::default() }));
    let run = fixture
        .run("promote-latest")
        .arg(ONE)
        .env("REGISTRY_USERNAME", USER)
        .env("REGISTRY_PASSWORD", PASSWORD);
    let done = run.run().code(1).tells(&["expected permission", "credentials from REGISTRY_USERNAME"]);
    assert!(!done.stderr.contains("ghcr.io"), "{}", done.stderr);
    assert_eq!(fixture.latest(), [None, None]);
}

#[test]
fn an_anonymous_token_is_enough_to_read() {
    let open = Access { anonymous_pull: true, ..access() };
    let fixture = guarded(Auth::Bearer(Bearer { access: open, ..Bearer::default() }));
    fixture.run("release-status").run().code(0);
}

fn release_through(host: &str, fixture: &Fixture) -> Vec<Done> {
    let images: Vec<String> = crate::support::IMAGES.iter().map(|name| format!("{host}/{name}")).collect();
    let login = |program: crate::support::Program| {
        program
            .env("REGISTRY_USERNAME", USER)
            .env("REGISTRY_PASSWORD", PASSWORD)
            .env("RELEASE_IMAGES", &images.join(","))
    };
    let sources = images
        .iter()
        .zip(fixture.layouts(ONE))
        .map(|(image, layout)| format!("--image={image}=oci:{}", layout.display()));
    vec![
        login(fixture.run("publish-staging").arg(ONE).args(sources)).run(),
        login(fixture.run("promote-latest").arg(ONE)).with_result().run(),
        login(fixture.run("release-status").arg("--check")).run(),
    ]
}

#[test]
fn a_real_registry_with_htpasswd_takes_the_release() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    // bcrypt of `s3cr3t-password`, the only form that docker-registry reads.
    std::fs::write(&file, format!("{USER}:{}\n", include_str!("../golden/htpasswd.bcrypt").trim())).unwrap();
    let auth = format!("auth: {{htpasswd: {{realm: test, path: {}}}}}", file.display());
    let Some(real) = DockerRegistry::start_with(&auth) else { return };
    let fixture = Fixture::new();
    for done in release_through(&real.host(), &fixture) {
        done.code(0);
    }
    let images = format!("{}/acme/platform", real.host());
    fixture.run("promote-latest").args([ONE, "--image", &images]).run().code(1).tells(&["401", "anonymous"]);
}

#[test]
fn a_real_registry_with_a_token_server_takes_the_release() {
    let server = TokenServer::start(USER, PASSWORD);
    let Some(real) = DockerRegistry::start_with(&server.registry_configuration()) else { return };
    let fixture = Fixture::new();
    for done in release_through(&real.host(), &fixture) {
        done.code(0);
    }
    // One for each repository and run: three runs, two images.
    assert_eq!(server.granted(), 6);
}
