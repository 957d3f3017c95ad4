//! What release.yml, publish.yml and ci.yml run when coalmine itself is released, played: the real lines of their steps. A
//! check is shown to bite by the same lines without it.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::docker_registry::is_there;
use crate::support::site::{ARCHIVE, Site};
use crate::support::workflow::read;

const RELEASE: &str = "release.yml";
const SHA: &str = "4c1d56e0a1b2c3d4e5f60718293a4b5c6d7e8f90";
const COMPARE: &str = "Compare both builds and write the manifest";
const ARCHIVES: [&str; 2] = ["coalmine-9.9.9-aarch64-unknown-linux-musl.tar.gz", ARCHIVE];
const CHANGELOG: &str = "# Changelog\n\n## [Unreleased]\n\n- next\n\n## [9.9.9] - 2026-11-21\n\n- this\n\n## [9.9.8]\n\n- before\n";

/// The lines of a step.
fn script(file: &str, job: &str, step: &str) -> String {
    let file = read(&format!(".github/workflows/{file}"));
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
    site.write("tree/CHANGELOG.md", CHANGELOG);
    for name in ["release-notes", "check-manifest"] {
        let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name);
        fs::copy(script, site.path(&format!("tree/scripts/{name}"))).unwrap();
    }
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
        .envs([("GITHUB_SHA", SHA), ("GITHUB_REF_NAME", "v9.9.9")])
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
    let written = site.path("tree/manifest.txt").exists();
    assert_eq!(good, written, "a manifest is written where the step is green, and nowhere else");
    good
}

