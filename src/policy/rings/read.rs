//! `[rings]` and `[[ring]]` of `coalmine.toml`, read and checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::bucket::Share;
use crate::model::key::Key;
use crate::model::tag::{StagingPattern, Tag};
use crate::policy::rings::{Admit, Approve, Ring, Rings, Unit};
use crate::policy::toml::fields::{Fields, Word};
use crate::policy::toml::value;

/// What the rest of the configuration says that rings depend on.
pub struct Rest<'a> {
    /// The tag that production runs.
    pub latest: &'a Tag,
    /// How staging tags are written.
    pub staging: &'a StagingPattern,
    /// Whether records are kept.
    pub records: bool,
}

/// Reads the rings; `None` if none are declared, or a mistake was noted.
pub fn read(file: &Fields<'_>, rest: &Rest<'_>) -> Option<Rings> {
    let tables = file.tables("ring");
    let Some(dealt) = file.table("rings") else {
        if let Some(first) = tables.first() {
            let hint = "add `[rings]` with `salt = \"...\"`: it deals tenants to the rings";
            file.refuse(first.span.clone(), "`[[ring]]` without `[rings]`", hint);
        }
        return None;
    };
    if tables.len() < 2 {
        let hint = "declare at least two `[[ring]]`: one that takes a release first, and everybody";
        file.refuse(dealt.span.clone(), "`[rings]` with fewer than two rings", hint);
        return None;
    }
    if !rest.records {
        let hint = "rings ask for evidence, which is kept in records: remove `records = false`";
        file.refuse(dealt.span.clone(), "rings need records", hint);
    }
    let unit = match dealt.text("key").map(Word::into_inner) {
        Some("session") => Unit::Session,
        Some("task") => Unit::Task,
        _ => Unit::Tenant,
    };
    let admit = match dealt.text("admit").map(Word::into_inner) {
        Some("always") => Admit::Always,
        _ => Admit::WhenFree,
    };
    let salt = dealt.text("salt")?;
    if salt.get_ref().is_empty() || !salt.get_ref().bytes().all(|b| b.is_ascii_graphic()) {
        dealt.refuse(salt.span(), "a salt is visible ASCII, at least one character", "");
    }
    let rings = Rings {
        unit,
        salt: salt.into_inner().to_owned(),
        never: keys(&dealt, "never"),
        tenants: dealt.text("tenants").map(|text| PathBuf::from(text.into_inner())),
        admit,
        rings: tables.iter().filter_map(|table| ring(table, rest)).collect(),
    };
    check(&tables, &rings, rest);
    Some(rings)
}

fn ring(fields: &Fields<'_>, rest: &Rest<'_>) -> Option<Ring> {
    let name = fields.text("name")?;
    let tag = if fields.get("tag").is_some() { fields.parse::<Tag>("tag") } else { fields.parsed(&name) }?;
    if rest.staging.sha_of(tag.as_str()).is_some() {
        fields.refuse(fields.place("tag"), "the tag of a ring must not look like a staging tag", "");
    }
    let name_is_plain = name
        .get_ref()
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
    if !name_is_plain {
        fields.refuse(name.span(), "the name of a ring is of a-z, 0-9, `-`, `_` and `.`", "");
    }
    let approve = fields.table("approve").map(|approve| Approve {
        by: approve.texts("by").into_iter().map(|name| name.into_inner().to_owned()).collect(),
        not_self: approve.is("not_self"),
    });
    Some(Ring {
        name: name.into_inner().to_owned(),
        tag,
        tenants: keys(fields, "tenants"),
        share: share(fields),
        min_tenants: fields.count("min_tenants").map_or(1, |count| count as usize),
        soak: fields.text("soak").map(|text| PathBuf::from(text.into_inner())),
        approve,
    })
}

fn keys(fields: &Fields<'_>, key: &str) -> Vec<Key> {
    fields.texts(key).iter().filter_map(|text| fields.parsed(text)).collect()
}

fn share(fields: &Fields<'_>) -> Option<Share> {
    let placed = fields.get("percent")?;
    let share = value::number(placed).and_then(|number| number.as_f64()).and_then(Share::of_percent);
    if share.is_none() {
        let hint = "write 0 to 100 with at most two decimals, such as `percent = 2.5`";
        fields.refuse(placed.span(), "this is no share", hint);
    }
    share
}

