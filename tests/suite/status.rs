//! release-status and the lists: what is live, staged, broken; and the doctor.

use crate::support::records::twice_promoted;
use crate::support::{Fixture, IMAGES, ONE, THREE, TWO, release, single};
use coalmine_sandbox::{Fault, Image, When};

#[test]
fn shows_the_live_sha_and_the_staged_releases_newest_first_whole_or_broken() {
    let fixture = Fixture::promoted();
    for name in IMAGES {
        let newer = Image::of(THREE).sized_layers("newer", &[10]).created("2026-06-01T00:00:00Z").build();
        fixture.registry.push(name, &format!("staging-{THREE}"), &newer).unwrap();
    }
    fixture.registry.delete_manifest(IMAGES[1], &release(TWO)[1].children()[0].digest).unwrap();
    let done = fixture.run("release-status").with_result().run().code(0);
    let json = done.json();
    assert_eq!((json["sha"].as_str(), json["live"][0]["shas"][0].as_str()), (Some(ONE), Some(ONE)));
    let staged: Vec<(&str, bool)> = json["staged"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["sha"].as_str().unwrap(), c["whole"].as_bool().unwrap()))
        .collect();
    assert_eq!(staged[0], (THREE, true));
    assert!(staged.contains(&(TWO, false)) && staged.contains(&(ONE, true)), "{staged:?}");
    assert!(
        done.stdout.contains(&format!("latest is {ONE}")) && done.stdout.contains("broken"),
        "{}",
        done.stdout
    );
}

#[test]
fn check_is_a_gate_on_images_that_disagree_are_absent_or_broken() {
    let fixture = Fixture::promoted();
    let check = || fixture.run("release-status").arg("--check").run();
    check().code(0);
    fixture.registry.move_tag(IMAGES[0], "latest", single(TWO).digest()).unwrap();
    assert!(check().code(1).stdout.contains("the images are at different releases"));
    fixture.run("release-status").run().code(0);
    fixture.registry.delete_tag(IMAGES[0], "latest").unwrap();
    assert!(check().code(1).stdout.contains("has no tag latest"));
    fixture.stand_at(ONE);
    fixture.registry.delete_manifest(IMAGES[1], &release(ONE)[1].children()[0].digest).unwrap();
    assert!(check().code(1).stdout.contains("is not whole"));
}

#[test]
fn a_merge_gate_lets_a_hold_and_a_first_release_pass_and_stops_what_is_broken() {
    let fixture = twice_promoted();
    let ends = |check: &str, code: i32, words: &str| {
        let program = fixture.run("release-status").arg(check).env("GITHUB_ACTIONS", "true");
        let done = program.run().code(code);
        assert!(done.stdout.contains(words), "{}", done.stdout);
    };
    ends("--check=merge", 0, "latest is 2222222");
    fixture.run("rollback-latest").args([ONE, "--reason", "it lost mail"]).run().code(0);
    ends("--check", 1, "::error title=release-status --check::held since a rollback");
    ends("--check=merge", 0, "::notice title=promotions wait%2C merges do not::held since a rollback");
    fixture.registry.move_tag(IMAGES[0], "latest", single(TWO).digest()).unwrap();
    ends("--check=merge", 1, "the images are at different releases");
    fixture.registry.delete_tag(IMAGES[0], "latest").unwrap();
    ends("--check=merge", 1, "/acme/platform has no tag latest");
    fixture.registry.delete_tag(IMAGES[1], "latest").unwrap();
    ends("--check", 1, "no image has the tag latest yet");
    ends("--check=merge", 0, "no image has the tag latest yet");
    fixture.run("release-status").arg("--check=other").run().code(2);
    // A registry that does not answer is no merge.
    fixture.registry.rule(When::any().then(Fault::status(401)));
    fixture.run("release-status").arg("--check=merge").run().code(1);
}

#[test]
fn lists_rollback_candidates_the_same_by_both_names() {
    let fixture = Fixture::promoted();
    let list = fixture.run("rollback-latest").arg("--list").run().code(0);
    let candidates = fixture.run("release-status").arg("candidates").run().code(0);
    assert!(list.stdout == candidates.stdout && list.stdout.contains(TWO), "{}", list.stdout);
    assert!(fixture.registry.log().iter().all(|seen| seen.method == "GET" || seen.method == "HEAD"));
}

