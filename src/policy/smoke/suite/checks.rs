//! The tables of the file, put together: defaults, readiness, checks, isolation.

use std::collections::BTreeSet;
use std::time::Duration;

use super::request::read_auth;
use super::scope::{Scope, Shared};
use super::step::{self, Common};
use super::{
    Auth, Check, DEADLINE, LoadFile, Part, Ready, Scheme, Suite, TIMEOUT, TenantSource, TlsFiles, command,
    credentials, expect, isolation, proof, setup, values, vocabulary,
};
use crate::base::diagnostic::Diagnostic;
use crate::base::list::NonEmpty;
use crate::model::check::{FlakyRule, Repeat};
use crate::policy::toml::fields::Fields;

/// The most samples of one check: a smoke suite is no load test.
const SAMPLES: u32 = 1_000;

/// Reads the whole file, whose shape is right.
pub(super) fn read_suite(fields: &Fields<'_>, load: LoadFile<'_>) -> Option<Suite> {
    let defaults = fields.table("defaults");
    let default = |key: &str| defaults.as_ref().and_then(|table| table.duration(key));
    let auth = defaults.as_ref().and_then(|table| table.get("auth"));
    let auth = auth.and_then(|value| fields.keep(read_auth(fields, value)));
    let auth = auth.unwrap_or(Auth::Own(Scheme::Bearer));
    let flaky = defaults.as_ref().and_then(read_flaky).unwrap_or(FlakyRule::Fail);
    let timeout = default("timeout").unwrap_or(TIMEOUT);
    let cookies = defaults.as_ref().is_some_and(|table| table.is("cookies"));
    let shared = Shared::default();
    let values = values::read(fields, &shared);
    let mut common = Common {
        auth,
        timeout,
        flaky,
        load,
        files: Vec::new(),
        everywhere: Vec::new(),
        within: None,
        hidden: Vec::new(),
        cookies,
        shared: &shared,
    };
    if let Some(expect) = defaults.as_ref().and_then(|table| table.table("expect")) {
        common.everywhere = expect::assertions(&expect, &Scope::new(expect.clone(), Vec::new(), &shared));
        common.within = expect.keep(expect::within(&expect, timeout)).flatten();
    }
    let ready = fields.table("ready").and_then(|table| read_ready(&table, &mut common));
    let mut setup = setup::read(fields, &mut common);
    let captures = setup.iter().flat_map(|setup| &setup.step.captures);
    common.hidden = captures.filter(|c| c.credential).map(|c| c.name.clone()).collect();
    let mut checks: Vec<Check> = Vec::new();
    for table in fields.tables("check") {
        let Some(check) = read_check(&table, &mut common) else { continue };
        if checks.iter().any(|other| other.name == check.name) {
            table.refuse(table.place("name"), super::twice(&check.name), "a name is what reports go by");
        }
        checks.push(check);
    }
    if let Some(table) = fields.table("isolation") {
        checks.extend(fields.keep(isolation::read(&table, &common, &checks)).into_iter().flatten());
    }
    shared.finish(fields);
    let sent = credentials::sent_by(checks.iter().flat_map(Check::requests));
    setup.iter_mut().for_each(|setup| setup.step.mark(&sent));
    Some(Suite {
        tenants: read_tenants(fields),
        deadline: default("deadline").unwrap_or(DEADLINE),
        tls: fields.keep(read_tls(fields))?,
        ready,
        parts: vec![Part { file: String::new(), values, setup, cookies }],
        checks: NonEmpty::from_vec(checks)?,
        body_files: common.files,
        of_release: BTreeSet::new(),
    })
}

fn read_flaky(table: &Fields<'_>) -> Option<FlakyRule> {
    let word = table.text("flaky")?;
    Some(if *word.get_ref() == "warn" { FlakyRule::Warn } else { FlakyRule::Fail })
}

fn read_tenants(fields: &Fields<'_>) -> TenantSource {
    let table = fields.table("tenants");
    let text = |key: &str| table.as_ref().and_then(|t| t.text(key)).map(|word| word.get_ref().to_string());
    let default = TenantSource::default();
    TenantSource {
        urls_env: text("urls_env").unwrap_or(default.urls_env),
        tokens_env: text("tokens_env").unwrap_or(default.tokens_env),
        min: table.as_ref().and_then(|t| t.count("min")).unwrap_or(default.min),
    }
}

