//! Rings: groups of tenants that take a release one group after the other, each by a tag of its own.

pub mod bucket;
pub mod export;
pub mod members;
pub mod read;
pub mod vocabulary;

use std::path::PathBuf;

use self::bucket::Share;
use crate::model::key::Key;
use crate::model::tag::Tag;

/// The rings that `coalmine.toml` declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rings {
    /// What is hashed.
    pub unit: Unit,
    /// What is hashed before the key; whoever changes it deals all shares anew.
    pub salt: String,
    /// Keys that are only ever in the last ring.
    pub never: Vec<Key>,
    /// The file that lists all tenants, one a line; relative to the folder of `coalmine.toml`.
    pub tenants: Option<PathBuf>,
    /// When a ring takes the next release.
    pub admit: Admit,
    /// The rings, in the order in which a release reaches them; at least two.
    pub rings: Vec<Ring>,
}

/// One ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// What it is called.
    pub name: String,
    /// The tag that its tenants follow.
    pub tag: Tag,
    /// Keys that are in it whatever their hash is.
    pub tenants: Vec<Key>,
    /// Its share of all keys, together with the rings before it; `None`: only who is named.
    pub share: Option<Share>,
    /// The fewest tenants that make it worth a look.
    pub min_tenants: usize,
    /// The gates file whose soak must be green in the ring before; relative to the folder of `coalmine.toml`.
    pub soak: Option<PathBuf>,
    /// Who has to approve a release before it comes here.
    pub approve: Option<Approve>,
}

/// Who approves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approve {
    /// Users (`ann`) and teams (`acme/release`) of GitHub, any one of them; empty: anybody.
    pub by: Vec<String>,
    /// Whether whoever published the release may not approve it.
    pub not_self: bool,
}

/// What is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// The name of a tenant.
    #[default]
    Tenant,
    /// A session of a user.
    Session,
    /// A task.
    Task,
}

impl Unit {
    /// The word in the configuration and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Session => "session",
            Self::Task => "task",
        }
    }
}

/// When a ring takes the next release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admit {
    /// When the one that it runs has a verdict.
    #[default]
    WhenFree,
    /// At any time.
    Always,
}

impl Rings {
    /// The ring called `name`, with its place from 0.
    pub fn named(&self, name: &str) -> Option<(usize, &Ring)> {
        self.rings.iter().enumerate().find(|(_, ring)| ring.name == name)
    }

    /// The ring whose tag is `tag`, with its place from 0.
    pub fn of_tag(&self, tag: &Tag) -> Option<(usize, &Ring)> {
        self.rings.iter().enumerate().find(|(_, ring)| ring.tag == *tag)
    }

    /// The place of the last ring.
    pub fn last(&self) -> usize {
        self.rings.len() - 1
    }

    /// The names of all rings, for a message.
    pub fn names(&self) -> String {
        self.rings.iter().map(|ring| ring.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
