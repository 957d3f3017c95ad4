//! What would change is shown before it does: parts, pins and lines, and nothing of it is obeyed.

use super::{BUNDLE, copy_example, publish};
use crate::support::{Fixture, ONE, TWO};

/// `ONE` is live, and `TWO` has another model and another line in a prompt.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let image = format!("{}/{BUNDLE}", fixture.registry.host());
    fixture.configure(&format!("[release]\nimages = [{image:?}]\nrecords = false\n"));
    let folder = fixture.path("bundle");
    copy_example(&folder, false);
    let digest = super::digest_of(&publish(&fixture, ONE, &folder).code(0));
    fixture.registry.move_tag(BUNDLE, "latest", &digest).unwrap();
    let toml = std::fs::read_to_string(folder.join("bundle.toml")).unwrap();
    std::fs::write(folder.join("bundle.toml"), toml.replace("2026-05-01", "2026-09-01")).unwrap();
    let prompt = std::fs::read_to_string(folder.join("prompts/system.md")).unwrap();
    let prompt = prompt.replace("promise a date", "promise a date\u{1b}[2J\n::error::x");
    std::fs::write(folder.join("prompts/system.md"), prompt).unwrap();
    std::fs::write(folder.join("config/new.json"), "{}\n").unwrap();
    publish(&fixture, TWO, &folder).code(0);
    fixture
}

#[test]
fn the_difference_between_live_and_candidate_names_part_pin_file_and_line() {
    let fixture = fixture();
    let program = crate::support::Program::new("release-status", fixture.folder.path());
    let done = program.args(["diff", "live", TWO]).with_result().run().code(0);
    for words in [
        "part prompts: sha256:",
        "pin MODEL_VER: provider/model-2026-05-01 -> provider/model-2026-09-01",
        "changed prompts/system.md (part prompts)",
        "@@ -2,3 +2,4 @@",
        "-- Never promise a date.",
        r"+- Never promise a date\u{1b}[2J",
        "added config/new.json (part config)",
        "changed bundle.toml (no part)",
    ] {
        assert!(done.stdout.contains(words), "{words}\n{}", done.stdout);
    }
    assert!(
        !done.stdout.contains('\u{1b}') && !done.stdout.lines().any(|l| l.trim_start().starts_with("::"))
    );
    let json = done.json();
    assert_eq!(json["images"][0]["pins"][0]["name"], "MODEL_VER");
    assert_eq!(json["images"][0]["files"].as_array().unwrap().len(), 3);
    let same = crate::support::Program::new("release-status", fixture.folder.path());
    let same = same.args(["diff", "live", &ONE[..9]]).run().code(0);
    assert!(same.stdout.contains("no difference"), "{}", same.stdout);
    let wrong = crate::support::Program::new("release-status", fixture.folder.path());
    wrong.args(["diff", "lve"]).run().code(2);
}

#[test]
fn the_step_summary_of_a_promotion_shows_what_production_gets() {
    let fixture = fixture();
    let summary = fixture.path("summary.md");
    std::fs::write(&summary, "").unwrap();
    for (more, told) in [(&["--dry-run"][..], "would move"), (&[][..], "promoted")] {
        let program =
            crate::support::Program::new("promote-latest", fixture.folder.path()).arg(TWO).args(more);
        let program =
            program.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary.display().to_string());
        program.run().code(0);
        let text = std::fs::read_to_string(&summary).unwrap();
        std::fs::write(&summary, "").unwrap();
        for words in
            [told, "What changes:", "pin MODEL_VER", "changed prompts/system.md", "-- Never promise a date."]
        {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }
}
