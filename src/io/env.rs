//! The environment, read once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::secret::Secret;

/// A snapshot of the environment. An empty variable counts as absent: workflows pass `""` for what is not set.
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The environment of this process; variables that are not UTF-8 are left out.
    pub fn read() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// An environment of just these variables, for tests of what reads it.
    pub fn of<const N: usize>(vars: [(&str, &str); N]) -> Self {
        Self(vars.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }

    /// The value of `name`, unless absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of `name`, also when it is empty.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of `name` as a secret.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(Secret::new)
    }

    /// The value of `name` as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// Whether this runs as a step of a GitHub workflow.
    pub fn is_github_actions(&self) -> bool {
        self.get("GITHUB_ACTIONS") == Some("true")
    }
}

/// The items of a list variable: separated by newlines, commas or spaces, empty ones left out.
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',').filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Env, items};

    #[test]
    fn an_empty_variable_is_an_absent_one() {
        let env = Env::of([("A", ""), ("B", "x")]);
        assert_eq!((env.get("A"), env.get("B"), env.get("C")), (None, Some("x"), None));
    }

    #[test]
    fn a_list_takes_newlines_commas_and_spaces() {
        assert_eq!(items(" a,b\nc d,\r\n").collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }
}