fn read_tls(fields: &Fields<'_>) -> Result<TlsFiles, Diagnostic> {
    let Some(table) = fields.table("tls") else { return Ok(TlsFiles::default()) };
    let text = |key: &str| table.text(key).map(|word| word.get_ref().to_string());
    let client = match (text("cert_file"), text("key_file")) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            let message = "a client certificate needs `cert_file` and `key_file`";
            return Err(table.mistake(
                table.span.clone(),
                message,
                "write both; they may name the same file",
            ));
        }
    };
    Ok(TlsFiles { ca: text("ca_file"), client })
}

fn read_ready(table: &Fields<'_>, common: &mut Common<'_>) -> Option<Ready> {
    let scope = Scope::new(table.clone(), Vec::new(), common.shared);
    let mut step = step::read(table, &scope, common)?;
    step.name = None;
    // What every answer must show may be the proof; here it is an expectation like any other.
    step.expect.assertions.append(&mut step.expect.everywhere);
    let place = table.place("request");
    if proof::asks_with_build(&step.request) {
        table.refuse(
            place.clone(),
            "`[ready]` asks with `{{ sha }}`: a tenant that repeats the request would prove any build",
            "ask without it, and expect it in the answer",
        );
    } else if let Some(why) = proof::no_proof(&step.expect.assertions) {
        table.refuse(
            table.place("expect"),
            format!("`[ready]` does not prove the build: {why}"),
            "write what only the right build answers, as in `expect.json.\"$.version\" = { starts_with = \"{{ sha }}\" }`",
        );
    }
    if !step.request.is_read() {
        table.refuse(place, "`[ready]` asks many times, so it must be a read", "use GET or HEAD");
    }
    Some(Ready {
        step,
        every: table.duration("every").unwrap_or(Duration::from_secs(5)),
        within: table.duration("within").unwrap_or(Duration::from_secs(300)),
        streak: table.count("streak").unwrap_or(1),
        part: 0,
    })
}

fn read_check(table: &Fields<'_>, common: &mut Common<'_>) -> Option<Check> {
    let name = table.keep(table.required("name"))?;
    let (name, place) = (name.get_ref().trim().to_owned(), name.span());
    if name.is_empty() {
        table.refuse(place.clone(), "a check needs a name", "say what is true when it passes");
    }
    let tables = table.tables("step");
    if let Some(value) =
        vocabulary::of_a_request().find_map(|key| table.get(key).filter(|_| !tables.is_empty()))
    {
        let message = "a check with steps has no request of its own";
        table.refuse(value.span(), message, "move this into the step that it is for");
        return None;
    }
    let runs = table.get("command").is_some();
    let tables = if tables.is_empty() && !runs { vec![table.clone()] } else { tables };
    let cleanup = table.tables("cleanup");
    let cookies = table.flag("cookies").unwrap_or(common.cookies);
    if cookies {
        step::refuse_cookie_header(&[tables.as_slice(), &cleanup].concat());
    }
    let scope = Scope::new(table.clone(), step::captured(&tables), common.shared);
    let program = table.keep(command::read(table, &scope, common.timeout, &common.hidden));
    let steps = step::read_all(&tables, &scope, common);
    let cleanup = step::read_all(&cleanup, &scope, common)?;
    let mut steps = steps?;
    table.keep(scope.finish())?;
    let sent = credentials::sent_by(steps.iter().chain(&cleanup));
    steps.iter_mut().for_each(|step| step.mark(&sent));
    let line = table.line(&place);
    if let [only] = steps.as_mut_slice() {
        // A check of one request is that request; naming both says everything twice.
        only.name = only.name.take().filter(|step| *step != name);
    }
    let why = table.text("why").map(|word| word.get_ref().to_string());
    Some(Check {
        name,
        why,
        labels: table.texts("labels").iter().map(|label| label.get_ref().to_string()).collect(),
        line,
        part: 0,
        cookies,
        flaky: read_flaky(table).unwrap_or(common.flaky),
        repeat: table.keep(read_repeat(table))?,
        steps,
        program: program?,
        cleanup,
    })
}

fn read_repeat(table: &Fields<'_>) -> Result<Repeat, Diagnostic> {
    let Some(repeat) = table.table("repeat") else { return Ok(Repeat { times: 1, pass: 1 }) };
    let (Some(times), Some(pass)) = (repeat.count("times"), repeat.count("pass")) else {
        return Err(repeat.missing("times"));
    };
    if pass > times {
        let message = format!("{pass} of {times} samples can never pass");
        return Err(repeat.mistake(repeat.span.clone(), message, "`pass` is at most `times`"));
    }
    if times > SAMPLES {
        let message = format!("at most {SAMPLES} samples are taken of one check");
        return Err(repeat.mistake(repeat.span.clone(), message, "a smoke suite is no load test"));
    }
    Ok(Repeat { times, pass })
}
