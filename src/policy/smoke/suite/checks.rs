//! The tables of the file, put together: defaults, readiness, checks, isolation.

use std::collections::BTreeSet;
use std::time::Duration;

use super::request::{self, Setting, read_auth};
use super::scope::Scope;
use super::{
    Auth, Check, DEADLINE, FlakyRule, LoadFile, Ready, Request, Retry, Scheme, Step, Suite, TIMEOUT,
    TenantSource, TlsFiles, credentials, expect, proof,
};
use crate::base::diagnostic::Diagnostic;
use crate::base::duration;
use crate::base::list::NonEmpty;
use crate::model::check::Repeat;
use crate::policy::smoke::suite::expectation::{Assertion, Expect, Status};
use crate::policy::smoke::suite::json_path::Path;
use crate::policy::toml::fields::{Fields, Placed};

/// Where a tenant's URLs and tokens are, unless the file says otherwise.
const VARIABLES: [&str; 2] = ["CANARY_TENANT_URLS", "CANARY_ADMIN_TOKENS"];
/// The most samples of one check: a smoke suite is no load test.
const SAMPLES: u32 = 1_000;

struct Common<'a> {
    auth: Auth,
    timeout: Duration,
    load: LoadFile<'a>,
    files: Vec<(String, String)>,
    /// What must be true of every answer, and the time in which it must come.
    everywhere: Vec<Assertion>,
    within: Option<Duration>,
}

/// Reads the whole file, whose shape is right.
pub(super) fn read_suite(fields: &Fields<'_>, load: LoadFile<'_>) -> Option<Suite> {
    let defaults = fields.table("defaults");
    let default = |key: &str| defaults.as_ref().and_then(|table| table.duration(key));
    let auth = defaults.as_ref().and_then(|table| table.get("auth"));
    let auth = auth.and_then(|value| fields.keep(read_auth(fields, value)));
    let auth = auth.unwrap_or(Auth::Own(Scheme::Bearer));
    let flaky = defaults.as_ref().and_then(|table| table.text("flaky"));
    let timeout = default("timeout").unwrap_or(TIMEOUT);
    let mut common = Common { auth, timeout, load, files: Vec::new(), everywhere: Vec::new(), within: None };
    if let Some(expect) = defaults.as_ref().and_then(|table| table.table("expect")) {
        common.everywhere = expect::assertions(&expect, &Scope::new(expect.clone(), Vec::new()));
        common.within = expect.keep(expect::within(&expect, timeout)).flatten();
    }
    let ready = fields.table("ready").and_then(|table| read_ready(&table, &mut common));
    let mut checks: Vec<Check> = Vec::new();
    for table in fields.tables("check") {
        let Some(check) = read_check(&table, &mut common) else { continue };
        if checks.iter().any(|other| other.name == check.name) {
            table.refuse(table.place("name"), twice(&check.name), "a name is what reports go by");
        }
        checks.push(check);
    }
    if let Some(table) = fields.table("isolation") {
        checks.extend(fields.keep(read_isolation(&table, &common, &checks)).into_iter().flatten());
    }
    Some(Suite {
        tenants: read_tenants(fields),
        deadline: default("deadline").unwrap_or(DEADLINE),
        flaky: if flaky.is_some_and(|word| *word.get_ref() == "warn") {
            FlakyRule::Warn
        } else {
            FlakyRule::Fail
        },
        tls: fields.keep(read_tls(fields))?,
        ready,
        checks: NonEmpty::from_vec(checks)?,
        body_files: common.files,
    })
}

fn read_tenants(fields: &Fields<'_>) -> TenantSource {
    let table = fields.table("tenants");
    let text = |key: &str| table.as_ref().and_then(|t| t.text(key)).map(|word| word.get_ref().to_string());
    let [urls, tokens] = VARIABLES;
    TenantSource {
        urls_env: text("urls_env").unwrap_or_else(|| urls.to_owned()),
        tokens_env: text("tokens_env").unwrap_or_else(|| tokens.to_owned()),
        min: table.as_ref().and_then(|t| t.count("min")).unwrap_or(1),
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
    let scope = Scope::new(table.clone(), Vec::new());
    let mut step = read_step(table, &scope, common)?;
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
    })
}

