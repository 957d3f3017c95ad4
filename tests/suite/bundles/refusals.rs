//! What may not be in a bundle is refused with its place, all of it at once, and nothing is sent.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::{copy_example, example, publish};
use crate::support::{Fixture, ONE};

fn changed(change: impl Fn(&Path)) -> (Fixture, std::path::PathBuf) {
    let fixture = Fixture::new();
    let folder = fixture.path("bundle");
    copy_example(&folder, false);
    change(&folder);
    (fixture, folder)
}

fn refused(change: impl Fn(&Path), words: &[&str]) {
    let (fixture, folder) = changed(change);
    let done = publish(&fixture, ONE, &folder).code(2).tells(words).tells(&["error: "]);
    assert_eq!(fixture.registry.log().len(), 0, "{}", done.stderr);
    assert!(std::fs::read_dir(std::env::temp_dir()).is_ok());
}

#[test]
fn a_link_a_pipe_a_name_twice_and_a_repository_are_refused_together() {
    refused(
        |folder| {
            symlink("/etc/passwd", folder.join("prompts/passwd")).unwrap();
            std::fs::write(folder.join("prompts/System.md"), "twice").unwrap();
            std::fs::create_dir(folder.join(".git")).unwrap();
            let pipe = folder.join("config/pipe");
            assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
            std::fs::write(folder.join("pins.json"), "{}").unwrap();
            std::fs::write(folder.join("prompts/\u{202e}dm.md"), "hidden").unwrap();
        },
        &[
            "prompts/passwd`: it is a link",
            "the name is there twice",
            "it is the folder of a repository",
            "config/pipe`: it is no file",
            "pins.json`: this name is taken",
            "its name is not plain UTF-8",
        ],
    );
}

#[test]
fn a_token_in_a_prompt_is_refused_with_its_line_and_never_shown() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let (fixture, folder) = changed(|folder| {
        std::fs::write(folder.join("prompts/tool.md"), format!("one\ntwo\nuse {token} to call\n")).unwrap();
    });
    let done = publish(&fixture, ONE, &folder).code(2).tells(&["prompts/tool.md:3`", "a GitHub token"]);
    assert!(
        !format!("{}{}{}", done.stdout, done.stderr, done.result_text().unwrap_or_default()).contains(&token)
    );
    assert_eq!(fixture.registry.log().len(), 0);
}

#[test]
fn a_floating_model_a_missing_pin_and_a_path_outside_are_refused_at_their_lines() {
    refused(
        |folder| {
            let text = std::fs::read_to_string(example().join("bundle.toml")).unwrap();
            let text = text.replace("provider/model-2026-05-01", "provider/model-latest");
            let text = text.replace("\"index.sha256\"", "\"index.md5\"").replace("config/**", "../config/**");
            std::fs::write(folder.join("bundle.toml"), text).unwrap();
        },
        &[
            "bundle.toml:8:15",
            "`latest` names whatever is newest",
            "bundle.toml:9:24",
            "`INDEX_HASH` is missing",
            "bundle.toml:5:12",
            "outside of the bundle",
            "^^^",
        ],
    );
}

#[test]
fn a_check_that_fails_stops_the_publication_and_says_why() {
    refused(
        |folder| std::fs::write(folder.join("prompts/system.md"), "Answer.\n").unwrap(),
        &["the check `rules` failed with", "has lost its rule about bold names"],
    );
}

#[test]
fn a_check_that_changes_the_folder_is_noticed() {
    refused(
        |folder| {
            let script = "#!/bin/sh\necho more >>prompts/system.md\n";
            std::fs::write(folder.join("scripts/check-prompts"), script).unwrap();
        },
        &["changed while the bundle was packed"],
    );
}

#[test]
fn a_check_inherits_no_credential() {
    let (fixture, folder) = changed(|folder| {
        let script = "#!/bin/sh\ntest -z \"$GITHUB_TOKEN$REGISTRY_PASSWORD\"\n";
        std::fs::write(folder.join("scripts/check-prompts"), script).unwrap();
    });
    let image = format!("{}/acme/prompts=bundle:{}", fixture.registry.host(), folder.display());
    let program = fixture.run("publish-staging").args([ONE, "--image", &image, "--dry-run"]);
    program
        .env("GITHUB_TOKEN", "hush-hush")
        .env("REGISTRY_PASSWORD", "hush")
        .env("REGISTRY_USERNAME", "u")
        .run()
        .code(0);
}

#[test]
fn a_folder_without_bundle_toml_and_a_folder_that_is_not_there_say_so() {
    refused(|folder| std::fs::remove_file(folder.join("bundle.toml")).unwrap(), &["has no `bundle.toml`"]);
    let fixture = Fixture::new();
    publish(&fixture, ONE, &fixture.path("gone")).code(2).tells(&["there is no such file or folder"]);
}

#[test]
fn a_pin_that_floats_for_a_reason_is_published_and_every_report_shows_it() {
    let (fixture, folder) = changed(|folder| {
        let text = std::fs::read_to_string(example().join("bundle.toml")).unwrap();
        let floats = "{ value = \"provider/model\", floating = \"they name no versions\" }";
        let text = text.replace("\"provider/model-2026-05-01\"", floats);
        std::fs::write(folder.join("bundle.toml"), text).unwrap();
    });
    let done = publish(&fixture, ONE, &folder).code(0);
    assert!(done.stdout.contains("MODEL_VER floats: they name no versions"), "{}", done.stdout);
    assert_eq!(done.json()["images"][0]["pins"]["floating"]["MODEL_VER"], "they name no versions");
}
