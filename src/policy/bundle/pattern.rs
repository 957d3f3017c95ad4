//! Which files a part is made of: paths with `*`, `?` and `**`.

use std::str::FromStr;

use regex::Regex;

/// A path from the root of a bundle. `*` and `?` stand for letters within a name, `**` for any folders.
pub(super) struct Pattern(Regex);

impl Pattern {
    pub(super) fn fits(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<&str> = text.split('/').collect();
        if names.contains(&"..") || text.starts_with('/') {
            return Err("this leads outside of the bundle".to_owned());
        }
        if names.iter().any(|name| matches!(*name, "" | ".")) {
            return Err("expected names with `/` between them".to_owned());
        }
        let mut regex = String::from("^");
        for (i, name) in names.iter().enumerate() {
            let last = i + 1 == names.len();
            if *name == "**" {
                regex.push_str(if last { ".+" } else { "(?:[^/]+/)*" });
                continue;
            }
            regex.push_str(&regex::escape(name).replace(r"\*", "[^/]*").replace(r"\?", "[^/]"));
            if !last {
                regex.push('/');
            }
        }
        regex.push('$');
        Regex::new(&regex).map(Self).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn stars_stop_at_a_folder_and_two_of_them_do_not() {
        for (pattern, path, fits) in [
            ("prompts/**", "prompts/a.md", true),
            ("prompts/**", "prompts/a/b.md", true),
            ("prompts/**", "prompts", false),
            ("prompts/*", "prompts/a/b.md", false),
            ("**/*.md", "a.md", true),
            ("**/*.md", "x/y/a.md", true),
            ("**/*.md", "x/y/a_md", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/b", true),
            ("a.?", "a.b", true),
            ("a.?", "axb", false),
            ("**", "any/thing", true),
        ] {
            assert_eq!(pattern.parse::<Pattern>().unwrap().fits(path), fits, "{pattern} {path}");
        }
        for bad in ["", "/a", "../a", "a/../b", "a//b", "./a"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }
}