#[test]
fn the_doctor_looks_at_everything_and_says_what_to_do() {
    let fixture = Fixture::promoted();
    let healthy = fixture
        .run("release-status")
        .arg("doctor")
        .env("CANARY_TENANT_URLS", "http://a\nhttp://b")
        .env("CANARY_ADMIN_TOKENS", "x y");
    assert!(healthy.run().code(0).stdout.contains("2 URLs, 2 tokens"));
    fixture.registry.rule(When::any().method("POST").repository(IMAGES[1]).then(Fault::error(
        403,
        "DENIED",
        "read only",
    )));
    let ill = fixture
        .run("release-status")
        .arg("doctor")
        .env("CANARY_TENANT_URLS", "http://a,http://b")
        .env("CANARY_ADMIN_TOKENS", "x")
        .run()
        .code(1);
    for words in
        ["2 URLs, 1 tokens", "same order", "acme/platform-tenant: write", "403", "expected permission"]
    {
        assert!(ill.stdout.contains(words), "`{words}` is not in\n{}", ill.stdout);
    }
    let lost = fixture.run("release-status").arg("doctor").env("RELEASE_IMAGES", "").run().code(1);
    assert!(lost.stdout.contains("there are no images"), "{}", lost.stdout);
}

#[test]
fn a_list_of_tags_in_pages_is_read_to_its_end() {
    let setup = coalmine_sandbox::Setup { tags_per_page: Some(2), ..Default::default() };
    let fixture = Fixture::with(setup);
    for sha in [ONE, TWO, THREE] {
        fixture.stage(sha);
    }
    fixture.stand_at(THREE);
    let json = fixture.run("release-status").with_result().run().code(0).json();
    assert_eq!((json["sha"].as_str(), json["staged"].as_array().unwrap().len()), (Some(THREE), 3));
}

#[test]
fn releases_are_newest_first_by_their_publication_and_not_by_what_a_build_says() {
    let fixture = Fixture::new();
    fixture.configure("");
    for sha in [TWO, ONE] {
        fixture.publish(sha).code(0);
    }
    let done = fixture.run("release-status").args(["candidates", "--format", "json"]).run().code(0);
    let document: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let shas: Vec<&str> =
        document["candidates"].as_array().unwrap().iter().map(|c| c["sha"].as_str().unwrap()).collect();
    assert_eq!(shas, [ONE, TWO]);
    assert!(
        document["candidates"][0]["published"].is_string() && document["candidates"][0]["built"].is_null()
    );
}

#[test]
fn the_doctor_knows_the_registries_of_the_clouds() {
    let fixture = Fixture::new();
    let row = |image: &str, variables: &[(&str, &str)]| {
        let mut run = fixture.run("release-status").arg("doctor").env("RELEASE_IMAGES", image);
        // Nobody answers: the row is about what the job has, not about the registry.
        run = run.env("HTTPS_PROXY", "http://127.0.0.1:1").args(["--deadline", "1s"]);
        for (name, value) in variables {
            run = run.env(name, value);
        }
        let done = run.run().code(1);
        let host = image.split('/').next().unwrap();
        let line = done.stdout.lines().find(|line| line.contains(&format!("{host}: login")));
        line.unwrap_or_else(|| panic!("{}", done.stdout)).to_owned()
    };
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/acme/platform";
    let password = ("REGISTRY_PASSWORD", "password-0123456789");
    let host = ("REGISTRY_HOST", "123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    let job = ("GITHUB_ACTIONS", "true");
    let oidc = ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example");
    let good = row(ecr, &[job, host, ("REGISTRY_USERNAME", "AWS"), password]);
    assert!(
        good.contains("ok")
            && good.contains("Amazon ECR, with REGISTRY_USERNAME")
            && good.contains("12 hours"),
        "{good}"
    );
    assert!(
        row(ecr, &[host, ("REGISTRY_USERNAME", "acme"), password])
            .contains("is not one that Amazon ECR takes")
    );
    assert!(row(ecr, &[job]).contains("no permission `id-token: write`"));
    assert!(
        row("europe-west4-docker.pkg.dev/acme/x/y", &[job, oidc])
            .contains("nobody has logged in in this job")
    );
    assert!(
        row("acme.azurecr.io/platform", &[]).contains("Azure Container Registry, with nowhere (anonymous)")
    );
}
