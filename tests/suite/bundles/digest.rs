//! The digest is the version: the folder decides it, and nothing else does.

use super::{BUNDLE, copy_example, digest_of, example, publish, tree};
use crate::support::{Fixture, ONE, Program, TWO, is_full};
use serde_json::Value;

/// What the example is, for ever. If this changes, every bundle of every user gets another digest.
const GOLDEN: &str = "sha256:09379a1ba680afb4eff7424fc366430968bd7c441df37359b8bc975648f80b4d";

#[test]
fn the_example_has_its_digest_under_another_umask_time_zone_locale_and_order_of_files() {
    let fixture = Fixture::new();
    let image = |folder: &std::path::Path| {
        format!("{}/{BUNDLE}=bundle:{}", fixture.registry.host(), folder.display())
    };
    let limits = [
        "umask 022",
        "umask 077; export TZ=Pacific/Kiritimati LC_ALL=tr_TR.UTF-8 SOURCE_DATE_EPOCH=1",
        "umask 000; export TZ=America/New_York LC_ALL=C LANG=sv_SE.UTF-8",
    ];
    for (i, limits) in limits.into_iter().enumerate() {
        let copy = fixture.path(&format!("copy-{i}"));
        copy_example(&copy, i == 1);
        if i == 2 {
            std::fs::create_dir(copy.join("empty")).unwrap();
        }
        let program = Program::limited("publish-staging", fixture.folder.path(), limits);
        let done = program.args([ONE, "--image", &image(&copy)]).with_result().run().code(0);
        assert_eq!(digest_of(&done), GOLDEN, "{limits}");
    }
}

#[test]
fn the_image_has_a_configuration_a_layer_that_oras_unpacks_and_its_pins() {
    let fixture = Fixture::new();
    let done = publish(&fixture, ONE, &example()).code(0);
    let (media_type, manifest) = fixture.registry.manifest(BUNDLE, &digest_of(&done)).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(media_type, "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(manifest["artifactType"], "application/vnd.coalmine.bundle.v1+json");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.oci.image.config.v1+json");
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["layers"][0]["annotations"]["io.deis.oras.content.unpack"], "true");
    let pins: Value =
        serde_json::from_str(manifest["annotations"]["dev.coalmine.bundle.pins"].as_str().unwrap()).unwrap();
    assert_eq!(pins["pins"]["MODEL_VER"], "provider/model-2026-05-01");
    assert_eq!(pins["pins"]["PROMPT_VER"], pins["parts"]["prompts"]);
    let config = fixture.registry.blob(BUNDLE, manifest["config"]["digest"].as_str().unwrap()).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(
        config["rootfs"]["diff_ids"][0],
        manifest["layers"][0]["annotations"]["io.deis.oras.content.digest"]
    );
    assert_eq!(done.json()["images"][0]["pins"], pins);
}

#[test]
fn a_part_has_the_hash_that_sha256sum_gives() {
    let fixture = Fixture::new();
    let done = publish(&fixture, ONE, &example()).code(0);
    let script = "export LC_ALL=C; find prompts -type f | sort | xargs sha256sum | sha256sum";
    let sum = std::process::Command::new("sh").args(["-c", script]).current_dir(example()).output().unwrap();
    let sum = format!("sha256:{}", &String::from_utf8(sum.stdout).unwrap()[..64]);
    assert_eq!(done.json()["images"][0]["pins"]["parts"]["prompts"], sum);
}

#[test]
fn one_changed_byte_or_a_file_that_may_now_be_executed_is_another_digest_and_another_part() {
    let fixture = Fixture::new();
    let copy = fixture.path("copy");
    copy_example(&copy, false);
    let first = publish(&fixture, ONE, &copy).code(0);
    let parts = |done: &crate::support::Done| done.json()["images"][0]["pins"]["parts"].clone();
    let before = parts(&first);
    std::fs::write(copy.join("prompts/refusal.md"), "I cannot help with that!\n").unwrap();
    let second = publish(&fixture, TWO, &copy).code(0);
    assert_ne!(digest_of(&second), GOLDEN);
    assert_ne!(parts(&second)["prompts"], before["prompts"]);
    assert_eq!(parts(&second)["config"], before["config"]);
    publish(&fixture, ONE, &copy).code(1).tells(&["another build was staged under this sha"]);
}

/// Behind the full flag: a gigabyte. Otherwise a tenth of it.
#[test]
fn ten_thousand_files_pass_through_flat_memory() {
    let (count, each) = if is_full() { (10_000, 107_374) } else { (2_000, 10_000) };
    let fixture = Fixture::new();
    let folder = fixture.path("large");
    std::fs::create_dir_all(folder.join("prompts")).unwrap();
    std::fs::write(
        folder.join("bundle.toml"),
        "format = 1\n[part]\nprompts = ['prompts/**']\n[pin]\nMODEL_VER = 'a/m-2026-05-01'\n",
    )
    .unwrap();
    for i in 0..count {
        let line = format!("{i} is the number of this line of this prompt\n");
        std::fs::write(folder.join(format!("prompts/{i:05}.md")), line.repeat(each / line.len())).unwrap();
    }
    let image = format!("{}/{BUNDLE}=bundle:{}", fixture.registry.host(), folder.display());
    let program =
        fixture.run("publish-staging").args([ONE, "--image", &image, "--deadline", "10m", "--dry-run"]);
    let (done, peak) = crate::support::peak_memory(program);
    done.code(0);
    assert!(peak > 1_000 && peak < 64 * 1024, "{peak} kB resident");
    assert_eq!(tree(&folder).len(), count + 1);
}
