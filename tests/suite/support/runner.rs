//! As much of a GitHub runner as plays a workflow: jobs in the order of `needs` and `if`, the real scripts under bash,
//! the runner's files, its commands and its masks.
//!
//! Sources: actions/runner, `ActionCommand.cs` (both command syntaxes), `ActionRunner.cs` (files are applied after
//! commands), `Worker.cs` (a secret is masked as a whole and line by line), `JobExtension.cs` (a job output that holds
//! a secret is dropped).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use super::workflow::{Context, shown};

/// What a job came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Job {
    /// `success`, `failure` or `skipped`.
    pub(crate) result: String,
    /// Its outputs.
    pub(crate) outputs: BTreeMap<String, String>,
    /// Everything its steps printed, before any mask.
    pub(crate) log: String,
    /// Its step summaries.
    pub(crate) summary: String,
    /// What it asked the runner to mask.
    pub(crate) masks: Vec<String>,
    /// The paths that it keeps as artifacts.
    pub(crate) artifacts: Vec<String>,
    /// What `runs-on` asks for: a label, or a list of them.
    pub(crate) runner: Value,
}

/// Called before a job starts.
pub(crate) type Before<'a> = &'a dyn Fn(&str);

/// A workflow about to be run.
pub(crate) struct Workflow<'a> {
    pub(crate) file: &'a Value,
    /// What the caller passes; what it does not pass takes its default.
    pub(crate) inputs: Map<String, Value>,
    pub(crate) secrets: Vec<(&'a str, String)>,
    /// Where the programs are: the action of this repository puts it on PATH.
    pub(crate) programs: &'a Path,
    /// Where everything is written.
    pub(crate) folder: &'a Path,
    /// `GITHUB_SHA`, and what git may be told.
    pub(crate) sha: &'a str,
    pub(crate) gitconfig: &'a Path,
    pub(crate) before: Before<'a>,
    /// `GITHUB_API_URL`.
    pub(crate) api: &'a str,
}

/// The folder of the action that steps use by `$/` to install the programs.
const INSTALL: &str = ".github/actions/install";

/// The folder that `uses: $/FOLDER` names. A runner takes no empty one, and no version (actions/runner,
/// `PipelineConstants.cs`; GitHub's "Workflow syntax", `jobs.<job_id>.steps[*].uses`).
pub(crate) fn own_action(used: &str) -> Option<String> {
    let folder = used.strip_prefix("$/")?;
    (!folder.is_empty() && !folder.contains('@')).then(|| folder.to_owned())
}

