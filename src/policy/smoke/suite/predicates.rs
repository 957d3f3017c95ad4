//! The words for what can be asked of a value.

use crate::policy::toml::vocabulary::{Key, Kind, Table, key};

/// JSON types by name, as `type` takes them.
const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

const VALUES: Kind = Kind::List { of: &Kind::Json, least: 1 };

/// What can be asked of a value. All of the predicates of one table must hold.
pub(super) static PREDICATES: Table = Table {
    name: "predicates",
    about: "What must be true of a value; all of these",
    keys: &[PREDICATE],
    required: &[],
    either: &[],
};

pub(super) static PREDICATE: &[Key] = &[
    key("equals", Kind::Json, "is this, type included"),
    key("not_equals", Kind::Json, "is not this"),
    key("type", Kind::Choice(&TYPES), "is of this JSON type"),
    key("min_len", Kind::Size, "has at least so many characters, members or keys"),
    key("max_len", Kind::Size, "has at most so many characters, members or keys"),
    key("contains", Kind::Json, "a text has this part; a list has this member"),
    key("not_contains", Kind::Json, "a text has no such part; a list has no such member"),
    key("starts_with", Kind::Text, "a text begins so"),
    key("ends_with", Kind::Text, "a text ends so"),
    key("matches", Kind::Text, "a text has a match of this regular expression"),
    key("not_matches", Kind::Text, "a text has no match of this regular expression"),
    key("gt", Kind::Number, "is a number greater than this"),
    key("ge", Kind::Number, "is a number not less than this"),
    key("lt", Kind::Number, "is a number less than this"),
    key("le", Kind::Number, "is a number not greater than this"),
    key("one_of", VALUES, "is one of these"),
    key("exists", Kind::Flag, "is there, or is not"),
    key("as", Kind::Choice(&["number"]), "reads a text as a number before it is looked at"),
];
