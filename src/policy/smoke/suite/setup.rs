//! `[[setup]]`: steps that run once a tenant, before its checks, and what takes away what they made.

use super::scope::Scope;
use super::step::{self, Common};
use super::{SetupStep, credentials};
use crate::policy::toml::fields::Fields;

/// Reads the setup of a file. What it captures is known to every check from here on.
pub(super) fn read(file: &Fields<'_>, common: &mut Common<'_>) -> Vec<SetupStep> {
    let tables = file.tables("setup");
    if common.cookies {
        step::refuse_cookie_header(&tables);
    }
    let shared = common.shared;
    let scope = Scope::new(file.clone(), step::captured(&tables), shared);
    let mut setup = Vec::new();
    for table in &tables {
        let step = step::read(table, &scope, common);
        let cleanup = step::read_all(&table.tables("cleanup"), &scope, common);
        setup.extend(step.zip(cleanup).map(|(step, cleanup)| SetupStep { step, cleanup }));
    }
    shared.adopt(scope);
    let sent = credentials::sent_by(
        setup.iter().flat_map(|setup| std::iter::once(&setup.step).chain(&setup.cleanup)),
    );
    for setup in &mut setup {
        setup.step.mark(&sent);
    }
    setup
}
