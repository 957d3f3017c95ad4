//! `coalmine-sandbox play`: the main job from the first publish to the rollback, told and checked.
//!
//! This file is the script: one function for each step, in the order in which a release goes. What a step may say,
//! run and claim is in [`stage`]; the registry and the tenants it meets are in [`scene`].

mod scene;
mod stage;

use std::io;
use std::path::Path;

use self::scene::{Answer, IMAGES, Member, Scene};
use self::stage::Stage;

/// The first build of the release.
const FIRST: &str = "4c1d56e";
/// The next one.
const SECOND: &str = "9f02ab7";
/// A build whose second image was never published.
const HALF: &str = "e5a9c30";

/// Plays everything in `directory`, with the binaries that stand in `bins`.
///
/// # Errors
///
/// A claim does not hold, a binary cannot be started, or the sandbox cannot be set up.
pub(crate) fn play(bins: &Path, directory: &Path) -> io::Result<()> {
    let mut stage = Stage::new(bins, directory)?;
    let told = tell(&mut stage);
    stage.close()?;
    told
}

/// The story. It ends at the first claim that does not hold: what comes after rests on it.
fn tell(stage: &mut Stage) -> io::Result<()> {
    let scene = set_up(stage)?;

    publish(stage, &scene, FIRST)?;
    canaries_take(stage, &scene, FIRST, None)?;
    promote(stage, &scene, FIRST)?;
    production_takes(stage, &scene, FIRST)?;

    publish(stage, &scene, SECOND)?;
    canaries_take(stage, &scene, SECOND, Some(FIRST))?;
    promote(stage, &scene, SECOND)?;
    production_takes(stage, &scene, SECOND)?;

    refuse_half_a_release(stage, &scene)?;
    roll_back(stage, &scene)?;
    production_takes(stage, &scene, FIRST)?;
    refuse_what_was_rolled_back(stage, &scene)?;

    look(stage, &scene)
}

fn set_up(stage: &mut Stage) -> io::Result<Scene> {
    stage.step("A registry, two images of two builds, a canary fleet and a production fleet")?;
    let mut scene = Scene::start()?;
    stage.say(&format!("registry    {}", scene.host()))?;
    for tenant in scene.canary.iter().chain(&scene.production) {
        stage.say(&format!("{:<10}  {}  follows {}", tenant.name(), tenant.url(), tenant.follows))?;
    }
    stage.write("coalmine.toml", &scene.configuration())?;
    for (sha, age_s) in [(FIRST, 7200), (SECOND, 3600)] {
        scene.build(stage, sha, age_s, IMAGES)?;
    }
    scene.build(stage, HALF, 0, &IMAGES[..1])?;
    Ok(scene)
}

fn publish(stage: &mut Stage, scene: &Scene, sha: &str) -> io::Result<()> {
    stage.step(&format!("Publish {sha} as staging-{sha}"))?;
    let before = scene.latest();
    let code = stage.run("publish-staging", &scene.publication(sha, IMAGES))?;
    stage.claim(&format!("publish-staging {sha} succeeds"), code == 0, &format!("exit code {code}"))?;
    let (staged, built) = (scene.tagged(&format!("staging-{sha}")), scene.built(sha));
    stage.claim_equal(&format!("staging-{sha} names the very digests that were built"), &staged, &built)?;
    stage.claim_equal("publishing left :latest alone", &scene.latest(), &before)
}

/// `live`: what production runs meanwhile.
fn canaries_take(stage: &mut Stage, scene: &Scene, sha: &str, live: Option<&str>) -> io::Result<()> {
    stage.step(&format!("The canary tenants take {sha}; production does not"))?;
    runs(stage, "the canary fleet runs", &scene.canary, sha)?;
    let answers: Vec<Answer> = scene.production.iter().map(Member::ask).collect();
    let what = live.map_or_else(|| "runs nothing yet".to_owned(), |live| format!("stays on {live}"));
    fleet(stage, &format!("production {what}"), &answers, live)
}

