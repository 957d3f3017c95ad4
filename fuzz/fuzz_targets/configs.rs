//! `coalmine.toml`: a mistake has a place within the file and is shown without control characters; what is accepted
//! prints to what is accepted again, and no limit of the format is passed.
#![no_main]

use std::time::Duration;

use coalmine::model::repository::Repository;
use coalmine::model::tag::StagingPattern;
use coalmine::policy::config::{BEFORE_MOVE, read};
use coalmine::policy::toml::TomlFile;
use coalmine_fuzz::mistakes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file = TomlFile { name: "coalmine.toml", text };
    let config = match read(&file) {
        Ok(config) => config,
        Err(found) => return mistakes(&found, text),
    };
    assert_eq!(read(&file).as_ref(), Ok(&config));
    assert_eq!(config.staging.to_string().parse::<StagingPattern>().as_ref(), Ok(&config.staging));
    assert_eq!(config.staging.sha_of(config.latest.as_str()), None, "`latest` is a staging tag");
    assert!(config.records || config.require.is_empty());
    if let Some(home) = &config.home {
        assert_eq!(home.to_string().parse::<Repository>().as_ref(), Ok(home));
    }
    let hooks = &config.hooks;
    for hook in [&hooks.capture, &hooks.freeze, &hooks.rotate_cache, &hooks.throttle, &hooks.unfreeze] {
        let Some(hook) = hook else { continue };
        assert!(!hook.argv[0].is_empty() && hook.timeout <= Duration::from_secs(600));
    }
    assert!(hooks.capture.as_ref().is_none_or(|hook| hook.timeout <= BEFORE_MOVE));
});
