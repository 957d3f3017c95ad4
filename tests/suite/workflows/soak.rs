//! canary-soak-tick.yml, run: its real script against the sandbox.

use serde_json::json;

use super::{RELEASE, TICK};
use crate::support::caller::{Caller, programs};
use crate::support::runner::Job;
use crate::support::workflow::read;

const SOAK: &str = r#"
format = 1
[soak]
window = "600ms"
tick = "100ms"
settle = "50ms"
lag = "10ms"
min_coverage = 0.01
[source.c]
type = "command"
[[metric]]
name = "quality"
kind = "rate"
at_least = 0.9
min_samples = 30
source = "c"
run = ["sh", "-c", "printf %s \"$COUNTS\"", "{{ start }}"]
"#;

fn tick(caller: &Caller, programs: &std::path::Path, sha: &str, counts: &str) -> Job {
    caller.forget_jobs();
    let mut secrets = caller.secrets();
    secrets.push(("SOAK_VARIABLES", format!("COUNTS={counts}\nnot a variable\n")));
    let jobs = caller.run(&read(TICK), programs, json!({ "sha": sha }), secrets, &|_| ());
    jobs.into_values().next().expect("a job runs")
}

#[test]
fn a_schedule_opens_a_soak_goes_on_with_it_and_closes_it() {
    let Some(programs) = programs() else { return };
    let mut caller = Caller::new(None);
    caller.commit("soak.toml", SOAK);
    let inputs = json!({ "images": caller.images(), "promote": false });
    caller.run(&read(RELEASE), &programs, inputs, caller.secrets(), &|_| ());
    let well = "{\"good\":96,\"total\":100}";
    let idle = tick(&caller, &programs, "", well);
    assert_eq!(
        (idle.result.as_str(), idle.outputs["verdict"].as_str()),
        ("success", "pending"),
        "{}",
        idle.log
    );
    let opened = tick(&caller, &programs, &caller.sha, well);
    assert_eq!(opened.result, "success", "{}", opened.log);
    assert_eq!(opened.outputs["verdict"], "pending", "{}", opened.log);
    crate::soak::pause(1_200);
    let closed = tick(&caller, &programs, "", well);
    assert_eq!(closed.outputs["verdict"], "green", "{}", closed.log);
    assert_eq!(closed.outputs["sha"], caller.sha);
    assert_eq!(closed.result, "success", "{}", closed.log);
    // Another file is another soak; this one is red at its second look.
    caller.commit("soak.toml", &SOAK.replace("600ms", "1h"));
    let inputs = json!({ "images": caller.images(), "promote": false });
    caller.run(&read(RELEASE), &programs, inputs, caller.secrets(), &|_| ());
    let badly = "{\"bad\":50,\"total\":60}";
    tick(&caller, &programs, &caller.sha, badly);
    crate::soak::pause(300);
    let red = tick(&caller, &programs, "", badly);
    assert_eq!((red.result.as_str(), red.outputs["verdict"].as_str()), ("failure", "red"), "{}", red.log);
}
