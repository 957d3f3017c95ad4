//! What release.yml and ci.yml run when coalmine itself is released, played: the real lines of their steps. A check is
//! shown to bite by the same lines without it.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::docker_registry::is_there;
use crate::support::site::{ARCHIVE, Site};
use crate::support::workflow::read;

const RELEASE: &str = ".github/workflows/release.yml";
const COMPARE: &str = "Compare both builds and write the manifest";
const ARCHIVES: [&str; 3] = [
    "coalmine-9.9.9-aarch64-apple-darwin.tar.gz",
    "coalmine-9.9.9-aarch64-unknown-linux-musl.tar.gz",
    ARCHIVE,
];

/// The lines of a step.
fn script(file: &str, job: &str, step: &str) -> String {
    let file = read(file);
    let steps = file["jobs"][job]["steps"].as_array().unwrap();
    let step = steps.iter().find(|found| found["name"] == step).unwrap_or_else(|| panic!("no step `{step}`"));
    assert!(step["shell"].is_null() && file["defaults"].is_null(), "played as where no shell is named");
    step["run"].as_str().unwrap().to_owned()
}

/// The lines without the one that holds a text.
fn without(script: &str, text: &str) -> String {
    let kept: Vec<&str> = script.lines().filter(|line| !line.contains(text)).collect();
    assert_eq!(kept.len() + 1, script.lines().count(), "`{text}` stands in one line");
    kept.join("\n")
}

/// A commit of version 9.9.9 with the archives of both builds, as `draft` has them before it compares.
fn built() -> Site {
    let site = Site::new();
    let cargo = "[workspace.package]\nversion = \"1.0.0\"\n\n[package]\nversion = \"9.9.9\"\n\n[dependencies.a]\nversion = \"2\"\n";
    site.write("tree/Cargo.toml", cargo);
    for turn in ["first", "second"] {
        for archive in ARCHIVES {
            site.write(&format!("tree/{turn}/{archive}"), &format!("stands for {archive}"));
        }
        site.shell(&format!("cp mirror/{ARCHIVE} tree/{turn}/"));
    }
    site
}

/// Plays lines in the tree, as a runner does where no shell is named. Whether they end well, and what they print.
fn play(site: &Site, script: &str) -> (bool, String) {
    site.write("script.sh", script);
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", site.path("tools").display());
    let done = Command::new("bash")
        .args(["--noprofile", "--norc", "-e"])
        .arg(site.path("script.sh"))
        .env_clear()
        .envs([("PATH", path.as_str()), ("VERSION", "9.9.9"), ("GH_TOKEN", "token")])
        .envs([("GITHUB_SERVER_URL", "https://github.com"), ("GITHUB_REPOSITORY", "acme/coalmine")])
        .env("GITHUB_OUTPUT", site.path("step-output"))
        .current_dir(site.path("tree"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (done.status.success(), said)
}

/// Whether what `spoil` leaves behind is still compared, and written into a manifest.
fn passes(script: &str, spoil: &str) -> bool {
    let site = built();
    site.shell(spoil);
    let (good, _) = play(&site, script);
    let written = site.path("tree/manifest.txt").exists() && site.path("step-output").exists();
    assert_eq!(good, written, "a manifest is written where the step is green, and nowhere else");
    good
}

#[test]
fn two_equal_builds_give_a_manifest_that_the_installer_takes() {
    let site = built();
    let (good, said) = play(&site, &script(RELEASE, "draft", COMPARE));
    assert!(good, "{said}");
    assert_eq!(fs::read_to_string(site.path("step-output")).unwrap(), "version=9.9.9\n");
    let manifest = fs::read_to_string(site.path("tree/manifest.txt")).unwrap();
    let source = site.shell("tree/scripts/install.sh --source-hash");
    let head = format!(
        "version 9.9.9\nsource {source}\nurl https://github.com/acme/coalmine/releases/download/v9.9.9\n"
    );
    let sums = site.shell("cd tree/first && sha256sum *.tar.gz");
    assert_eq!(manifest, format!("{head}{sums}\n"));
    assert_eq!(fs::read_to_string(site.path("tree/SHA256SUMS")).unwrap(), format!("{sums}\n"));
    // As dist/manifest.txt of the next commit, beside the archives of the release page.
    site.write("tree/dist/manifest.txt", &manifest);
    let mirror = site.path("tree/second").display().to_string();
    site.run(&[("COALMINE_MODE", "prebuilt"), ("COALMINE_MIRROR", &mirror)]).installed("prebuilt", "9.9.9");
}

#[test]
fn one_byte_of_difference_ends_the_release() {
    let compare = script(RELEASE, "draft", COMPARE);
    for archive in ARCHIVES {
        let spoil = format!("printf x | dd of=tree/second/{archive} bs=1 seek=12 conv=notrunc status=none");
        assert!(!passes(&compare, &spoil), "{archive}");
        assert!(passes(&without(&compare, "sha256sum --check"), &spoil), "{archive}: nothing else notices");
    }
}

#[test]
fn two_of_three_targets_are_no_release() {
    let compare = script(RELEASE, "draft", COMPARE);
    for archive in ARCHIVES {
        assert!(!passes(&compare, &format!("rm tree/second/{archive}")), "{archive}, second build");
        for turns in ["first", "*"] {
            let spoil = format!("rm tree/{turns}/{archive}");
            assert!(!passes(&compare, &spoil), "{archive}, {turns}");
            assert!(passes(&without(&compare, "= 3"), &spoil), "{archive}, {turns}: nothing else notices");
        }
    }
    assert!(passes(&compare, "true"), "with all of them it is one");
}

#[test]
fn the_draft_is_of_what_was_compared() {
    let site = built();
    site.program("tools/gh", "printf '%s\\n' \"$@\" >\"${GITHUB_OUTPUT%/*}/asked\"");
    let (good, said) = play(&site, &script(RELEASE, "draft", "Draft the release"));
    assert!(good, "{said}");
    let asked = fs::read_to_string(site.path("asked")).unwrap();
    let asked: Vec<&str> = asked.lines().collect();
    assert!(asked.starts_with(&["release", "create", "v9.9.9", "--draft"]), "{asked:?}");
    let files: Vec<String> = ARCHIVES.iter().map(|archive| format!("first/{archive}")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).chain(["SHA256SUMS", "manifest.txt"]).collect();
    assert!(asked.ends_with(&files), "{asked:?}");
}

#[test]
fn a_new_manifest_gets_in_with_its_own_sources_only() {
    if !is_there("git") {
        return;
    }
    let site = Site::released();
    let compare = script(".github/workflows/ci.yml", "manifest", "Compare a new manifest with the sources");
    let commit = |change: &str| {
        let git = "git -c user.name=a -c user.email=a@example.com";
        site.shell(&format!("cd tree && {change} && git add . && {git} commit -qm x"));
        play(&site, &compare)
    };
    commit("mv dist/manifest.txt .. && git init -q");
    let (good, said) = commit("touch unrelated");
    assert!(good && said.contains("no new manifest"), "{said}");
    assert!(commit("mkdir -p dist && cp ../manifest.txt dist/").0, "a manifest of these sources");
    assert!(commit("echo '// more' >>src/lib.rs").0, "a later commit may leave the manifest behind");
    assert!(!commit("echo >>dist/manifest.txt").0, "a manifest that is not of these sources");
}
