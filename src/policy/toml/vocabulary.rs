//! The words of a file, as data: the reader refuses what is not among them, and the file's JSON Schema is written from
//! them.

/// What may stand at a key.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text,
    /// A text; the schema shows this regular expression, and who reads the text says better what is wrong with it.
    Like(&'static str),
    /// `true` or `false`.
    Flag,
    /// A whole number from 1 on.
    Count,
    /// A whole number from 0 on.
    Size,
    /// The version of the format, which is this number.
    Exactly(u32),
    /// A whole number within these two, both included.
    Between(u32, u32),
    Number,
    Duration,
    Choice(&'static [&'static str]),
    Json,
    /// Anything that JSON can hold, but no table.
    Plain,
    /// A list of at least so many.
    List {
        /// What each of its members is.
        of: &'static Kind,
        least: usize,
    },
    Table(&'static Table),
    /// `[[...]]`: a list of tables with these keys, at least one.
    Tables(&'static Table),
    /// A table whose keys are free, at least one.
    Map(&'static Kind),
    Form(&'static Form),
}

/// Something that can be written in more than one way.
#[derive(Debug)]
pub struct Form {
    /// What it is, for messages: `expected <name>, found ...`.
    pub name: &'static str,
    /// How it is written.
    pub hint: &'static str,
    pub kinds: &'static [Kind],
}

#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// What it says, for whoever writes the file.
    pub about: &'static str,
}

#[derive(Debug)]
pub struct Table {
    /// What it is called in messages and in the schema.
    pub name: &'static str,
    pub about: &'static str,
    /// Its keys, in groups that tables share.
    pub keys: &'static [&'static [Key]],
    pub required: &'static [&'static str],
    /// Sets of keys of which exactly one must be there; empty: no such rule.
    pub either: &'static [&'static [&'static str]],
}

impl Table {
    pub fn all(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().flat_map(|group| group.iter())
    }

    /// The key called `name`.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.all().find(|key| key.name == name)
    }
}

pub const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, about }
}
