//! `coalmine-sandbox demo`: the main job from the first publish to the rollback, told and checked.
//!
//! This file is the script: one function for each step, in the order in which a release goes. What a step may say,
//! run and claim is in [`narrator`]; the registry and the tenants it meets are in [`scenario`].

mod narrator;
mod scenario;

use std::io;
use std::path::Path;

use self::narrator::Narrator;
use self::scenario::{Answer, IMAGES, Member, Scenario};

const SUITE: &str = include_str!("demo/smoke.toml");

/// The first build of the release.
const FIRST: &str = "4c1d56e";
const SECOND: &str = "9f02ab7";
/// A build whose search finds nothing.
const BROKEN: &str = "7b3d05a";
/// A build whose second image was never published.
const HALF: &str = "e5a9c30";

/// Runs every step in `directory`, with the programs in `bins`.
pub(crate) fn run(bins: &Path, directory: &Path) -> io::Result<()> {
    let mut narrator = Narrator::new(bins, directory)?;
    let told = tell(&mut narrator);
    narrator.close()?;
    told
}

/// Every step in order, up to the first claim that does not hold.
fn tell(narrator: &mut Narrator) -> io::Result<()> {
    let scenario = set_up(narrator)?;

    publish(narrator, &scenario, FIRST)?;
    canaries_take(narrator, &scenario, FIRST, None)?;
    let unproven = format!("{FIRST} is promoted before anybody has tested it");
    refuse(narrator, &scenario, FIRST, &unproven, "without evidence nothing moved")?;
    smoke(narrator, &scenario, FIRST, Verdict::Green)?;
    promote(narrator, &scenario, FIRST)?;
    production_takes(narrator, &scenario, FIRST)?;

    publish(narrator, &scenario, BROKEN)?;
    canaries_take(narrator, &scenario, BROKEN, Some(FIRST))?;
    smoke(narrator, &scenario, BROKEN, Verdict::Red)?;
    let red = format!("{BROKEN} is promoted all the same");
    refuse(narrator, &scenario, BROKEN, &red, "the red verdict stopped it")?;

    publish(narrator, &scenario, SECOND)?;
    canaries_take(narrator, &scenario, SECOND, Some(FIRST))?;
    smoke(narrator, &scenario, SECOND, Verdict::Green)?;
    promote(narrator, &scenario, SECOND)?;
    production_takes(narrator, &scenario, SECOND)?;

    refuse_half_a_release(narrator, &scenario)?;
    roll_back(narrator, &scenario)?;
    production_takes(narrator, &scenario, FIRST)?;
    let again = format!("The next merge would ship {SECOND} again: it is held");
    refuse(narrator, &scenario, SECOND, &again, "the hold moved nothing")?;
    resume(narrator)?;
    let rejected = format!("Promotions go on, but {SECOND} stays rejected");
    refuse(narrator, &scenario, SECOND, &rejected, "what was rejected was not promoted")?;

    look(narrator, &scenario)
}

fn set_up(narrator: &mut Narrator) -> io::Result<Scenario> {
    narrator.step("A registry, two images of two builds, a canary fleet and a production fleet")?;
    let mut scenario = Scenario::start()?;
    narrator.say(&format!("registry    {}", scenario.host()))?;
    for tenant in scenario.canary.iter().chain(&scenario.production) {
        narrator.say(&format!("{:<10}  {}  follows {}", tenant.name(), tenant.url(), tenant.follows))?;
    }
    narrator.write("coalmine.toml", &scenario.configuration())?;
    narrator.write("smoke.toml", SUITE)?;
    scenario.build(narrator, FIRST, 7200, IMAGES, None)?;
    scenario.build(narrator, BROKEN, 5400, IMAGES, Some("search-finds-nothing"))?;
    scenario.build(narrator, SECOND, 3600, IMAGES, None)?;
    scenario.build(narrator, HALF, 0, &IMAGES[..1], None)?;
    Ok(scenario)
}

fn publish(narrator: &mut Narrator, scenario: &Scenario, sha: &str) -> io::Result<()> {
    narrator.step(&format!("Publish {sha} as staging-{sha}"))?;
    let before = scenario.latest();
    let code = narrator.run("publish-staging", &scenario.publication(sha, IMAGES))?;
    narrator.claim(&format!("publish-staging {sha} succeeds"), code == 0, &format!("exit code {code}"))?;
    let (staged, built) = (scenario.tagged(&format!("staging-{sha}")), scenario.built(sha));
    narrator.claim_equal(
        &format!("staging-{sha} names the very digests that were built"),
        &staged,
        &built,
    )?;
    narrator.claim_equal("publishing left :latest alone", &scenario.latest(), &before)
}

/// `live`: what production runs meanwhile.
fn canaries_take(
    narrator: &mut Narrator,
    scenario: &Scenario,
    sha: &str,
    live: Option<&str>,
) -> io::Result<()> {
    narrator.step(&format!("The canary tenants take {sha}; production does not"))?;
    runs(narrator, "the canary fleet runs", &scenario.canary, sha)?;
    let answers: Vec<Answer> = scenario.production.iter().map(Member::ask).collect();
    let what = live.map_or_else(|| "runs nothing yet".to_owned(), |live| format!("stays on {live}"));
    fleet(narrator, &format!("production {what}"), &answers, live)
}

