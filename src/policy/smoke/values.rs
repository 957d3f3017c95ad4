//! The variables that a suite names, as one value for each tenant. As with tokens, whatever could be read in two ways is
//! refused: a value that slips by one place would be sent to somebody else.

use super::tenants::{fit, split};
use crate::base::complaint::Complaint;
use crate::base::secret::Secret;
use crate::model::tenant::Tenant;

/// What is wanted of one variable.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The variable.
    pub name: &'a str,
    /// Whether its values are secrets.
    pub secret: bool,
    /// Whether the tenants were named, so that each may have a variable of its own.
    pub named: bool,
}

/// The value of each tenant, in their order: one for all, or a list in the tenants' order. Secrets are separated by
/// newlines, commas or spaces, as tokens are; other values by newlines. A named tenant has its own in the variable that
/// ends with its name, or the one for all.
///
/// # Errors
/// A value is missing or unfit, or there are as many as there are not tenants.
pub fn of_tenants<'e>(
    wanted: Wanted<'_>,
    tenants: &[Tenant],
    variable: impl Fn(&str) -> Option<&'e str>,
) -> Result<Vec<Secret>, Complaint> {
    let Wanted { name, secret, named } = wanted;
    let text = variable(name).unwrap_or_default();
    let items = if secret {
        split(text)
            .ok_or_else(|| Complaint::new(format!("{name} has an empty item between two commas"), ""))?
    } else {
        text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
    };
    let as_value = |text: &str, what: &str| if secret { fit(text, what) } else { Ok(Secret::new(text)) };
    if named {
        let of_tenant = |tenant: &Tenant| {
            let own = tenant.name.variable(name);
            match (variable(&own), items.as_slice()) {
                (Some(text), _) => as_value(text.trim(), &own),
                (None, [all]) => as_value(all, name),
                (None, found) => Err(Complaint::new(
                    format!(
                        "`{}` has no value: {own} is empty or not set, and {name} has {}",
                        tenant.name,
                        found.len()
                    ),
                    format!("set {own}, or one value for all in {name}"),
                )),
            }
        };
        return tenants.iter().map(of_tenant).collect();
    }
    match items.as_slice() {
        [] => Err(Complaint::new(
            format!("{name} is empty or not set, and the suite asks for it"),
            "set one value for all tenants, or one a line in the tenants' order",
        )),
        [all] => as_value(all, name).map(|value| vec![value; tenants.len()]),
        each if each.len() == tenants.len() => {
            let numbered = each.iter().enumerate();
            numbered.map(|(at, text)| as_value(text, &format!("item {} of {name}", at + 1))).collect()
        }
        each => Err(Complaint::new(
            format!("{} tenants and {} values in {name}", tenants.len(), each.len()),
            "set one value for all tenants, or one a line in the tenants' order",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, of_tenants};
    use crate::base::secret::Secret;
    use crate::model::tenant::Tenant;

    fn values(secret: bool, named: bool, variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let tenant = |name: &str| {
            let url = format!("https://{name}").parse().unwrap();
            Tenant::new(name.parse().unwrap(), url, Secret::new("token-of-it-1"))
        };
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| *v);
        let wanted = Wanted { name: "CANARY_X", secret, named };
        let found = of_tenants(wanted, &[tenant("a"), tenant("b-1")], variable).map_err(|e| e.to_string())?;
        Ok(found.iter().map(|value| value.expose().to_owned()).collect())
    }

    #[test]
    fn each_tenant_gets_its_own_or_the_one_for_all() {
        for (secret, named, variables, expected) in [
            (true, false, &[("CANARY_X", "hush-hush-1")][..], ["hush-hush-1", "hush-hush-1"]),
            (true, false, &[("CANARY_X", "hush-hush-1 hush-hush-2")], ["hush-hush-1", "hush-hush-2"]),
            (false, false, &[("CANARY_X", "Acme, Inc")], ["Acme, Inc", "Acme, Inc"]),
            (false, false, &[("CANARY_X", "eu\nus\n")], ["eu", "us"]),
            (
                true,
                true,
                &[("CANARY_X_A", "hush-hush-1"), ("CANARY_X_B_1", "hush-hush-2")],
                ["hush-hush-1", "hush-hush-2"],
            ),
            (
                true,
                true,
                &[("CANARY_X", "hush-hush-1"), ("CANARY_X_B_1", "hush-hush-2")],
                ["hush-hush-1", "hush-hush-2"],
            ),
        ] {
            assert_eq!(values(secret, named, variables).unwrap(), expected, "{variables:?}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused_and_never_shown() {
        for (named, variables, words) in [
            (false, &[][..], "CANARY_X is empty or not set"),
            (
                false,
                &[("CANARY_X", "hush-hush-1 hush-hush-2 hush-hush-3")],
                "2 tenants and 3 values in CANARY_X",
            ),
            (false, &[("CANARY_X", "hush-hush-1,,hush-hush-2")], "empty item"),
            (false, &[("CANARY_X", "hush")], "CANARY_X has 4 characters"),
            (
                true,
                &[("CANARY_X", "hush-hush-1 hush-hush-2")],
                "`a` has no value: CANARY_X_A is empty or not set",
            ),
            (true, &[("CANARY_X_A", "hush-hush-1")], "`b-1` has no value: CANARY_X_B_1 is empty or not set"),
        ] {
            let error = values(true, named, variables).expect_err(words);
            assert!(error.contains(words) && !error.contains("hush"), "{error}");
        }
    }
}