impl Workflow<'_> {
    /// Runs every job.
    pub(crate) fn run(&self) -> BTreeMap<String, Job> {
        let mut done: BTreeMap<String, Job> = BTreeMap::new();
        let jobs = self.file["jobs"].as_object().expect("jobs");
        while done.len() < jobs.len() {
            let next = jobs.iter().find(|(name, job)| {
                !done.contains_key(*name) && needs(job).iter().all(|need| done.contains_key(need))
            });
            let (name, job) = next.expect("`needs` has no circle");
            let ended = self.job(name, job, &done);
            done.insert(name.clone(), ended);
        }
        done
    }

    fn job(&self, name: &str, job: &Value, done: &BTreeMap<String, Job>) -> Job {
        let wanted = needs(job);
        let success = wanted.iter().all(|need| done[need].result == "success");
        let facts: Map<String, Value> = wanted
            .iter()
            .map(|need| (need.clone(), json!({ "result": done[need].result, "outputs": done[need].outputs })))
            .collect();
        let secrets: Map<String, Value> =
            self.secrets.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let names = json!({
            "inputs": self.inputs(), "needs": facts, "vars": {}, "secrets": secrets, "steps": {},
            "github": { "token": "", "sha": self.sha, "repository": "acme/platform", "run_id": "1", "run_attempt": "1" },
            "runner": { "temp": self.folder.join(format!("job-{name}")) },
        });
        let mut context = Context { names, success };
        let mut ended = Job { result: "skipped".to_owned(), ..Job::default() };
        if !context.admits(job.get("if")) {
            return ended;
        }
        (self.before)(name);
        ended.runner = context.whole(job["runs-on"].as_str().expect("a job runs on something"));
        let temp = self.folder.join(format!("job-{name}"));
        fs::create_dir_all(&temp).expect("a folder of the job");
        let mut path = String::from("/usr/local/bin:/usr/bin:/bin");
        context.success = true;
        for (i, step) in job["steps"].as_array().expect("steps").iter().enumerate() {
            if !context.admits(step.get("if")) {
                continue;
            }
            if let Some(used) = step["uses"].as_str() {
                if own_action(used).as_deref() == Some(INSTALL) {
                    path = format!("{}:{path}", self.programs.display());
                } else {
                    assert!(used.starts_with("actions/upload-artifact@"), "{used} is not known here");
                    ended.artifacts.push(context.interpolate(&shown(&step["with"]["path"])));
                }
                continue;
            }
            let (good, outputs) = self.step(step, &temp.join(i.to_string()), &path, &context, &mut ended);
            context.success &= good;
            if let Some(id) = step["id"].as_str() {
                context.names["steps"][id] = json!({ "outputs": outputs });
            }
        }
        ended.result = if context.success { "success" } else { "failure" }.to_owned();
        let masked = self.masked(&ended.masks);
        for (output, text) in job["outputs"].as_object().into_iter().flatten() {
            let text = context.interpolate(text.as_str().expect("an output is a text"));
            if !masked.iter().any(|mask| text.contains(mask)) {
                ended.outputs.insert(output.clone(), text);
            }
        }
        ended
    }

    fn inputs(&self) -> Value {
        let declared = self.file["on"]["workflow_call"]["inputs"].as_object().expect("inputs");
        let github = Context { names: json!({ "github": { "sha": self.sha } }), success: true };
        let given = |name: &String, declared: &Value| match self.inputs.get(name) {
            Some(value) => value.clone(),
            None => match &declared["default"] {
                Value::String(text) => Value::String(github.interpolate(text)),
                Value::Null => panic!("`{name}` is required"),
                other => other.clone(),
            },
        };
        declared.iter().map(|(name, input)| (name.clone(), given(name, input))).collect::<Map<_, _>>().into()
    }

    /// What the runner hides: each secret, each line of it, and what it was asked to.
    fn masked(&self, asked: &[String]) -> Vec<String> {
        let lines = self
            .secrets
            .iter()
            .flat_map(|(_, value)| std::iter::once(value.clone()).chain(value.lines().map(str::to_owned)));
        lines.chain(asked.iter().cloned()).filter(|mask| !mask.trim().is_empty()).collect()
    }

    fn step(
        &self,
        step: &Value,
        files: &Path,
        path: &str,
        context: &Context,
        ended: &mut Job,
    ) -> (bool, BTreeMap<String, String>) {
        fs::create_dir_all(files).expect("a folder of the step");
        let file = |name: &str| -> PathBuf {
            let path = files.join(name);
            fs::write(&path, "").expect("a file of the runner");
            path
        };
        let (output, summary, script) = (file("output"), file("summary"), file("script.sh"));
        fs::write(&script, step["run"].as_str().expect("a step runs or uses")).expect("the script");
        let temp = files.parent().expect("the job's folder");
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(&script)
            .env_clear()
            .current_dir(files)
            .stdin(Stdio::null())
            .envs([("PATH", path), ("GITHUB_ACTIONS", "true"), ("CI", "true"), ("RUNNER_OS", "Linux")])
            .envs([("GITHUB_SHA", self.sha), ("GITHUB_REPOSITORY", "acme/platform")])
            .envs([
                ("GITHUB_SERVER_URL", "https://github.com"),
                ("GITHUB_RUN_ID", "1"),
                ("GITHUB_RUN_NUMBER", "7"),
            ])
            .envs([("GITHUB_OUTPUT", &output), ("GITHUB_STEP_SUMMARY", &summary)])
            .env("GITHUB_API_URL", self.api)
            .envs([("GITHUB_ENV", file("env")), ("GITHUB_PATH", file("path"))])
            .env("HOME", self.folder)
            .env("RUNNER_TEMP", temp)
            .env("GIT_CONFIG_GLOBAL", self.gitconfig);
        for (name, text) in step["env"].as_object().into_iter().flatten() {
            command.env(name, context.interpolate(&shown(text)));
        }
        let said = command.output().expect("bash starts");
        let mut outputs = BTreeMap::new();
        // The runner reads commands from both streams.
        for stream in [&said.stdout, &said.stderr] {
            let text = String::from_utf8_lossy(stream);
            obey(&text, &mut outputs, &mut ended.masks);
            ended.log.push_str(&text);
        }
        let whole = apply(&fs::read_to_string(&output).expect("the outputs"), &mut outputs);
        ended.summary.push_str(&fs::read_to_string(&summary).expect("the summary"));
        (said.status.success() && whole, outputs)
    }
}

