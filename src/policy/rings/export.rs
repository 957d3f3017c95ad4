//! The map of keys to rings, for programs that split what they get.

use serde_json::{Value, json};

use super::bucket::ALL;
use super::members::Row;
use crate::policy::rings::{Ring, Rings};

/// Ring by key as JSON: `{"acme": "latest"}`.
pub fn json(rows: &[Row]) -> String {
    let map = rows.iter().flat_map(|row| row.keys.iter().map(|key| (key.to_string(), json!(row.ring))));
    pretty(&Value::Object(map.collect()))
}

/// `key,ring,tag`, with a heading.
pub fn csv(rows: &[Row]) -> String {
    let line = |row: &Row| {
        row.keys.iter().map(|key| format!("{key},{},{}\n", row.ring, row.tag)).collect::<String>()
    };
    format!("key,ring,tag\n{}", rows.iter().map(line).collect::<String>())
}

/// One variable a ring with its keys, separated by commas: `RING_CANARY=sister,pilot-b`.
pub fn env(rows: &[Row]) -> String {
    let name = |ring: &str| ring.to_uppercase().replace(['-', '.'], "_");
    let keys = |row: &Row| row.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    rows.iter().map(|row| format!("RING_{}={}\n", name(&row.ring), keys(row))).collect()
}

/// A map file of HAProxy: the key, a blank and the ring.
pub fn haproxy(rows: &[Row]) -> String {
    rows.iter().flat_map(|row| row.keys.iter().map(move |key| format!("{key} {}\n", row.ring))).collect()
}

/// A flag definition that flagd, or an in-process evaluator of it, reads: the flag `ring` says for a `targetingKey` the
/// same as `ring-of`. No key is everybody's ring.
pub fn flagd(rings: &Rings) -> String {
    let last = &rings.rings[rings.last()].name;
    let key = json!({ "var": ["targetingKey"] });
    let mut rule: Vec<Value> = vec![json!({ "!": [key] }), json!(last)];
    let mut pin = |keys: &[crate::model::key::Key], ring: &str| {
        if !keys.is_empty() {
            rule.extend([json!({ "in": [key, keys] }), json!(ring)]);
        }
    };
    rings.rings.iter().for_each(|ring| pin(&ring.tenants, &ring.name));
    pin(&rings.never, last);
    let mut before = 0;
    let mut buckets: Vec<Value> = vec![json!({ "cat": [format!("{}/", rings.salt), key] })];
    for ring in &rings.rings[..rings.last()] {
        let Some(share) = ring.share else { continue };
        buckets.push(json!([ring.name, share.basis_points() - before]));
        before = share.basis_points();
    }
    buckets.push(json!([last, ALL - before]));
    rule.push(json!({ "fractional": buckets }));
    let variants = rings.rings.iter().map(|ring: &Ring| (ring.name.clone(), json!(ring.name)));
    pretty(&json!({
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "flags": { "ring": {
            "state": "ENABLED",
            "variants": Value::Object(variants.collect()),
            "defaultVariant": last,
            "targeting": { "if": rule },
        } },
    }))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::{csv, env, flagd, haproxy, json};
    use crate::policy::rings::members::deal;
    use crate::policy::rings::members::tests::rings;

    #[test]
    fn every_form_tells_the_same_map() {
        let keys = ["tenant-0", "acme"].map(|key| key.parse().unwrap());
        let rows = deal(&rings("50"), &keys);
        assert_eq!(
            csv(&rows),
            "key,ring,tag\nsister,canary,canary\ntenant-1,canary,canary\ntenant-0,ring-1,ring-1\nacme,latest,latest\n"
        );
        assert_eq!(env(&rows), "RING_CANARY=sister,tenant-1\nRING_RING_1=tenant-0\nRING_LATEST=acme\n");
        assert_eq!(haproxy(&rows), "sister canary\ntenant-1 canary\ntenant-0 ring-1\nacme latest\n");
        let map: serde_json::Value = serde_json::from_str(&json(&rows)).unwrap();
        assert_eq!(
            (&map["tenant-0"], &map["sister"], map.as_object().unwrap().len()),
            (&"ring-1".into(), &"canary".into(), 4)
        );
    }

    #[test]
    fn the_flag_names_the_pins_first_and_its_weights_are_the_cuts() {
        let flag: serde_json::Value = serde_json::from_str(&flagd(&rings("7.5"))).unwrap();
        let rule = flag["flags"]["ring"]["targeting"]["if"].as_array().unwrap();
        assert_eq!(rule[2]["in"][1], serde_json::json!(["sister", "tenant-1"]));
        assert_eq!(rule[6]["fractional"][1], serde_json::json!(["ring-1", 750]));
        assert_eq!(rule[6]["fractional"][2], serde_json::json!(["latest", 9250]));
    }
}
