//! Tenants that may be one: then one of them was tested twice, and another not at all.

use crate::model::check::Places;
use crate::model::tenant::Tenant;

/// Pairs of tenants, by their numbers, that take the same token at the same address, port and path.
pub fn twins(tenants: &[(&Tenant, &Places)]) -> Vec<(usize, usize)> {
    let same = |a: &(&Tenant, &Places), b: &(&Tenant, &Places)| {
        let (url, other) = (a.0.url.as_url(), b.0.url.as_url());
        !a.0.token.is_empty()
            && a.0.token.expose() == b.0.token.expose()
            && url.port_or_known_default() == other.port_or_known_default()
            && url.path() == other.path()
            && !a.1.asked.is_disjoint(&b.1.asked)
    };
    let mut found = Vec::new();
    for (second, tenant) in tenants.iter().enumerate() {
        if let Some(first) = tenants[..second].iter().position(|earlier| same(earlier, tenant)) {
            found.push((first, second));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::twins;
    use crate::base::secret::Secret;
    use crate::model::check::Places;
    use crate::model::tenant::Tenant;

    #[test]
    fn only_one_token_at_one_place_makes_two_tenants_one() {
        let tenant = |url: &str, token: &str| {
            Tenant::new("t".parse().unwrap(), url.parse().unwrap(), Secret::new(token))
        };
        let at = |last: u8| Places { asked: [[192, 0, 2, last].into()].into(), ..Places::default() };
        for (a, b, same) in [
            ((tenant("https://a", "token-1"), at(1)), (tenant("https://b", "token-1"), at(1)), true),
            ((tenant("https://a", "token-1"), at(1)), (tenant("https://b", "token-2"), at(1)), false),
            ((tenant("https://a", ""), at(1)), (tenant("https://b", ""), at(1)), false),
            ((tenant("https://a", "token-1"), at(1)), (tenant("https://b", "token-1"), at(2)), false),
            ((tenant("https://a", "token-1"), at(1)), (tenant("https://b:81", "token-1"), at(1)), false),
            ((tenant("https://a/x", "token-1"), at(1)), (tenant("https://a/y", "token-1"), at(1)), false),
        ] {
            let found = twins(&[(&a.0, &a.1), (&b.0, &b.1)]);
            assert_eq!(found.as_slice(), if same { &[(0, 1)][..] } else { &[] }, "{a:?} {b:?}");
        }
    }
}
