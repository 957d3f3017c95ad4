//! `canary-smoke init`: writes a first suite.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;

use super::args::Args;
use crate::base::secret::Secret;
use crate::io::context::Context;
use crate::io::files;
use crate::io::probe::{Certificates, Connection, Credential, Probe, ProbeRequest, Route};
use crate::model::check::{Answer, BodyEnd, Reply};
use crate::model::tenant::TenantUrl;
use crate::policy::smoke::init::{PATHS, write};
use crate::policy::smoke::suite::Auth;
use crate::tool::failure::Failure;

/// Bound on one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was written.
#[derive(Clone, Debug)]
pub struct InitOutcome {
    /// The file.
    pub file: PathBuf,
    /// What it was made of, one line each.
    pub found: Vec<String>,
}

/// Writes the first suite, from what the tenant at `from` answers if there is one. No token is sent.
///
/// # Errors
/// The file is there already or cannot be written, or the tenant does not answer.
pub(super) async fn init(args: &Args, from: Option<&str>, context: &Context) -> Result<InitOutcome, Failure> {
    let file = args.suite.first().cloned().unwrap_or_else(|| PathBuf::from("smoke.toml"));
    if file.exists() {
        let message = format!("`{}` is there already", file.display());
        return Err(Failure::usage(message, "name another one with `--suite FILE`, or take it away"));
    }
    let answers = match from {
        Some(url) => asked(url, context).await?,
        None => Vec::new(),
    };
    let suite = write(&answers);
    let path: &Path = &file;
    files::create(path, &suite.text)?;
    Ok(InitOutcome { file, found: suite.found })
}

async fn asked(url: &str, context: &Context) -> Result<Vec<(&'static str, Answer)>, Failure> {
    let refuse = |why: String| Failure::usage(why, "write it as `--from https://canary-1.example`");
    let tenant: TenantUrl = url.parse().map_err(|problem| refuse(format!("the URL {problem}")))?;
    let probe = Probe::new(&context.console, &Certificates::default(), Route::Environment, 1)
        .map_err(|problem| refuse(format!("failed to set up TLS: {problem}")))?;
    let nobody = Secret::new("");
    let all = join_all(PATHS.iter().filter_map(|path| Some((*path, tenant.join(path)?))).map(
        async |(path, url)| {
            let request = ProbeRequest {
                method: "GET",
                url,
                connection: Connection::Kept,
                repeatable: true,
                credential: Credential::new(&Auth::None, &nobody, &nobody),
                headers: Vec::new(),
                body: None,
                timeout: PATIENCE,
                stream: None,
            };
            (path, probe.ask(&request).await.reply)
        },
    ));
    let mut answers = Vec::new();
    let mut trouble = None;
    for (path, reply) in context.stop.unless(all).await? {
        match reply {
            Reply::Answer(answer) if answer.end == BodyEnd::Whole => answers.push((path, answer)),
            Reply::Answer(_) => {}
            Reply::Silence => trouble = Some("no answer came in time".to_owned()),
            Reply::Broken(why) | Reply::NoConnection(why) => trouble = Some(why),
        }
    }
    match trouble.filter(|_| answers.is_empty()) {
        Some(why) => Err(refuse(format!("{tenant} does not answer: {why}"))),
        None => Ok(answers),
    }
}