fn promote(stage: &mut Stage, scene: &Scene, sha: &str) -> io::Result<()> {
    stage.step(&format!("Promote {sha} to :latest"))?;
    let code = stage.run("promote-latest", &[sha.to_owned()])?;
    stage.claim(&format!("promote-latest {sha} succeeds"), code == 0, &format!("exit code {code}"))?;
    stage.claim_equal(
        &format!(":latest of both images is {sha}, by digest"),
        &scene.latest(),
        &scene.built(sha),
    )
}

fn production_takes(stage: &mut Stage, scene: &Scene, sha: &str) -> io::Result<()> {
    stage.step(&format!("Production takes :latest, which is {sha}"))?;
    runs(stage, "all of production runs", &scene.production, sha)
}

/// Waits for a fleet to run `sha`, and claims that all of it does.
fn runs(stage: &mut Stage, claim: &str, members: &[Member], sha: &str) -> io::Result<()> {
    let answers: Vec<Answer> = members.iter().map(|member| member.serves(sha)).collect();
    fleet(stage, &format!("{claim} {sha}"), &answers, Some(sha))
}

fn fleet(stage: &mut Stage, claim: &str, answers: &[Answer], sha: Option<&str>) -> io::Result<()> {
    for answer in answers {
        stage.say(&answer.text)?;
    }
    let held = answers.iter().all(|answer| answer.sha.as_deref() == sha);
    stage.claim(claim, held, "see the answers above")
}

fn refuse_half_a_release(stage: &mut Stage, scene: &Scene) -> io::Result<()> {
    stage.step(&format!("Half a release: {HALF} is published for one image only, and promoted"))?;
    let before = scene.latest();
    let code = stage.run("publish-staging", &scene.publication(HALF, &IMAGES[..1]))?;
    stage.claim(&format!("publish-staging {HALF} succeeds"), code == 0, &format!("exit code {code}"))?;
    let code = stage.run("promote-latest", &[HALF.to_owned()])?;
    stage.claim(&format!("promote-latest {HALF} is refused"), code == 1, &format!("exit code {code}"))?;
    stage.claim_equal("the refusal moved nothing", &scene.latest(), &before)
}

fn roll_back(stage: &mut Stage, scene: &Scene) -> io::Result<()> {
    stage.step(&format!("{SECOND} was a mistake: roll back to {FIRST}"))?;
    let code = stage.run("rollback-latest", &[FIRST.to_owned()])?;
    stage.claim(&format!("rollback-latest {FIRST} succeeds"), code == 0, &format!("exit code {code}"))?;
    let (latest, built) = (scene.latest(), scene.built(FIRST));
    stage.claim_equal(&format!(":latest of both images is {FIRST} again, by digest"), &latest, &built)
}

fn refuse_what_was_rolled_back(stage: &mut Stage, scene: &Scene) -> io::Result<()> {
    stage.step(&format!("The next merge would ship {SECOND} again: it is held"))?;
    let before = scene.latest();
    let code = stage.run("promote-latest", &[SECOND.to_owned()])?;
    stage.claim(&format!("promote-latest {SECOND} is refused"), code == 1, &format!("exit code {code}"))?;
    stage.claim_equal("the hold moved nothing", &scene.latest(), &before)
}

fn look(stage: &mut Stage, scene: &Scene) -> io::Result<()> {
    stage.step("What stands in the registry now")?;
    stage.run("release-status", &[])?;
    let live = stage.ask_status()?;
    stage.claim(
        &format!("release-status says that {FIRST} is live"),
        live["sha"] == FIRST,
        &live["sha"].to_string(),
    )?;
    let digests: Vec<Option<String>> = live["live"]
        .as_array()
        .map(|images| images.iter().map(|image| image["digest"].as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    stage.claim_equal("its digests are those of the registry", &digests, &scene.latest())
}
