//! Who is in which ring.

use std::collections::BTreeMap;

use super::bucket::{Share, bucket};
use crate::model::key::Key;
use crate::policy::rings::Rings;

/// Where one key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key.
    pub key: Key,
    /// The place of its ring, from 0.
    pub ring: usize,
    /// Its number, from 0 to 9,999.
    pub bucket: u32,
    /// Whether it is there because the configuration names it.
    pub named: bool,
}

/// Finds the ring of `key`: where it is named, else the first ring whose share its number is in, else the last.
pub fn member(rings: &Rings, key: &Key) -> Member {
    let bucket = bucket(&rings.salt, key.as_str());
    let named = match rings.rings.iter().position(|ring| ring.tenants.contains(key)) {
        None if rings.never.contains(key) => Some(rings.last()),
        named => named,
    };
    let inside = |share: Option<Share>| share.is_some_and(|share| bucket < share.basis_points());
    let ring =
        named.or_else(|| rings.rings.iter().position(|ring| inside(ring.share))).unwrap_or(rings.last());
    Member { key: key.clone(), ring, bucket, named: named.is_some() }
}

/// One ring and who is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name of the ring.
    pub ring: String,
    /// The tag that its tenants follow.
    pub tag: String,
    /// Who is in it, in the order of the list.
    pub keys: Vec<Key>,
    /// Its share as configured, together with the rings before it.
    pub share: Option<Share>,
    /// The fewest that it must have.
    pub min: usize,
}

/// Deals `keys` to the rings. Tenants that a ring names and the list lacks are in it all the same.
pub fn deal(rings: &Rings, keys: &[Key]) -> Vec<Row> {
    let mut rows: Vec<Row> = rings
        .rings
        .iter()
        .map(|ring| Row {
            ring: ring.name.clone(),
            tag: ring.tag.to_string(),
            keys: ring.tenants.iter().filter(|key| !keys.contains(key)).cloned().collect(),
            share: ring.share,
            min: ring.min_tenants,
        })
        .collect();
    for key in keys {
        let found = member(rings, key);
        rows[found.ring].keys.push(found.key);
    }
    rows
}

/// What keeps a ring from proving anything: nobody is in it, or too few.
pub fn too_few(row: &Row) -> Option<String> {
    match (row.keys.len(), row.min) {
        (0, _) => Some(format!("nobody is in ring {}: it could prove nothing", row.ring)),
        (found, min) if found < min => Some(format!(
            "ring {} has fewer tenants than `min_tenants`: expected {min}, found {found}",
            row.ring
        )),
        _ => None,
    }
}

/// Who is in another ring by `new` than by `old`: the key, and the names of both rings.
pub fn changed(old: &Rings, new: &Rings, keys: &[Key]) -> Vec<(Key, String, String)> {
    let named = old.rings.iter().chain(&new.rings).flat_map(|ring| &ring.tenants);
    let all: BTreeMap<&Key, ()> = keys.iter().chain(named).map(|key| (key, ())).collect();
    let ring = |rings: &Rings, key: &Key| rings.rings[member(rings, key).ring].name.clone();
    all.into_keys()
        .map(|key| (key.clone(), ring(old, key), ring(new, key)))
        .filter(|(_, before, after)| before != after)
        .collect()
}

/// The smallest share between `least` and `most` with which the ring at `place` has its `min_tenants`, and who is in it
/// then.
///
/// # Errors
/// How many are in it with `most`, where even those are too few.
pub fn fit(
    rings: &Rings,
    place: usize,
    (least, most): (Share, Share),
    keys: &[Key],
) -> Result<(Share, Vec<Key>), usize> {
    let with = |share: Share| {
        let mut changed = rings.clone();
        changed.rings[place].share = Some(share);
        deal(&changed, keys).swap_remove(place).keys
    };
    let buckets = keys.iter().map(|key| bucket(&rings.salt, key.as_str()) + 1);
    let mut cuts: Vec<Share> =
        buckets.filter_map(Share::of).filter(|cut| (least..=most).contains(cut)).collect();
    cuts.extend([least, most]);
    cuts.sort();
    cuts.dedup();
    // More share is never fewer tenants.
    let enough = cuts.partition_point(|cut| with(*cut).len() < rings.rings[place].min_tenants);
    cuts.get(enough).map(|cut| (*cut, with(*cut))).ok_or_else(|| with(most).len())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{changed, deal, fit, member, too_few};
    use crate::model::key::Key;
    use crate::policy::rings::Rings;
    use crate::policy::rings::bucket::Share;
    use crate::policy::{config, toml::TomlFile};

    pub(crate) fn rings(percent: &str) -> Rings {
        let text = format!(
            "format = 1\n[rings]\nsalt = 'platform-2026'\nnever = ['acme', 'hospital']\n\
             [[ring]]\nname = 'canary'\ntenants = ['sister', 'tenant-1']\n\
             [[ring]]\nname = 'ring-1'\npercent = {percent}\nmin_tenants = 3\n[[ring]]\nname = 'latest'\n"
        );
        config::read(&TomlFile { name: "c", text: &text }).unwrap().rings.unwrap()
    }

    fn tenants(count: usize) -> Vec<Key> {
        (0..count).map(|i| format!("tenant-{i}").parse().unwrap()).collect()
    }

    #[test]
    fn names_come_first_then_never_then_the_hash() {
        let rings = rings("50");
        for (key, ring, named) in [
            ("sister", 0, true),
            ("tenant-1", 0, true), // 7543: its hash alone would put it into the last ring
            ("tenant-0", 1, false), // 3868
            ("acme", 2, true),     // 2902, and never before everybody
            ("tenant-3", 2, false),
        ] {
            let found = member(&rings, &key.parse().unwrap());
            assert_eq!((found.ring, found.named), (ring, named), "{key}: {}", found.bucket);
        }
    }

    #[test]
    fn nobody_leaves_when_a_share_grows() {
        let (small, large) = (rings("5"), rings("25"));
        for key in tenants(10_000) {
            assert!(member(&large, &key).ring <= member(&small, &key).ring, "{key}");
        }
        let moved = changed(&small, &large, &tenants(1_000));
        assert!(
            !moved.is_empty()
                && moved.iter().all(|(_, old, new)| (old.as_str(), new.as_str()) == ("latest", "ring-1"))
        );
    }

    #[test]
    fn a_ring_that_nobody_is_in_is_said_and_so_is_one_with_too_few() {
        let rows = deal(&rings("10"), &tenants(1));
        assert_eq!(rows[0].keys.len(), 2, "who is named is in it though no list has them");
        assert!(too_few(&rows[1]).unwrap().contains("nobody is in ring ring-1"));
        let rows = deal(&rings("10"), &tenants(7));
        assert_eq!(rows.iter().map(|row| row.keys.len()).sum::<usize>(), 8);
        assert!(too_few(&rows[1]).unwrap().contains("expected 3"), "{rows:?}");
    }

    #[test]
    fn the_smallest_share_of_a_band_that_has_enough_is_found() {
        let (rings, keys) = (rings("10"), tenants(60));
        let band =
            |least: f64, most: f64| (Share::of_percent(least).unwrap(), Share::of_percent(most).unwrap());
        let (share, inside) = fit(&rings, 1, band(1.0, 20.0), &keys).unwrap();
        assert_eq!(inside.len(), 3);
        let less = Share::of(share.basis_points() - 1).unwrap();
        assert_eq!(fit(&rings, 1, (Share::of(0).unwrap(), less), &keys), Err(2));
        assert_eq!(fit(&rings, 1, band(50.0, 60.0), &keys).unwrap().0, Share::of_percent(50.0).unwrap());
    }
}
