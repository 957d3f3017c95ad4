//! The command lines themselves: help, version, and mistakes that must not reach a registry.

use crate::support::{Fixture, ONE, PROGRAMS, Program};

#[test]
fn every_binary_tells_its_help_and_version_on_stdout() {
    let folder = tempfile::tempdir().unwrap();
    for (binary, _) in PROGRAMS {
        let help = Program::new(binary, folder.path()).arg("--help").run().code(0);
        assert!(help.stdout.contains("Usage:") && help.stdout.contains("Exit codes:"), "{}", help.stdout);
        let outputs = folder.path().join("output");
        std::fs::write(&outputs, "").unwrap();
        let version = Program::new(binary, folder.path()).arg("--version");
        let version = version.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", outputs.to_str().unwrap());
        assert_eq!(version.run().code(0).stdout, format!("{binary} {}\n", env!("CARGO_PKG_VERSION")));
        assert_eq!(std::fs::read_to_string(&outputs).unwrap(), "", "a version is no verdict");
    }
}

#[test]
fn a_wrong_command_line_is_exit_2_and_sends_nothing() {
    let fixture = Fixture::promoted();
    let config = fixture.path("coalmine.toml");
    let wrong: [(&str, &[&str]); 12] = [
        ("promote-latest", &[]),
        ("promote-latest", &["123456"]),
        ("promote-latest", &["not-a-sha"]),
        ("promote-latest", &[ONE, "--deadline", "120"]),
        ("promote-latest", &[ONE, "--expect-current", "sha256:12"]),
        ("promote-latest", &[ONE, "--image", "https://ghcr.io/a/b"]),
        ("promote-latest", &[ONE, "--config", "missing.toml"]),
        ("rollback-latest", &[]),
        ("rollback-latest", &[ONE, "--previous"]),
        ("publish-staging", &[ONE]),
        ("publish-staging", &[ONE, "--image", "localhost:1/a=oci:/nonexistent"]),
        ("release-status", &["--result", "/nonexistent/result.json"]),
    ];
    for (binary, arguments) in wrong {
        let done = fixture.run(binary).args(arguments).run().code(2);
        assert!(
            done.stdout.is_empty() && done.stderr.contains("error:"),
            "{binary} {arguments:?}\n{}",
            done.stderr
        );
    }
    std::fs::write(&config, "format = 1\n[release]\nimagess = []\n").unwrap();
    fixture.run("promote-latest").arg(ONE).run().code(2).tells(&[
        "coalmine.toml:3:1",
        "did you mean `images`?",
        "^^^",
    ]);
    assert_eq!(fixture.registry.log().len(), 0);
}

#[test]
fn no_images_anywhere_is_exit_2_and_says_where_to_name_them() {
    let folder = tempfile::tempdir().unwrap();
    for (binary, arguments) in
        [("promote-latest", vec![ONE]), ("rollback-latest", vec![ONE]), ("release-status", vec![])]
    {
        Program::new(binary, folder.path()).args(arguments).run().code(2).tells(&[
            "--image",
            "RELEASE_IMAGES",
            "coalmine.toml",
        ]);
    }
}

#[test]
fn images_come_from_the_command_line_then_the_environment_then_the_file() {
    let fixture = Fixture::promoted();
    let [first, second] = <[String; 2]>::try_from(fixture.repositories()).unwrap();
    std::fs::write(
        fixture.path("coalmine.toml"),
        format!("format = 1\n[release]\nrecords = false\nimages = ['{first}']\n"),
    )
    .unwrap();
    let live = |done: crate::support::Done| done.json()["live"].as_array().unwrap().len();
    assert_eq!(live(fixture.run("release-status").with_result().run().code(0)), 2);
    assert_eq!(live(fixture.run("release-status").env("RELEASE_IMAGES", "").with_result().run().code(0)), 1);
    let named = fixture.run("release-status").args(["--image", &second]).with_result().run().code(0).json();
    assert_eq!(named["live"][0]["repository"], second);
}

#[test]
fn json_on_stdout_is_one_document_and_the_result_file_the_same() {
    let fixture = Fixture::promoted();
    let done = fixture.run("release-status").args(["--format", "json"]).with_result().run().code(0);
    let document: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(document, done.json());
    assert_eq!((&document["format"], &document["tool"]), (&1.into(), &"release-status".into()));
}

#[test]
fn under_github_the_verdict_comes_last_and_a_refusal_is_an_annotation() {
    let fixture = Fixture::promoted();
    let (output, summary) = (fixture.path("output"), fixture.path("summary"));
    let run = |sha: &str| {
        let _ = std::fs::remove_file(&output);
        let github = fixture.run("promote-latest").arg(sha).env("GITHUB_ACTIONS", "true");
        github
            .env("GITHUB_OUTPUT", output.to_str().unwrap())
            .env("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())
            .run()
    };
    let refused = run("9999999").code(1);
    assert!(refused.stdout.contains("::error title=nothing was moved::"), "{}", refused.stdout);
    let lines = std::fs::read_to_string(&output).unwrap();
    assert!(lines.starts_with("verdict=error\n") && lines.ends_with("exit-code=1\nverdict=red\n"), "{lines}");
    run(crate::support::TWO).code(0);
    let lines = std::fs::read_to_string(&output).unwrap();
    assert!(
        lines.ends_with("exit-code=0\nverdict=green\n") && lines.contains("moved={\"127.0.0.1:"),
        "{lines}"
    );
    let summary = std::fs::read_to_string(&summary).unwrap();
    assert!(
        summary.contains("### red&#58;") || summary.contains("### \u{2718} red: nothing was moved"),
        "{summary}"
    );
    assert!(summary.contains("| image | state | from and to |"), "{summary}");
}
