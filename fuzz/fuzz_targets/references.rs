//! Names: what parses prints to one line without control characters, and that parses to the same value; what is
//! refused is quoted harmlessly. A port is a number and nothing else.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use coalmine::model::commit::CommitSha;
use coalmine::model::digest::Digest;
use coalmine::model::manifest::Platform;
use coalmine::model::reference::Reference;
use coalmine::model::repository::{Registry, Repository};
use coalmine::model::source::ImageSource;
use coalmine::model::tag::{StagingPattern, Tag};
use coalmine::model::tenant::TenantName;
use coalmine_fuzz::one_line;
use libfuzzer_sys::fuzz_target;

fn parsed<T>(text: &str) -> Option<T>
where
    T: FromStr + Display + PartialEq + std::fmt::Debug,
    T::Err: Display,
{
    match text.parse::<T>() {
        Ok(value) => {
            let printed = value.to_string();
            one_line(&printed);
            assert_eq!(printed.parse::<T>().ok().as_ref(), Some(&value), "{text:?} prints {printed:?}");
            Some(value)
        }
        Err(error) => {
            one_line(&error.to_string());
            None
        }
    }
}

fn has_a_number_as_port(registry: &Registry) {
    let port = registry.as_str().rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    assert!(port.is_none_or(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())), "{registry}");
}

fuzz_target!(|text: &str| {
    parsed::<Digest>(text);
    parsed::<Platform>(text);
    if let Some(repository) = parsed::<Repository>(text) {
        has_a_number_as_port(repository.registry());
    }
    parsed::<TenantName>(text);
    if let Some(tag) = parsed::<Tag>(text) {
        assert!(tag.as_str().len() <= 128);
    }
    if let Some(sha) = parsed::<CommitSha>(text) {
        assert!(sha.begins(&sha) && sha.as_str().starts_with(sha.short()));
    }
    if let Some(registry) = parsed::<Registry>(text) {
        has_a_number_as_port(&registry);
        assert!(!registry.host().is_empty());
    }
    if let Some(reference) = parsed::<Reference>(text) {
        assert!(reference.to_string().starts_with(&reference.repository().to_string()));
        assert!(reference.to_string().ends_with(&reference.name()));
    }
    if let Some(pattern) = parsed::<StagingPattern>(text) {
        let sha: CommitSha = "0123abcd".parse().expect("a sha");
        assert_eq!(pattern.sha_of(pattern.tag(&sha).as_str()), Some(sha));
    }
    if let Err(error) = text.parse::<ImageSource>() {
        one_line(&error);
    }
});
