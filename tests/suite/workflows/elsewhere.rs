//! The examples for other CI systems, run: the lines of their jobs, in their order, against the sandbox.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::caller::{Caller, programs};
use crate::support::workflow::read;
use crate::support::{IMAGES, release};

const EXAMPLES: &str = "docs/examples/ci";

/// A job: its name and its lines.
type Job = (&'static str, String);

/// The jobs of an example that carry a release, in their order.
fn jobs(example: &str) -> Vec<Job> {
    let names = ["build", "publish", "smoke", "promote"];
    if example == "Jenkinsfile" {
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLES).join(example)).unwrap();
        let lines = |name: &str| {
            let stage = text.split(&format!("stage('{name}')")).nth(1)?.split("stage('").next()?;
            Some(stage.split("'''").nth(1)?.to_owned())
        };
        return names.into_iter().filter_map(|name| Some((name, lines(name)?))).collect();
    }
    let file = read(&format!("{EXAMPLES}/{example}"));
    let lines = |name: &str| match example {
        "gitlab-ci.yml" => {
            let script = file[name]["script"].as_array()?;
            Some(script.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n"))
        }
        "circleci.yml" => {
            let steps = file["jobs"][name]["steps"].as_array()?;
            steps.iter().find_map(|step| step["run"]["command"].as_str()).map(str::to_owned)
        }
        _ => {
            let mut steps = file["steps"].as_array()?.iter();
            // Its own variables, and not those of the upload of the pipeline.
            steps.find(|step| step["label"] == *name)?["command"].as_str().map(|text| text.replace("$$", "$"))
        }
    };
    names.into_iter().filter_map(|name| Some((name, lines(name)?))).collect()
}

/// Plays a job: what its system sets, and only the secrets that the example gives it.
fn play(caller: &Caller, programs: &Path, (name, lines): &Job) -> (bool, String) {
    let fixture = &caller.fixture;
    let host = fixture.registry.host();
    let mut command = Command::new("bash");
    command
        .args(["-e", "-o", "pipefail", "-c", lines])
        .env_clear()
        .current_dir(fixture.path("caller"))
        .env("PATH", format!("{}:{}:/usr/bin:/bin", fixture.path("tools").display(), programs.display()))
        .env("HOME", fixture.folder.path())
        .envs(
            ["CI_COMMIT_SHA", "CIRCLE_SHA1", "BUILDKITE_COMMIT", "GIT_COMMIT"]
                .map(|name| (name, &caller.sha)),
        )
        .env("CI_REGISTRY_IMAGE", format!("{host}/acme"))
        .env("REGISTRY_HOST", host)
        .stdin(Stdio::null());
    if *name == "smoke" {
        command.envs(caller.secrets());
    }
    let done = command.output().unwrap();
    let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (done.status.success(), said)
}

/// What stands for docker: it "builds" the image of the commit into the archive that it is told to.
fn docker(caller: &Caller) {
    let tools = caller.fixture.path("tools");
    fs::create_dir(&tools).unwrap();
    for (name, image) in IMAGES.iter().zip(release(&caller.sha)) {
        let name = name.rsplit('/').next().unwrap();
        image.write_layout(&tools.join(name), None).unwrap();
    }
    let script = format!(
        "#!/bin/bash\ncase \"$*\" in\n  'buildx create --use') ;;\n  'buildx build ./'*' --output type=oci,dest='*) \
         tar -cf \"${{5#type=oci,dest=}}\" -C \"{}/${{3#./}}\" . ;;\n  *) echo \"docker $*\" >&2; exit 9 ;;\nesac\n",
        tools.display()
    );
    for (name, script) in [("docker", script.as_str()), ("buildkite-agent", "#!/bin/sh\n")] {
        fs::write(tools.join(name), script).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(tools.join(name), executable).unwrap();
    }
}

#[test]
fn every_example_carries_a_release_and_stops_a_bad_one() {
    let Some(programs) = programs() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLES);
    let mut examples: Vec<String> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    examples.sort();
    assert_eq!(examples, ["Jenkinsfile", "buildkite.yml", "circleci.yml", "gitlab-ci.yml"]);
    std::thread::scope(|scope| {
        for example in &examples {
            for fault in [None, Some("html-login")] {
                let programs = &programs;
                scope.spawn(move || {
                    let caller = Caller::new(fault);
                    docker(&caller);
                    let mut ended = Vec::new();
                    for job in jobs(example) {
                        let (good, said) = play(&caller, programs, &job);
                        ended.push(good);
                        if !good {
                            assert!(
                                fault.is_some() && job.0 == "smoke" && said.contains("RED"),
                                "{example}, {}: {said}",
                                job.0
                            );
                            break;
                        }
                    }
                    assert!(ended.len() >= 2, "{example}");
                    assert_eq!(
                        (caller.moved(), caller.unmoved()),
                        (fault.is_none(), fault.is_some()),
                        "{example}"
                    );
                });
            }
        }
    });
}

#[test]
fn gitlab_keeps_a_verdict_that_is_not_green_on_the_release() {
    let Some(programs) = programs() else { return };
    let caller = Caller::new(Some("html-login"));
    docker(&caller);
    for job in jobs("gitlab-ci.yml").iter().take(3) {
        play(&caller, &programs, job);
    }
    let file: Value = read(&format!("{EXAMPLES}/gitlab-ci.yml"));
    let lines = file["record"]["script"][0].as_str().unwrap().to_owned();
    let (good, said) = play(&caller, &programs, &("record", lines));
    assert!(good && said.contains("recorded: red"), "{said}");
}
