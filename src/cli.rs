//! The composition root: arguments, environment, runtime, signals; then the tool; then the reports.

mod publish;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue};
use indicatif::{MultiProgress, ProgressDrawTarget};

use crate::base::exit::Exit;
use crate::base::text::without_login;
use crate::io::console::{Console, Loudness};
use crate::io::context::Context;
use crate::io::env::Env;
use crate::io::files::ResultFile;
use crate::io::github_files::GithubFiles;
use crate::io::stop::Stop;
use crate::report::Render;
use crate::tool::Tool;
use crate::tool::failure::Failure;
use crate::tool::options::{Color, OutputOptions};

/// Progress is redrawn at most this often, in a second.
const REDRAWS_PER_SECOND: u8 = 10;

/// Runs the binary of `T` from its first argument to its exit code.
pub fn main<T: Tool>() -> ExitCode
where
    T::Outcome: Render,
{
    let env = Env::read();
    let github = GithubFiles::find(&env);
    let parsed = T::Args::try_parse();
    if let Err(error) = &parsed
        && !error.use_stderr()
    {
        // What clap prints for `--help` and `--version` is the result, and no verdict on anything.
        let _ = error.print();
        return Exit::Done.into();
    }
    publish::announce(github.as_ref());
    let args = match parsed {
        Ok(args) => args,
        Err(mut error) => {
            // An argument that is refused is shown, and may be a URL with a login.
            if let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) {
                let shown = ContextValue::String(without_login(value));
                error.insert(ContextKind::InvalidValue, shown);
            }
            let _ = error.print();
            publish::usage(github.as_ref(), Exit::Usage);
            return Exit::Usage.into();
        }
    };
    let output = T::output(&args).clone();
    let context = Context { console: console(&output, &env), env, stop: Stop::default() };
    let reserve = |path: Option<&std::path::Path>| path.map(ResultFile::reserve).transpose();
    let files = reserve(output.result.as_deref())
        .and_then(|result| Ok(publish::Files { result, junit: reserve(T::junit(&args))? }));
    let (result, files) = match files {
        Ok(files) => (run::<T>(args.clone(), &context), files),
        Err(error) => (Err(Failure::File(error)), publish::Files::default()),
    };
    let report: &dyn Render = match &result {
        Ok(outcome) => outcome,
        Err(failure) => {
            publish::complain(&context.console, failure);
            failure
        }
    };
    let colored = colored(&output, &context.env, std::io::stdout().is_terminal());
    let publisher = publish::Publisher {
        tool: T::NAME,
        output: &output,
        colored,
        context: &context,
        github: github.as_ref(),
    };
    let (exit, document) = publisher.publish(report, files);
    if let (Ok(outcome), Some(document)) = (&result, document)
        && let Ok(runtime) = runtime()
    {
        runtime.block_on(T::keep(&args, outcome, outcome.verdict(), &document, &context));
        runtime.shutdown_background();
    }
    exit.into()
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| {
        Failure::usage(format!("failed to start: {e}"), "free file descriptors or memory, and try again")
    })
}

fn run<T: Tool>(args: T::Args, context: &Context) -> Result<T::Outcome, Failure> {
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        tokio::select! {
            biased;
            deaf = context.stop.listen() => {
                let error = deaf.map_or_else(|e| e.to_string(), |never| match never {});
                Err(Failure::usage(format!("failed to listen for signals: {error}"), "run it where a process may handle SIGINT, SIGTERM and SIGHUP"))
            }
            result = T::run(args, context) => result,
        }
    });
    // A credential program that hangs must not keep the process alive.
    runtime.shutdown_background();
    result
}

fn console(output: &OutputOptions, env: &Env) -> Console {
    let loudness = match (output.quiet, output.verbose) {
        (true, _) => Loudness::Quiet,
        (false, 0) => Loudness::Normal,
        (false, 1) => Loudness::Detailed,
        (false, _) => Loudness::Requests,
    };
    let target = if output.quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND)
    };
    let colored = colored(output, env, std::io::stderr().is_terminal());
    Console::new(loudness, colored, MultiProgress::with_draw_target(target))
}

/// NO_COLOR by no-color.org, CLICOLOR_FORCE by bixense.com/clicolors; the option outranks both.
fn colored(output: &OutputOptions, env: &Env, terminal: bool) -> bool {
    match output.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if env.get("NO_COLOR").is_some() => false,
        Color::Auto => terminal || env.get("CLICOLOR_FORCE").is_some_and(|v| v != "0"),
    }
}
