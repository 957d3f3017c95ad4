//! One step: its request, what is expected of the answer, and what is taken from it.

use std::time::Duration;

use super::body::Files;
use super::expectation::Assertion;
use super::request::{self, Setting};
use super::scope::{Scope, Shared};
use super::{Auth, LoadFile, Step, capture, expect, stream, until};
use crate::model::check::FlakyRule;
use crate::policy::toml::fields::Fields;

/// What every step needs.
pub(super) struct Common<'a> {
    pub(super) auth: Auth,
    pub(super) timeout: Duration,
    pub(super) flaky: FlakyRule,
    pub(super) load: LoadFile<'a>,
    pub(super) files: Files,
    /// What must be true of every answer, and the time in which it must come.
    pub(super) everywhere: Vec<Assertion>,
    pub(super) within: Option<Duration>,
    /// What `[[setup]]` captures that is a credential.
    pub(super) hidden: Vec<String>,
    /// Whether cookies are kept and sent.
    pub(super) cookies: bool,
    /// What the whole file may use.
    pub(super) shared: &'a Shared,
}

/// Reads one step.
pub(super) fn read(table: &Fields<'_>, scope: &Scope<'_>, common: &mut Common<'_>) -> Option<Step> {
    let setting = Setting { scope, auth: &common.auth, load: common.load };
    let timeout = table.duration("timeout").unwrap_or(common.timeout);
    let request = table.keep(request::read(table, &setting, &mut common.files));
    let stream = table.keep(stream::read(table, scope, timeout));
    let longest = stream.iter().flatten().next().map_or(timeout, |stream| stream.within);
    let expect = table.keep(expect::read(table, scope, longest));
    let mut captures = Vec::new();
    for (word, value) in table.map("capture") {
        captures.extend(table.keep(capture::read(table, &word, value)));
        table.keep(scope.define(&word));
    }
    let request = request?;
    let mut expect = expect?;
    expect.everywhere.clone_from(&common.everywhere);
    expect.within = expect.within.or(common.within);
    let idempotent = table.is("idempotent");
    let retry = table.keep(until::read(table, request.method, request.is_read() || idempotent))?;
    let place = table.place(if table.get("name").is_some() { "name" } else { "request" });
    Some(Step {
        name: table.text("name").map(|word| word.get_ref().to_string()),
        line: table.line(&place),
        request,
        expect,
        captures,
        retry,
        idempotent,
        timeout,
        stream: stream?,
    })
}

/// Reads a list of steps; `None`: one of them cannot be read, and after it nobody knows what the others would have used.
pub(super) fn read_all(
    tables: &[Fields<'_>],
    scope: &Scope<'_>,
    common: &mut Common<'_>,
) -> Option<Vec<Step>> {
    let steps: Vec<Option<Step>> = tables.iter().map(|table| read(table, scope, common)).collect();
    steps.into_iter().collect()
}

/// The names that the steps of `tables` capture.
pub(super) fn captured(tables: &[Fields<'_>]) -> Vec<String> {
    let captures = tables.iter().flat_map(|step| step.map("capture"));
    captures.map(|(name, _)| name.get_ref().to_string()).collect()
}

/// Refuses a header that the cookie jar writes.
pub(super) fn refuse_cookie_header(tables: &[Fields<'_>]) {
    for table in tables {
        for (name, _) in
            table.map("header").into_iter().filter(|(n, _)| n.get_ref().eq_ignore_ascii_case("cookie"))
        {
            let hint = "leave it out, or write `cookies = false` to send cookies yourself";
            table.refuse(name.span(), "`cookies = true` writes this header", hint);
        }
    }
}
