//! Who is asked: the tenants of the command line or the environment, complete before the first request.

use super::args::FleetOptions;
use crate::base::secret::Secret;
use crate::io::context::Context;
use crate::model::tenant::{Tenant, TenantName, TenantUrl};
use crate::policy::smoke::suite::Suite;
use crate::policy::smoke::suite::values::Origin;
use crate::policy::smoke::tenants::{ListVariable, NotTenants, of_lists, of_names};
use crate::policy::smoke::values::{Wanted, of_tenants};
use crate::tool::failure::Failure;

/// Finds the tenants; from then on no text shows their tokens. `mask`: a GitHub runner is asked to hide them too.
///
/// # Errors
/// They are not complete, could be read in two ways, or are fewer than the suite asks for.
pub(super) fn find(
    options: &FleetOptions,
    suite: &Suite,
    context: &Context,
    mask: bool,
) -> Result<Vec<Tenant>, Failure> {
    let (env, source) = (&context.env, &suite.tenants);
    let (urls, tokens) = (source.urls_env.as_str(), source.tokens_env.as_str());
    context.console.ask_for_masks(mask && env.is_github_actions());
    learn(context, env.get(tokens).into_iter().flat_map(crate::io::env::items));
    let values = || suite.parts.iter().flat_map(|part| &part.values);
    let secrets = values().filter(|value| value.is_secret()).filter_map(|value| match &value.origin {
        Origin::Env(name) => env.get(name),
        Origin::Fixed(_) => None,
    });
    learn(context, secrets.flat_map(crate::io::env::items));
    let named = !options.tenants.is_empty();
    let needed = suite.needs_tokens();
    let tenants = if !named {
        let list = |name| ListVariable { name, value: env.get(name) };
        of_lists(list(urls), list(tokens), needed)
    } else {
        if env.get(urls).is_some() {
            context.console.detail(&format!("the tenants are those of `--tenant`; {urls} is not used"));
        }
        self::named(&options.tenants).and_then(|tenants| of_names(&tenants, needed, |name| env.get(name)))
    };
    let refused = |NotTenants { message, hint }| Failure::usage(message, hint);
    let mut tenants = tenants.map_err(refused)?;
    if tenants.len() < source.min as usize {
        let message = format!("{} tenants, and the suite asks for at least {}", tenants.len(), source.min);
        return Err(Failure::usage(
            message,
            format!("name more of them in {urls}, or lower `[tenants] min`"),
        ));
    }
    for value in values() {
        let Origin::Env(name) = &value.origin else { continue };
        let wanted = Wanted { name, secret: value.is_secret(), named };
        let found = of_tenants(wanted, &tenants, |name| env.get(name)).map_err(refused)?;
        for (tenant, found) in tenants.iter_mut().zip(found) {
            if value.is_secret() {
                context.console.secrets.learn(&found);
                context.console.mask(&found);
            }
            tenant.variables.insert(name.clone(), found);
        }
    }
    learn(context, tenants.iter().map(|tenant| tenant.token.expose()));
    for tenant in &tenants {
        if !tenant.token.is_empty() {
            context.console.mask(&tenant.token);
        }
        if tenant.url.is_exposed() {
            context.console.warn(&format!(
                "{}: what is sent to it travels unencrypted, as its URL is http",
                tenant.name
            ));
        }
    }
    Ok(tenants)
}

/// The tenants of `--tenant`. They are read here and not with the other arguments: what is shown of an argument that
/// cannot be read may be a token at the wrong place.
fn named(options: &[String]) -> Result<Vec<(TenantName, TenantUrl)>, NotTenants> {
    let hint = "write it as `--tenant NAME=URL`; a token is never given as an argument";
    let refuse = |at: usize, why: String| {
        let message = format!("`--tenant` number {}: {why}", at + 1);
        NotTenants { message, hint: hint.to_owned() }
    };
    let pairs = options.iter().enumerate().map(|(at, text)| {
        let (name, url) = text.split_once('=').ok_or_else(|| refuse(at, "expected NAME=URL".to_owned()))?;
        let name = name.parse::<TenantName>().map_err(|e| refuse(at, format!("the name {e}")))?;
        let url = url.parse::<TenantUrl>().map_err(|e| refuse(at, format!("the URL {e}")))?;
        Ok((name, url))
    });
    pairs.collect()
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