fn read_check(table: &Fields<'_>, common: &mut Common<'_>) -> Option<Check> {
    let name = table.keep(table.required("name"))?;
    let (name, place) = (name.get_ref().trim().to_owned(), name.span());
    if name.is_empty() {
        table.refuse(place.clone(), "a check needs a name", "say what is true when it passes");
    }
    let tables = table.tables("step");
    if !tables.is_empty() {
        let own =
            ["request", "auth", "header", "timeout", "expect", "body", "capture", "retry", "idempotent"];
        if let Some(value) = own.iter().find_map(|key| table.get(key)) {
            let message = "a check with steps has no request of its own";
            table.refuse(value.span(), message, "move this into the step that it is for");
            return None;
        }
    }
    let tables = if tables.is_empty() { vec![table.clone()] } else { tables };
    let later = tables
        .iter()
        .flat_map(|step| step.map("capture"))
        .map(|(name, _)| name.get_ref().to_string())
        .collect();
    let scope = Scope::new(table.clone(), later);
    let mut all =
        |tables: &[Fields<'_>]| tables.iter().map(|step| read_step(step, &scope, common)).collect::<Vec<_>>();
    let (steps, cleanup) = (all(&tables), all(&table.tables("cleanup")));
    // After a step that cannot be read, nobody knows what it would have used.
    let mut steps: Vec<Step> = steps.into_iter().collect::<Option<_>>()?;
    let cleanup: Vec<Step> = cleanup.into_iter().collect::<Option<_>>()?;
    table.keep(scope.finish())?;
    let sent = credentials::sent_by(steps.iter().chain(&cleanup));
    for step in &mut steps {
        let captured = step.captures.iter().map(|(name, _)| name).filter(|name| sent.contains(*name));
        step.credentials.extend(captured.cloned());
    }
    let line = table.line(&place);
    if let [only] = steps.as_mut_slice() {
        // A check of one request is that request; naming both says everything twice.
        only.name = only.name.take().filter(|step| *step != name);
    }
    let why = table.text("why").map(|word| word.get_ref().to_string());
    Some(Check {
        name,
        why,
        line,
        repeat: table.keep(read_repeat(table))?,
        steps: NonEmpty::from_vec(steps)?,
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

fn read_step(table: &Fields<'_>, scope: &Scope<'_>, common: &mut Common<'_>) -> Option<Step> {
    let setting = Setting { scope, auth: &common.auth, load: common.load };
    let timeout = table.duration("timeout").unwrap_or(common.timeout);
    let request = table.keep(request::read(table, &setting, &mut common.files));
    let expect = table.keep(expect::read(table, scope, timeout));
    let (mut captures, mut credentials, mut redacted) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (word, value) in table.map("capture") {
        let name = word.get_ref().to_string();
        let fields = table.as_table(value);
        let path = fields.as_ref().and_then(|fields| fields.get("json")).unwrap_or(value);
        captures.extend(table.keep(capture_path(table, path)).map(|path| (name.clone(), path)));
        table.keep(scope.define(&word));
        if fields.is_some_and(|fields| fields.is("redact")) {
            redacted.insert(name.clone());
        }
        if redacted.contains(&name) || credentials::is_telling(&name) {
            credentials.insert(name);
        }
    }
    let request = request?;
    let mut expect = expect?;
    expect.everywhere.clone_from(&common.everywhere);
    expect.within = expect.within.or(common.within);
    let retry = table.keep(read_retry(table, &request))?;
    let place = table.place(if table.get("name").is_some() { "name" } else { "request" });
    Some(Step {
        name: table.text("name").map(|word| word.get_ref().to_string()),
        line: table.line(&place),
        request,
        expect,
        captures,
        credentials,
        redacted,
        retry,
        idempotent: table.is("idempotent"),
        timeout,
    })
}

fn capture_path<'a>(table: &Fields<'a>, value: &'a Placed<'a>) -> Result<Path, Diagnostic> {
    expect::path(table, &table.as_text(value)?)
}

fn read_retry(table: &Fields<'_>, request: &Request) -> Result<Option<Retry>, Diagnostic> {
    let Some(retry) = table.table("retry") else { return Ok(None) };
    if !request.is_read() && !table.is("idempotent") {
        return Err(retry.mistake(
            retry.span.clone(),
            format!("a {} is not retried: it could be done twice", request.method),
            "write `idempotent = true` if asking twice is harmless",
        ));
    }
    let (Some(within), Some(every)) = (retry.duration("within"), retry.duration("every")) else {
        return Err(retry.missing("within"));
    };
    if every > within {
        let message = format!(
            "asking every {} within {} is asking once",
            duration::show(every),
            duration::show(within)
        );
        return Err(retry.mistake(retry.span.clone(), message, "`every` is at most `within`"));
    }
    Ok(Some(Retry { within, every }))
}

/// The two checks that `[isolation]` stands for: a random token is refused, and no token is.
fn read_isolation(
    table: &Fields<'_>,
    common: &Common<'_>,
    others: &[Check],
) -> Result<[Check; 2], Diagnostic> {
    let probe = table.required("probe")?;
    let Auth::Own(scheme) = common.auth.clone() else {
        let message = "`[isolation]` needs to know how a token is sent";
        return Err(table.mistake(
            probe.span(),
            message,
            "set `[defaults] auth` to something else than \"none\"",
        ));
    };
    let scope = Scope::new(table.clone(), Vec::new());
    let (method, target) = request::split(table, &probe)?;
    let target = scope.parse(target, probe.span())?;
    let check = |name: &str, auth: Auth| {
        let line = table.line(&probe.span());
        let step = Step {
            name: None,
            line,
            request: Request { method, target: target.clone(), auth, headers: Vec::new(), body: None },
            expect: refused(common),
            captures: Vec::new(),
            credentials: BTreeSet::new(),
            redacted: BTreeSet::new(),
            retry: None,
            timeout: table.duration("timeout").unwrap_or(common.timeout),
            idempotent: false,
        };
        let why = Some("a tenant opens to its own token only".to_owned());
        let steps = NonEmpty::one(step);
        Check {
            name: name.to_owned(),
            why,
            line,
            repeat: Repeat { times: 1, pass: 1 },
            steps,
            cleanup: Vec::new(),
        }
    };
    let pair = [
        check("isolation: a random token is refused", Auth::Stranger(scheme)),
        check("isolation: no token is refused", Auth::None),
    ];
    match pair.iter().find(|own| others.iter().any(|other| other.name == own.name)) {
        None => Ok(pair),
        Some(own) => Err(table.mistake(probe.span(), twice(&own.name), "rename the check")),
    }
}

fn twice(name: &str) -> String {
    format!("there are two checks named `{name}`")
}

fn refused(common: &Common<'_>) -> Expect {
    let codes = NonEmpty::from_vec(vec![Status::Code(401), Status::Code(403)]);
    let status = codes.expect("two codes are not none");
    Expect { status, within: common.within, assertions: Vec::new(), everywhere: common.everywhere.clone() }
}