/// What no ring can be seen to be wrong with alone.
fn check(tables: &[Fields<'_>], rings: &Rings, rest: &Rest<'_>) {
    // A ring that could not be read is a mistake already, and the others cannot be compared.
    if rings.rings.len() != tables.len() {
        return;
    }
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut homes: BTreeMap<&Key, &str> = BTreeMap::new();
    let mut before = Share::of(0);
    for (i, (fields, ring)) in tables.iter().zip(&rings.rings).enumerate() {
        let refuse = |key: &str, message: String, hint: &str| fields.refuse(fields.place(key), message, hint);
        let last = i == rings.last();
        for (key, word) in [("name", ring.name.as_str()), ("tag", ring.tag.as_str())] {
            if names.insert(word, i).is_some_and(|other| other != i) {
                refuse(key, format!("`{word}` is the name or the tag of another ring"), "");
            }
        }
        for key in &ring.tenants {
            if let Some(other) = homes.insert(key, &ring.name) {
                refuse("tenants", format!("`{key}` is named in `{other}` already"), "");
            }
            if !last && rings.never.contains(key) {
                refuse("tenants", format!("`{key}` is in `never`, so it can only be in the last ring"), "");
            }
        }
        if i == 0 && ring.soak.is_some() {
            refuse("soak", "the first ring has no ring before it that could have soaked".to_owned(), "");
        }
        match (ring.share, last) {
            (Some(Share::WHOLE) | None, true) => {
                if ring.tag != *rest.latest {
                    let message =
                        format!("the last ring is everybody, and its tag must be `{}`", rest.latest);
                    refuse("tag", message, "name it so, or change `release.latest`");
                }
            }
            (Some(_), true) => refuse("percent", "the last ring is everybody: 100".to_owned(), ""),
            (Some(Share::WHOLE), false) => {
                refuse("percent", "only the last ring is everybody".to_owned(), "");
            }
            (Some(share), false) if Some(share) < before => {
                refuse("percent", "a ring before this one has a larger share".to_owned(), SHARES);
            }
            (share, false) if ring.tenants.is_empty() && (share.is_none() || share == before) => {
                refuse("name", "nobody is in this ring".to_owned(), SHARES);
            }
            (Some(_) | None, false) => {}
        }
        before = ring.share.or(before);
    }
}

const SHARES: &str = "name `tenants`, or give a `percent`, which counts the rings before it too";

#[cfg(test)]
mod tests {
    use crate::policy::config;
    use crate::policy::toml::TomlFile;

    const RINGS: &str = "format = 1\n[rings]\nsalt = 'p'\nnever = ['h']\n[[ring]]\nname = 'canary'\ntenants = ['s']\n[[ring]]\nname = 'r1'\npercent = 10\n[[ring]]\nname = 'latest'\n";

    fn mistakes(text: &str) -> String {
        let read = config::read(&TomlFile { name: "c", text });
        read.map_or_else(
            |m| m.iter().map(ToString::to_string).collect(),
            |config| {
                assert!(config.rings.is_some_and(|rings| rings.rings.len() > 1));
                String::new()
            },
        )
    }

    #[test]
    fn what_cannot_be_meant_is_refused_at_its_place() {
        assert_eq!(mistakes(RINGS), "");
        for (from, to, words) in [
            ("salt = 'p'", "salt = ''", "c:3:8"),
            ("salt = 'p'", "", "`salt` is missing"),
            ("[rings]\nsalt = 'p'\nnever = ['h']\n", "", "`[[ring]]` without `[rings]`"),
            ("percent = 10", "", "nobody is in this ring"),
            ("percent = 10", "percent = 0", "nobody is in this ring"),
            ("percent = 10", "percent = 100", "only the last ring is everybody"),
            ("percent = 10", "percent = 10.001", "this is no share"),
            ("percent = 10", "percent = 10\ntag = 'canary'", "another ring"),
            ("percent = 10", "percent = 10\ntenants = ['s']", "named in `canary` already"),
            ("percent = 10", "percent = 10\ntenants = ['h']", "only be in the last ring"),
            ("tenants = ['s']", "tenants = ['ä']", "not a key"),
            ("tenants = ['s']", "percent = 20", "a ring before this one has a larger share"),
            ("tenants = ['s']", "tenants = ['s']\nsoak = 's.toml'", "no ring before it"),
            ("'latest'", "'all'", "its tag must be `latest`"),
            ("'latest'", "'latest'\npercent = 50", "everybody: 100"),
            ("'r1'", "'staging-1234567'", "must not look like a staging tag"),
            ("'r1'", "'R 1'", "not a tag"),
            ("format = 1", "format = 1\n[release]\nrecords = false", "rings need records"),
        ] {
            assert!(RINGS.contains(from), "{from}");
            let message = mistakes(&RINGS.replacen(from, to, 1));
            assert!(message.contains(words), "{to}: {message}");
        }
    }
}
