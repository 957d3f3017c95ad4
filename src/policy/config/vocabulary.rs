//! Every word that `coalmine.toml` knows, once: the reader refuses what is not here, and the JSON Schema in
//! `docs/schemas/` is written from it.

use crate::policy::rings::vocabulary::{RING, RINGS};
use crate::policy::toml::vocabulary::{Form, Kind, Table, key};

const TEXTS: Kind = Kind::List { of: &Kind::Text, least: 0 };

pub(super) static FILE: Table = Table {
    name: "configuration",
    about: "Which images make a release, how their tags are called, and what a rollback does beside moving them",
    keys: &[&[
        key("format", Kind::Exactly(1), "version of this format: 1"),
        key("release", Kind::Table(&RELEASE), "the images and their tags"),
        key("rollback", Kind::Table(&ROLLBACK), "what a rollback does beside moving tags"),
        key("rings", Kind::Table(&RINGS), "how tenants are dealt to the rings"),
        key("ring", Kind::Tables(&RING), "the rings, in the order in which a release reaches them"),
    ]],
    required: &["format"],
    either: &[],
};

static RELEASE: Table = Table {
    name: "release",
    about: "The images of a release and their tags",
    keys: &[&[
        key(
            "images",
            Kind::List { of: &Kind::Text, least: 1 },
            "repositories that move together; the last one moves last",
        ),
        key("home", Kind::Text, "repository that keeps the records [default: the first image's]"),
        key("staging", Kind::Like("\\{sha\\}"), "how a staging tag is written [default: staging-{sha}]"),
        key("latest", Kind::Text, "the tag that production runs [default: latest]"),
        key(
            "require",
            TEXTS,
            "evidence that a promotion asks for: \"preflight\", \"smoke\", \"soak\" [default: [\"smoke\"]]",
        ),
        key("records", Kind::Flag, "whether the registry keeps records [default: true]"),
        key("evidence_max_age", Kind::Duration, "the oldest evidence that counts [default: 24h]"),
    ]],
    required: &[],
    either: &[],
};

static ROLLBACK: Table = Table {
    name: "rollback",
    about: "What a rollback does beside moving tags; the hooks run in this order",
    keys: &[&[
        key("hold", Kind::Flag, "whether a rollback holds further promotions [default: true]"),
        key("capture", HOOK, "saves what would be lost: logs, a heap dump; before the move, at most 10s"),
        key("freeze", HOOK, "stops other deployments; before the move"),
        key("rotate-cache", HOOK, "makes caches forget the bad build"),
        key("throttle", HOOK, "takes load off while production comes back"),
        key("unfreeze", HOOK, "lets deployments go on"),
    ]],
    required: &[],
    either: &[],
};

static HOOK_FORM: Form = Form {
    name: "a hook",
    hint: "write `[\"program\", \"argument\"]`, or `{ run = [\"program\"], timeout = \"30s\", env = [\"GITHUB_TOKEN\"] }`",
    kinds: &[Kind::List { of: &Kind::Text, least: 1 }, Kind::Table(&TIMED)],
};
pub(crate) const HOOK: Kind = Kind::Form(&HOOK_FORM);

static TIMED: Table = Table {
    name: "hook",
    about: "A program and how long it may take",
    keys: &[&[
        key(
            "run",
            Kind::List { of: &Kind::Text, least: 1 },
            "the program and its arguments; no shell reads them",
        ),
        key("timeout", Kind::Duration, "how long it may take [default: 60s, or 10s for capture]"),
        key("env", TEXTS, "variables with credentials that it asks for; it inherits all others anyway"),
    ]],
    required: &["run"],
    either: &[],
};