fn promote(narrator: &mut Narrator, scenario: &Scenario, sha: &str) -> io::Result<()> {
    narrator.step(&format!("Promote {sha} to :latest"))?;
    let code = narrator.run("promote-latest", &[sha.to_owned()])?;
    narrator.claim(&format!("promote-latest {sha} succeeds"), code == 0, &format!("exit code {code}"))?;
    narrator.claim_equal(
        &format!(":latest of both images is {sha}, by digest"),
        &scenario.latest(),
        &scenario.built(sha),
    )
}

/// What the canary is to find.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Green,
    Red,
}

fn smoke(narrator: &mut Narrator, scenario: &Scenario, sha: &str, expected: Verdict) -> io::Result<()> {
    let (word, code) = match expected {
        Verdict::Green => ("green", 0),
        Verdict::Red => ("red", 1),
    };
    narrator.step(&format!("Smoke: do all canary tenants run {sha}, and are they well?"))?;
    let words = ["--suite", "smoke.toml", "--sha", sha].map(str::to_owned);
    let found = narrator.run_with("canary-smoke", &words, &scenario.canaries())?;
    narrator.claim(&format!("the verdict on {sha} is {word}"), found == code, &format!("exit code {found}"))
}

fn resume(narrator: &mut Narrator) -> io::Result<()> {
    narrator.step("The cause is found and repaired: promotions may go on")?;
    let words = ["resume", "--reason", "the bad migration is out"].map(str::to_owned);
    let code = narrator.run("release-status", &words)?;
    narrator.claim("release-status resume lifts the hold", code == 0, &format!("exit code {code}"))
}

/// A promotion that has to be refused.
fn refuse(
    narrator: &mut Narrator,
    scenario: &Scenario,
    sha: &str,
    headline: &str,
    claim: &str,
) -> io::Result<()> {
    narrator.step(headline)?;
    let before = scenario.latest();
    let code = narrator.run("promote-latest", &[sha.to_owned()])?;
    narrator.claim(&format!("promote-latest {sha} is refused"), code == 1, &format!("exit code {code}"))?;
    narrator.claim_equal(claim, &scenario.latest(), &before)
}

fn production_takes(narrator: &mut Narrator, scenario: &Scenario, sha: &str) -> io::Result<()> {
    narrator.step(&format!("Production takes :latest, which is {sha}"))?;
    runs(narrator, "all of production runs", &scenario.production, sha)
}

/// Waits for a fleet to run `sha`, and claims that all of it does.
fn runs(narrator: &mut Narrator, claim: &str, members: &[Member], sha: &str) -> io::Result<()> {
    let answers: Vec<Answer> = members.iter().map(|member| member.serves(sha)).collect();
    fleet(narrator, &format!("{claim} {sha}"), &answers, Some(sha))
}

fn fleet(narrator: &mut Narrator, claim: &str, answers: &[Answer], sha: Option<&str>) -> io::Result<()> {
    for answer in answers {
        narrator.say(&answer.text)?;
    }
    let held = answers.iter().all(|answer| answer.sha.as_deref() == sha);
    narrator.claim(claim, held, "see the answers above")
}

fn refuse_half_a_release(narrator: &mut Narrator, scenario: &Scenario) -> io::Result<()> {
    narrator.step(&format!("Half a release: {HALF} is published for one image only"))?;
    let code = narrator.run("publish-staging", &scenario.publication(HALF, &IMAGES[..1]))?;
    narrator.claim(&format!("publish-staging {HALF} succeeds"), code == 0, &format!("exit code {code}"))?;
    refuse(narrator, scenario, HALF, "Half a release is not promoted", "the refusal moved nothing")
}

fn roll_back(narrator: &mut Narrator, scenario: &Scenario) -> io::Result<()> {
    narrator.step(&format!("{SECOND} was a mistake: roll back to {FIRST}"))?;
    let code = narrator.run("rollback-latest", &[FIRST.to_owned()])?;
    narrator.claim(&format!("rollback-latest {FIRST} succeeds"), code == 0, &format!("exit code {code}"))?;
    let (latest, built) = (scenario.latest(), scenario.built(FIRST));
    narrator.claim_equal(&format!(":latest of both images is {FIRST} again, by digest"), &latest, &built)
}

fn look(narrator: &mut Narrator, scenario: &Scenario) -> io::Result<()> {
    narrator.step("What stands in the registry now")?;
    narrator.run("release-status", &[])?;
    let live = narrator.ask_status()?;
    narrator.claim(
        &format!("release-status says that {FIRST} is live"),
        live["sha"] == FIRST,
        &live["sha"].to_string(),
    )?;
    let digests: Vec<Option<String>> = live["live"]
        .as_array()
        .map(|images| images.iter().map(|image| image["digest"].as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    narrator.claim_equal("its digests are those of the registry", &digests, &scenario.latest())
}
