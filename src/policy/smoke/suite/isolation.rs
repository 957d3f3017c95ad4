//! The two checks that `[isolation]` stands for: a random token is refused, and no token is.

use super::expectation::{Expect, Status};
use super::request;
use super::scope::Scope;
use super::step::Common;
use super::{Auth, Check, Request, Step};
use crate::base::diagnostic::Diagnostic;
use crate::base::list::NonEmpty;
use crate::model::check::Repeat;
use crate::policy::toml::fields::Fields;

/// Reads `[isolation]`.
///
/// # Errors
/// Its request is none, no token is sent at all, or a check of the file has one of the names.
pub(super) fn read(
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
    let scope = Scope::new(table.clone(), Vec::new(), common.shared);
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
            retry: None,
            timeout: table.duration("timeout").unwrap_or(common.timeout),
            idempotent: false,
            stream: None,
        };
        Check {
            name: name.to_owned(),
            why: Some("a tenant opens to its own token only".to_owned()),
            labels: Vec::new(),
            line,
            part: 0,
            flaky: common.flaky,
            cookies: false,
            repeat: Repeat { times: 1, pass: 1 },
            steps: vec![step],
            program: None,
            cleanup: Vec::new(),
        }
    };
    let pair = [
        check("isolation: a random token is refused", Auth::Stranger(scheme)),
        check("isolation: no token is refused", Auth::None),
    ];
    match pair.iter().find(|own| others.iter().any(|other| other.name == own.name)) {
        None => Ok(pair),
        Some(own) => Err(table.mistake(probe.span(), super::twice(&own.name), "rename the check")),
    }
}

fn refused(common: &Common<'_>) -> Expect {
    let codes = NonEmpty::from_vec(vec![Status::Code(401), Status::Code(403)]);
    let status = codes.expect("two codes are not none");
    Expect {
        status,
        within: common.within,
        first_event: None,
        assertions: Vec::new(),
        everywhere: common.everywhere.clone(),
    }
}
