//! The words of `[rings]` and `[[ring]]`.

use crate::policy::toml::vocabulary::{Kind, Table, key};

const TEXTS: Kind = Kind::List { of: &Kind::Text, least: 1 };

/// `[rings]`
pub static RINGS: Table = Table {
    name: "rings",
    about: "How tenants, sessions or tasks are dealt to the rings",
    keys: &[&[
        key("key", Kind::Choice(&["tenant", "session", "task"]), "what is hashed [default: tenant]"),
        key("salt", Kind::Text, "hashed before the key; whoever changes it deals all shares anew"),
        key("never", TEXTS, "keys that are only ever in the last ring"),
        key("tenants", Kind::Text, "file that lists all tenants, one a line"),
        key(
            "admit",
            Kind::Choice(&["when-free", "always"]),
            "when a ring takes the next release: when its present one has a verdict, or at any time [default: when-free]",
        ),
    ]],
    required: &["salt"],
    either: &[],
};

/// `[[ring]]`
pub static RING: Table = Table {
    name: "ring",
    about: "A group of tenants that take a release together; in the order in which it reaches them, the last one is everybody",
    keys: &[&[
        key("name", Kind::Like("^[a-z0-9][a-z0-9._-]*$"), "what the ring is called"),
        key("tag", Kind::Text, "the tag that its tenants follow [default: the name]"),
        key("tenants", TEXTS, "keys that are in this ring whatever their hash is"),
        key("percent", Kind::Number, "its share of all keys, together with the rings before it"),
        key("min_tenants", Kind::Count, "the fewest tenants that make it worth a look [default: 1]"),
        key("soak", Kind::Text, "gates file whose soak must be green in the ring before"),
        key("approve", Kind::Table(&APPROVE), "who has to approve a release before it comes here"),
    ]],
    required: &["name"],
    either: &[],
};

static APPROVE: Table = Table {
    name: "approve",
    about: "Who has to approve a release before it comes to this ring",
    keys: &[&[
        key(
            "by",
            TEXTS,
            "users (`ann`) and teams (`acme/release`) of GitHub, any one of them [default: anybody]",
        ),
        key(
            "not_self",
            Kind::Flag,
            "whether whoever published the release may not approve it [default: false]",
        ),
    ]],
    required: &[],
    either: &[],
};