#[test]
fn two_equal_builds_give_a_manifest_that_the_installer_takes() {
    let site = built();
    let (good, said) = play(&site, &script(RELEASE, "draft", COMPARE));
    assert!(good, "{said}");
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
fn one_of_two_targets_is_no_release() {
    let compare = script(RELEASE, "draft", COMPARE);
    for archive in ARCHIVES {
        assert!(!passes(&compare, &format!("rm tree/second/{archive}")), "{archive}, second build");
        for turns in ["first", "*"] {
            let spoil = format!("rm tree/{turns}/{archive}");
            assert!(!passes(&compare, &spoil), "{archive}, {turns}");
            assert!(passes(&without(&compare, "= 2"), &spoil), "{archive}, {turns}: nothing else notices");
        }
    }
    assert!(passes(&compare, "true"), "with all of them it is one");
}

#[test]
fn the_draft_is_of_what_was_compared_and_its_notes_are_of_this_version() {
    let site = built();
    site.program("tools/gh", "printf '%s\\n' \"$@\" >\"${GITHUB_OUTPUT%/*}/asked\"");
    let (good, said) = play(&site, &script(RELEASE, "draft", "Draft the release"));
    assert!(good, "{said}");
    let asked = fs::read_to_string(site.path("asked")).unwrap();
    let asked: Vec<&str> = asked.lines().collect();
    assert!(asked.starts_with(&["release", "create", "v9.9.9", "--draft", "--target", SHA]), "{asked:?}");
    let files: Vec<String> = ARCHIVES.iter().map(|archive| format!("first/{archive}")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).chain(["SHA256SUMS", "manifest.txt"]).collect();
    assert!(asked.ends_with(&files), "{asked:?}");
    assert_eq!(fs::read_to_string(site.path("tree/notes.md")).unwrap(), "- this\n");
    assert!(!play(&site, "scripts/release-notes 9.9.7").0, "a version that CHANGELOG.md does not name");
}

/// What stands for GitHub: check runs that ended so, no tag, and attestations of what release.yml built.
fn github(site: &Site, conclusion: &str, workflow: &str) {
    let payload = format!(
        r#"{{"predicate":{{"buildDefinition":{{"externalParameters":{{"workflow":{{"path":"{workflow}"}}}}}}}}}}"#
    );
    site.write("payload", &payload);
    let runs =
        format!(r#"{{"check_runs":[{{"app":{{"slug":"github-actions"}},"conclusion":"{conclusion}"}}]}}"#);
    site.write("runs", &runs);
    site.program(
        "tools/gh",
        &format!(
            r#"here={}
printf '%s\n' "$*" >>"$here/asked"
while [ $# -gt 0 ]; do case $1 in --jq) filter=$2; shift ;; repos/*) path=$1 ;; esac; shift; done
case $path in
  */check-runs*) jq --raw-output "$filter" "$here/runs" ;;
  */attestations/sha256:*)
    grep -q "${{path##*:}}" "$here/attested" || exit 1
    jq --null-input --raw-output --arg payload "$(base64 --wrap 0 "$here/payload")"       "{{attestations: [{{bundle: {{dsseEnvelope: {{payload: \$payload}}}}}}]}} | $filter" ;;
  */git/ref/*) exit 1 ;;
esac"#,
            site.path("").display()
        ),
    );
}

#[test]
fn what_is_released_was_green_and_names_its_repository() {
    if !is_there("jq") {
        return;
    }
    let check = script(RELEASE, "check", "Check version, repository and CI");
    let repository = "repository = \"https://github.com/acme/coalmine\"\n";
    let played = |conclusion: &str, spoil: &str| {
        let site = built();
        let cargo = fs::read_to_string(site.path("tree/Cargo.toml")).unwrap();
        site.write("tree/Cargo.toml", &cargo.replace("[package]\n", &format!("[package]\n{repository}")));
        github(&site, conclusion, "");
        site.shell(spoil);
        let (good, said) = play(&site, &check);
        assert_eq!(good, site.path("step-output").exists());
        (good, said)
    };
    let (good, said) = played("success", "true");
    assert!(good, "{said}");
    for (conclusion, spoil, why) in [
        ("failure", "true", "was not green"),
        ("success", "echo '{\"check_runs\":[]}' >runs", "was not green"),
        ("success", "sed -i 's/acme/OWNER/' tree/Cargo.toml", "names another repository"),
        ("success", "sed -i 's/9.9.9/9.9.7/' tree/CHANGELOG.md", "no section [9.9.9]"),
        ("success", "printf '#!/bin/sh\nexit 0\n' >tools/gh", "is released"),
    ] {
        let (good, said) = played(conclusion, spoil);
        assert!(!good && said.contains(why), "{spoil}: {said}");
    }
}

#[test]
fn a_manifest_names_what_release_yml_has_built_from_these_sources_and_nothing_else() {
    if !is_there("jq") {
        return;
    }
    let spoilt = |spoil: &str, workflow: &str| {
        let site = built();
        let (good, said) = play(&site, &script(RELEASE, "draft", COMPARE));
        assert!(good, "{said}");
        site.shell(
            "mkdir tree/dist && cp tree/manifest.txt tree/dist/ && cut -d ' ' -f 1 tree/SHA256SUMS >attested",
        );
        github(&site, "success", workflow);
        site.shell(spoil);
        play(&site, "scripts/check-manifest")
    };
    let ours = ".github/workflows/release.yml";
    let (good, said) = spoilt("true", ours);
    assert!(good, "{said}");
    let manifest = "tree/dist/manifest.txt";
    for (spoil, workflow, why) in [
        (format!("sed -i 's/acme/evil/' {manifest}"), ours, "release page"),
        (format!("sed -i 's/^version .*/version 9.9.8/' {manifest}"), ours, "this version"),
        ("echo '// more' >>tree/src/lib.rs".to_owned(), ours, "these sources"),
        (format!("sed -i '/x86_64/s/^[0-9a-f]\\{{8\\}}/00000000/' {manifest}"), ours, "nobody has attested"),
        (format!("sed -i '/aarch64/d' {manifest}"), ours, "no archive for aarch64"),
        (format!("echo 'x; id' >>{manifest}"), ours, "no checksum and archive"),
        ("true".to_owned(), ".github/workflows/other.yml", "release.yml has not built"),
    ] {
        let (good, said) = spoilt(&spoil, workflow);
        assert!(!good && said.contains(why), "{spoil}: {said}");
    }
}

#[test]
fn a_tag_publishes_the_draft_that_its_manifest_names() {
    if !is_there("jq") {
        return;
    }
    let compare = script(
        "publish.yml",
        "publish",
        "Compare the manifest with the sources, the archives and their attestations",
    );
    let published = |spoil: &str| {
        let site = built();
        assert!(play(&site, &script(RELEASE, "draft", COMPARE)).0);
        site.shell("mkdir tree/dist && cp tree/manifest.txt tree/dist/ && cut -d ' ' -f 1 tree/SHA256SUMS >attested && cp -r tree/first draft");
        github(&site, "success", ".github/workflows/release.yml");
        // Downloading gives the draft; verifying is asked for, and answered by GitHub.
        let gh = fs::read_to_string(site.path("tools/gh")).unwrap();
        let download = format!(
            "if [ \"$1 $2\" = 'release download' ]; then cp {}/* archives/; exit; fi\n",
            site.path("draft").display()
        );
        site.write("tools/gh", &gh.replacen("here=", &format!("{download}here="), 1));
        site.shell(spoil);
        let (good, said) = play(&site, &compare);
        let asked = fs::read_to_string(site.path("asked")).unwrap_or_default();
        (good, said, asked.matches("attestation verify archives/").count())
    };
    let (good, said, verified) = published("true");
    assert!(good && verified == 2, "{verified}: {said}");
    for (spoil, why) in [
        (format!("echo x >>draft/{ARCHIVE}"), "FAILED"),
        (format!("rm draft/{ARCHIVE}"), "No such file"),
        ("echo x >draft/coalmine-9.9.9-other.tar.gz".to_owned(), "does not name"),
    ] {
        let (good, said, _) = published(&spoil);
        assert!(!good && said.contains(why), "{spoil}: {said}");
    }
}

#[test]
fn cargo_binstall_finds_the_archives_that_are_built() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let cargo: toml::Table = fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let binstall = &cargo["package"]["metadata"]["binstall"];
    let filled = |text: &str| {
        let text = binstall[text].as_str().unwrap().replace("{ version }", "9.9.9");
        text.replace("{ target }", "x86_64-unknown-linux-musl")
            .replace("{ repo }", "https://github.com/acme/coalmine")
    };
    let page = "https://github.com/acme/coalmine/releases/download/v9.9.9";
    assert_eq!(filled("pkg-url"), format!("{page}/{ARCHIVE}"));
    assert_eq!(filled("bin-dir"), format!("{}/bin/{{ bin }}", ARCHIVE.trim_end_matches(".tar.gz")));
}

#[test]
fn a_new_manifest_is_checked_and_a_later_commit_may_leave_it_behind() {
    if !is_there("git") {
        return;
    }
    let site = built();
    let check = script("ci.yml", "manifest", "Check a new manifest");
    site.program("tree/scripts/check-manifest", "echo checked; exit \"${ENDS:-0}\"");
    let commit = |change: &str| {
        let git = "git -c user.name=a -c user.email=a@example.com";
        site.shell(&format!("cd tree && {change} && git add . && {git} commit -qm x"));
        play(&site, &check)
    };
    commit("git init -q");
    let (good, said) = commit("touch unrelated");
    assert!(good && said.contains("no new manifest"), "{said}");
    let (good, said) = commit("mkdir -p dist && echo x >dist/manifest.txt");
    assert!(good && said.contains("checked"), "{said}");
    assert!(commit("echo '// more' >>src/lib.rs").1.contains("no new manifest"));
    site.program("tree/scripts/check-manifest", "exit 1");
    assert!(!commit("echo y >dist/manifest.txt").0);
}
