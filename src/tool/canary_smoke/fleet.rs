//! Who is asked: the tenants of the command line or the environment, complete before the first request.

use super::args::FleetOptions;
use crate::base::secret::Secret;
use crate::io::context::Context;
use crate::model::tenant::Tenant;
use crate::policy::smoke::suite::TenantSource;
use crate::policy::smoke::tenants::{ListVariable, NotTenants, of_lists, of_names};
use crate::tool::failure::Failure;

/// Finds the tenants; from then on no text shows their tokens. `mask`: a runner is asked to hide them too.
///
/// # Errors
/// They are not complete, could be read in two ways, or are fewer than the suite asks for.
pub(super) fn find(
    options: &FleetOptions,
    source: &TenantSource,
    context: &Context,
    mask: bool,
) -> Result<Vec<Tenant>, Failure> {
    let env = &context.env;
    let (urls, tokens) = (source.urls_env.as_str(), source.tokens_env.as_str());
    learn(context, env.get(tokens).into_iter().flat_map(crate::io::env::items));
    let tenants = if options.tenants.is_empty() {
        let list = |name| ListVariable { name, value: env.get(name) };
        of_lists(list(urls), list(tokens))
    } else {
        if env.get(urls).is_some() {
            context.console.detail(&format!("the tenants are those of `--tenant`; {urls} is not used"));
        }
        of_names(&options.tenants, |name| env.get(name))
    };
    let tenants = tenants.map_err(|NotTenants { message, hint }| Failure::usage(message, hint))?;
    if tenants.len() < source.min as usize {
        let message = format!("{} tenants, and the suite asks for at least {}", tenants.len(), source.min);
        return Err(Failure::usage(
            message,
            format!("name more of them in {urls}, or lower `[tenants] min`"),
        ));
    }
    learn(context, tenants.iter().map(|tenant| tenant.token.expose()));
    for tenant in &tenants {
        if mask && env.is_github_actions() {
            context.console.mask(&tenant.token);
        }
        if tenant.url.is_exposed() {
            context
                .console
                .warn(&format!("{}: its token travels unencrypted, as its URL is http", tenant.name));
        }
    }
    Ok(tenants)
}

/// Learns tokens, and the password alone of those that are `user:password`.
fn learn<'t>(context: &Context, tokens: impl Iterator<Item = &'t str>) {
    for token in tokens {
        context.console.secrets.learn(&Secret::new(token));
        if let Some((_, password)) = token.split_once(':') {
            context.console.secrets.learn(&Secret::new(password));
        }
    }
}
