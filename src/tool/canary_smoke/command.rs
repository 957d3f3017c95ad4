//! Checks that run a program: what it is given, and what its end means.

use std::path::Path;

use serde_json::Value;

use super::memory::Memory;
use super::session::{Session, millis};
use crate::base::duration;
use crate::io::child::ChildError;
use crate::io::command;
use crate::io::env::Env;
use crate::model::check::{Answer, BodyEnd, Outcome, StepResult};
use crate::model::tenant::Tenant;
use crate::policy::smoke::assess::{BODY_BYTES, Exhibit};
use crate::policy::smoke::suite::command::{Program, variable};
use crate::policy::smoke::suite::template::Encoding;
use crate::policy::smoke::suite::{Check, Part, Suite};
use crate::tool::failure::Failure;

/// Sees that every program of `suite` is there and may be run.
///
/// # Errors
/// One is missing, or `refused`: none may be run.
pub(super) fn look_up(suite: &Suite, refused: bool, env: &Env) -> Result<(), Failure> {
    for (check, program) in suite.checks.iter().filter_map(|check| Some((check, check.program.as_ref()?))) {
        if refused {
            let message = format!("`{}` runs `{}`, and --no-commands is given", check.name, program.program);
            return Err(Failure::usage(message, "leave the option out if you trust the suite"));
        }
        if command::find(&program.program, folder(suite.parts.get(check.part)), env).is_none() {
            let message = format!("the program `{}` of `{}` is not there", program.program, check.name);
            return Err(Failure::usage(message, "install it, or put it beside the suite and write `./NAME`"));
        }
    }
    Ok(())
}

fn folder(part: Option<&Part>) -> &Path {
    part.and_then(|part| Path::new(&part.file).parent()).unwrap_or(Path::new(""))
}

impl Session<'_> {
    /// Runs the program of `check` for `tenant`.
    pub(super) async fn program(
        &self,
        tenant: &Tenant,
        check: &Check,
        program: &Program,
        memory: &Memory,
    ) -> StepResult {
        let mut result = StepResult { request: program.to_string(), ..StepResult::blank(check.line) };
        let unknown = |mut result: StepResult, why: &str| {
            result.trouble = Some(self.context.console.secrets.excerpt(why, 300));
            result
        };
        if let Some(interruption) = self.interruption() {
            return unknown(result, &interruption.to_string());
        }
        let arguments = program.arguments.iter().map(|a| a.render(&memory.variables, Encoding::Plain));
        let arguments = match arguments.collect::<Result<Vec<_>, _>>() {
            Ok(arguments) => arguments,
            Err(unfit) => return unknown(result, &unfit.to_string()),
        };
        let (folder, env) = (folder(self.suite.parts.get(check.part)), &self.context.env);
        let Some(path) = command::find(&program.program, folder, env) else {
            return unknown(result, "the program is not there any more");
        };
        let variables = given(tenant, memory);
        let run = command::run(&path, &arguments, &variables, env, folder, program.timeout, BODY_BYTES);
        let (ended, elapsed) = tokio::select! {
            biased;
            ended = run => ended,
            interruption = self.interrupted() => return unknown(result, &interruption.to_string()),
        };
        result.attempts = 1;
        result.elapsed_ms = millis(elapsed);
        let collected = match ended {
            Ok(collected) => collected,
            Err(ChildError::Late(within)) => {
                return unknown(result, &format!("it did not end within {}", duration::show(within)));
            }
            Err(error) => return unknown(result, &error.to_string()),
        };
        result.exit = collected.status.code();
        let end = if collected.whole { BodyEnd::Whole } else { BodyEnd::TooLong };
        let answer = Answer { status: 0, headers: Vec::new(), body: collected.stdout, end };
        let exhibit = Exhibit::new(&answer, &memory.variables, &self.context.console.secrets);
        match exhibit.ended(program, result.exit, &collected.words, elapsed) {
            Ok(()) => result.outcome = Outcome::Passed,
            Err(mismatches) => {
                result.outcome = Outcome::Failed;
                result.mismatches = mismatches.into_vec();
            }
        }
        result
    }
}

/// What the program finds in its environment.
fn given(tenant: &Tenant, memory: &Memory) -> Vec<(String, String)> {
    let mut all = vec![("CANARY_TENANT_URL".to_owned(), tenant.url.to_string())];
    all.push(("CANARY_TOKEN".to_owned(), tenant.token.expose().to_owned()));
    for (name, value) in &memory.variables {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
            Value::Bool(_) | Value::Number(_) => value.to_string(),
        };
        let name = match name.as_str() {
            "sha" | "tenant" | "nonce" | "tenant_host" => format!("CANARY_{}", name.to_ascii_uppercase()),
            "tenant_url" => continue,
            name => variable(name),
        };
        all.push((name, text));
    }
    all
}
