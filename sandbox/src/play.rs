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

/// The smoke suite of the play.
const SUITE: &str = include_str!("play/smoke.toml");

/// The first build of the release.
const FIRST: &str = "4c1d56e";
/// The next one.
const SECOND: &str = "9f02ab7";
/// A build whose search finds nothing.
const BROKEN: &str = "7b3d05a";
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
    let unproven = format!("{FIRST} is promoted before anybody has tested it");
    refuse(stage, &scene, FIRST, &unproven, "without evidence nothing moved")?;
    smoke(stage, &scene, FIRST, Verdict::Green)?;
    promote(stage, &scene, FIRST)?;
    production_takes(stage, &scene, FIRST)?;

    publish(stage, &scene, BROKEN)?;
    canaries_take(stage, &scene, BROKEN, Some(FIRST))?;
    smoke(stage, &scene, BROKEN, Verdict::Red)?;
    let red = format!("{BROKEN} is promoted all the same");
    refuse(stage, &scene, BROKEN, &red, "the red verdict stopped it")?;

    publish(stage, &scene, SECOND)?;
    canaries_take(stage, &scene, SECOND, Some(FIRST))?;
    smoke(stage, &scene, SECOND, Verdict::Green)?;
    promote(stage, &scene, SECOND)?;
    production_takes(stage, &scene, SECOND)?;

    refuse_half_a_release(stage, &scene)?;
    roll_back(stage, &scene)?;
    production_takes(stage, &scene, FIRST)?;
    let again = format!("The next merge would ship {SECOND} again: it is held");
    refuse(stage, &scene, SECOND, &again, "the hold moved nothing")?;
    resume(stage)?;
    let rejected = format!("Promotions go on, but {SECOND} stays rejected");
    refuse(stage, &scene, SECOND, &rejected, "what was rejected was not promoted")?;

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
    stage.write("smoke.toml", SUITE)?;
    scene.build(stage, FIRST, 7200, IMAGES, None)?;
    scene.build(stage, BROKEN, 5400, IMAGES, Some("search-finds-nothing"))?;
    scene.build(stage, SECOND, 3600, IMAGES, None)?;
    scene.build(stage, HALF, 0, &IMAGES[..1], None)?;
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

/// What the canary is to find.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Green,
    Red,
}

fn smoke(stage: &mut Stage, scene: &Scene, sha: &str, expected: Verdict) -> io::Result<()> {
    let (word, code) = match expected {
        Verdict::Green => ("green", 0),
        Verdict::Red => ("red", 1),
    };
    stage.step(&format!("Smoke: do all canary tenants run {sha}, and are they well?"))?;
    let words = ["--suite", "smoke.toml", "--sha", sha].map(str::to_owned);
    let found = stage.run_with("canary-smoke", &words, &scene.canaries())?;
    stage.claim(&format!("the verdict on {sha} is {word}"), found == code, &format!("exit code {found}"))
}

fn resume(stage: &mut Stage) -> io::Result<()> {
    stage.step("The cause is found and repaired: promotions may go on")?;
    let words = ["resume", "--reason", "the bad migration is out"].map(str::to_owned);
    let code = stage.run("release-status", &words)?;
    stage.claim("release-status resume lifts the hold", code == 0, &format!("exit code {code}"))
}

/// A promotion that has to be refused.
fn refuse(stage: &mut Stage, scene: &Scene, sha: &str, headline: &str, claim: &str) -> io::Result<()> {
    stage.step(headline)?;
    let before = scene.latest();
    let code = stage.run("promote-latest", &[sha.to_owned()])?;
    stage.claim(&format!("promote-latest {sha} is refused"), code == 1, &format!("exit code {code}"))?;
    stage.claim_equal(claim, &scene.latest(), &before)
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
    stage.step(&format!("Half a release: {HALF} is published for one image only"))?;
    let code = stage.run("publish-staging", &scene.publication(HALF, &IMAGES[..1]))?;
    stage.claim(&format!("publish-staging {HALF} succeeds"), code == 0, &format!("exit code {code}"))?;
    refuse(stage, scene, HALF, "Half a release is not promoted", "the refusal moved nothing")
}

fn roll_back(stage: &mut Stage, scene: &Scene) -> io::Result<()> {
    stage.step(&format!("{SECOND} was a mistake: roll back to {FIRST}"))?;
    let code = stage.run("rollback-latest", &[FIRST.to_owned()])?;
    stage.claim(&format!("rollback-latest {FIRST} succeeds"), code == 0, &format!("exit code {code}"))?;
    let (latest, built) = (scene.latest(), scene.built(FIRST));
    stage.claim_equal(&format!(":latest of both images is {FIRST} again, by digest"), &latest, &built)
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