/// The jobs that a job waits for.
pub(crate) fn needs(job: &Value) -> Vec<String> {
    match &job["needs"] {
        Value::Null => Vec::new(),
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => several.iter().map(shown).collect(),
        other => panic!("`needs` is {other}"),
    }
}

/// Does what the lines of a log tell the runner, in both syntaxes: outputs, masks, and the end of obedience.
fn obey(log: &str, outputs: &mut BTreeMap<String, String>, masks: &mut Vec<String>) {
    let mut stopped: Option<String> = None;
    for line in log.lines() {
        if let Some(token) = &stopped {
            if line.trim() == format!("::{token}::") {
                stopped = None;
            }
            continue;
        }
        let Some((command, data)) = command(line) else { continue };
        let (name, properties) = command.split_once(' ').unwrap_or((&command, ""));
        match name {
            "set-output" => {
                let key = properties.strip_prefix("name=").unwrap_or_default();
                outputs.insert(key.to_owned(), data);
            }
            "add-mask" => masks.push(data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")),
            "stop-commands" => stopped = Some(data),
            "error" | "warning" | "notice" | "debug" | "group" | "endgroup" => {}
            other => panic!("a command that coalmine never gives: {other}"),
        }
    }
}

/// `::name properties::data` at the start of a line, `##[name properties]data` anywhere in it.
fn command(line: &str) -> Option<(String, String)> {
    if let Some(rest) = line.trim_start().strip_prefix("::") {
        return rest.split_once("::").map(|(command, data)| (command.to_owned(), data.to_owned()));
    }
    let (_, rest) = line.split_once("##[")?;
    rest.split_once(']').map(|(command, data)| (command.to_owned(), data.to_owned()))
}

/// Reads the file of outputs; of several with one name the last one stays. `false`: the runner fails the step.
fn apply(file: &str, outputs: &mut BTreeMap<String, String>) -> bool {
    let mut lines = file.lines();
    while let Some(line) = lines.next() {
        let (assign, here) = (line.find('='), line.find("<<"));
        match (assign, here) {
            (Some(at), None) => drop(outputs.insert(line[..at].to_owned(), line[at + 1..].to_owned())),
            (Some(at), Some(before)) if at < before => {
                outputs.insert(line[..at].to_owned(), line[at + 1..].to_owned());
            }
            (_, Some(at)) => {
                let end = &line[at + 2..];
                let mut block = Vec::new();
                loop {
                    match lines.next() {
                        Some(line) if line == end => break,
                        Some(line) => block.push(line),
                        None => return false,
                    }
                }
                outputs.insert(line[..at].to_owned(), block.join("\n"));
            }
            (None, None) if line.is_empty() => {}
            (None, None) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, apply, obey, own_action};

    #[test]
    fn the_log_is_obeyed_in_both_syntaxes_as_the_runner_does() {
        let (mut outputs, mut masks) = (BTreeMap::new(), Vec::new());
        obey(
            "x ##[set-output name=a]1\n  ::set-output name=b::2\n::add-mask::s\nx ::set-output name=c::3\n\
             ::stop-commands::t\n::set-output name=d::4\n::t::\n::set-output name=e::5\n",
            &mut outputs,
            &mut masks,
        );
        let found: Vec<(&str, &str)> = outputs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!((found, masks), (vec![("a", "1"), ("b", "2"), ("e", "5")], vec!["s".to_owned()]));
    }

    #[test]
    fn an_action_of_the_same_repository_has_a_folder_and_no_version() {
        assert_eq!(own_action("$/.github/actions/install").as_deref(), Some(".github/actions/install"));
        for wrong in ["$/", "$/install@v1", "./install", "acme/coalmine@v1", "$"] {
            assert_eq!(own_action(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_file_of_outputs_is_read_as_the_runner_does() {
        let mut outputs = BTreeMap::new();
        assert!(apply("a=1\na=x=<<y\nb<<E\n1\n2\nE\n", &mut outputs));
        assert_eq!((outputs["a"].as_str(), outputs["b"].as_str()), ("x=<<y", "1\n2"));
        assert!(!apply("b<<E\n1\n", &mut outputs) && !apply("no\n", &mut outputs));
    }
}
