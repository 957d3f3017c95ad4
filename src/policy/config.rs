//! `coalmine.toml`: which images make a release, and how their tags are called.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::toml::TomlFile;
use crate::base::diagnostic::Diagnostic;
use crate::base::duration;
use crate::model::image::Images;
use crate::model::record::Kind;
use crate::model::repository::Repository;
use crate::model::tag::{StagingPattern, Tag};

/// The configuration of a release, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The images, in order; `None`: to be given on the command line.
    pub images: Option<Images>,
    /// The repository that keeps the records; `None`: the first image's.
    pub home: Option<Repository>,
    /// How a staging tag is written.
    pub staging: StagingPattern,
    /// The tag that production runs.
    pub latest: Tag,
    /// Whether the registry keeps records: releases, verdicts, the history.
    pub records: bool,
    /// The evidence that a promotion asks for.
    pub require: Vec<Kind>,
    /// The oldest evidence that counts.
    pub evidence_max_age: Duration,
    /// Whether a rollback holds further promotions.
    pub hold: bool,
    /// What a rollback does beside moving tags.
    pub hooks: Hooks,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            images: None,
            home: None,
            staging: StagingPattern::default(),
            latest: "latest".parse().expect("a constant tag"),
            records: true,
            require: vec![Kind::Smoke],
            evidence_max_age: EVIDENCE_MAX_AGE,
            hold: true,
            hooks: Hooks::default(),
        }
    }
}

/// The oldest evidence that counts, unless the file says otherwise: a canary that was well yesterday says nothing
/// about a registry, a database and a token of today.
const EVIDENCE_MAX_AGE: Duration = Duration::from_secs(24 * 3_600);

/// The programs that a rollback runs, in the order of the fields; `capture` and `freeze` before the move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Saves what would be lost: logs, a heap dump.
    pub capture: Option<Hook>,
    /// Stops other deployments.
    pub freeze: Option<Hook>,
    /// Makes caches forget the bad build.
    pub rotate_cache: Option<Hook>,
    /// Takes load off while production comes back.
    pub throttle: Option<Hook>,
    /// Lets deployments go on. Run only when recovery targets were watched and met.
    pub unfreeze: Option<Hook>,
}

/// One program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Program and arguments; never empty. No shell reads them.
    pub argv: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Variables with credentials that it asks for; [`is_credential`] holds for each.
    pub credentials: Vec<String>,
}

/// Variables of the environment whose credentials a hook does not inherit, unless it asks for them by name.
const CREDENTIALS: [&str; 8] = [
    "REGISTRY_USERNAME",
    "REGISTRY_PASSWORD",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "DOCKER_AUTH_CONFIG",
    "CANARY_ADMIN_TOKENS",
];

/// Whether the variable `name` holds a credential of a registry, of GitHub or of a tenant.
pub(crate) fn is_credential(name: &str) -> bool {
    CREDENTIALS.contains(&name) || name.starts_with("CANARY_TOKEN_")
}

/// `capture` never delays the move for longer than this.
pub const CAPTURE: Duration = Duration::from_secs(10);
/// How long any other hook may take, unless the file says otherwise.
const HOOK: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Spanned<u32>,
    release: Option<ReleaseTable>,
    rollback: Option<RollbackTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseTable {
    images: Option<Spanned<Vec<Spanned<String>>>>,
    home: Option<Spanned<String>>,
    staging: Option<Spanned<String>>,
    latest: Option<Spanned<String>>,
    require: Option<Spanned<Vec<Spanned<String>>>>,
    records: Option<Spanned<bool>>,
    evidence_max_age: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RollbackTable {
    hold: Option<bool>,
    capture: Option<Spanned<HookTable>>,
    freeze: Option<Spanned<HookTable>>,
    rotate_cache: Option<Spanned<HookTable>>,
    throttle: Option<Spanned<HookTable>>,
    unfreeze: Option<Spanned<HookTable>>,
}

/// How a hook is written, for messages.
const HOOK_FORM: &str =
    "`[\"program\", \"argument\"]` or `{ run = [\"program\"], timeout = \"30s\", env = [\"GITHUB_TOKEN\"] }`";

enum HookTable {
    Argv(Vec<String>),
    Table(HookFields),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HookFields {
    run: Vec<String>,
    timeout: Option<Spanned<String>>,
    #[serde(default)]
    env: Vec<Spanned<String>>,
}

impl<'de> Deserialize<'de> for HookTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HookVisitor)
    }
}

struct HookVisitor;

impl<'de> Visitor<'de> for HookVisitor {
    type Value = HookTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a hook, written as {HOOK_FORM}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<HookTable, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(items)).map(HookTable::Argv)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<HookTable, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(fields)).map(HookTable::Table)
    }
}

/// Reads `coalmine.toml`.
///
/// # Errors
/// The first mistake, at its place.
pub fn read(file: &TomlFile<'_>) -> Result<Config, Diagnostic> {
    let tables: File = file.parse()?;
    if *tables.format.get_ref() != 1 {
        let hint = "this version reads `format = 1`".to_owned();
        return Err(file.at(
            &tables.format,
            format!("format {} is not known", tables.format.get_ref()),
            Some(hint),
        ));
    }
    let mut config = Config::default();
    if let Some(release) = &tables.release {
        read_release(file, release, &mut config)?;
    }
    if let Some(rollback) = &tables.rollback {
        config.hold = rollback.hold.unwrap_or(true);
        config.hooks = read_hooks(file, rollback)?;
    }
    Ok(config)
}

fn read_release(file: &TomlFile<'_>, table: &ReleaseTable, config: &mut Config) -> Result<(), Diagnostic> {
    if let Some(images) = &table.images {
        let repositories = images
            .get_ref()
            .iter()
            .map(|text| parsed::<Repository>(file, text))
            .collect::<Result<Vec<_>, _>>()?;
        config.images = Some(Images::new(repositories).map_err(|e| file.at(images, e.to_string(), None))?);
    }
    if let Some(home) = &table.home {
        config.home = Some(parsed(file, home)?);
    }
    if let Some(staging) = &table.staging {
        config.staging = parsed(file, staging)?;
    }
    if let Some(latest) = &table.latest {
        config.latest = parsed(file, latest)?;
        if config.staging.sha_of(config.latest.as_str()).is_some() {
            return Err(file.at(latest, "`latest` must not look like a staging tag", None));
        }
    }
    if let Some(records) = &table.records {
        config.records = *records.get_ref();
    }
    if let Some(age) = &table.evidence_max_age {
        config.evidence_max_age = duration::parse(age.get_ref()).map_err(|e| file.at(age, e, None))?;
    }
    read_require(file, table.require.as_ref(), config)
}

fn read_require(
    file: &TomlFile<'_>,
    require: Option<&Spanned<Vec<Spanned<String>>>>,
    config: &mut Config,
) -> Result<(), Diagnostic> {
    if !config.records {
        config.require = Vec::new();
    }
    let Some(require) = require else { return Ok(()) };
    config.require = require.get_ref().iter().map(|kind| parsed(file, kind)).collect::<Result<_, _>>()?;
    if !config.records && !config.require.is_empty() {
        let hint =
            "write `require = []`: without records there is no evidence that could be asked for".to_owned();
        return Err(file.at(require, "`require` must be empty where `records = false`", Some(hint)));
    }
    Ok(())
}

fn read_hooks(file: &TomlFile<'_>, table: &RollbackTable) -> Result<Hooks, Diagnostic> {
    let hook = |value: &Option<Spanned<HookTable>>, limit: Duration| {
        value.as_ref().map(|v| read_hook(file, v, limit)).transpose()
    };
    let longest = Duration::from_secs(600);
    Ok(Hooks {
        capture: hook(&table.capture, CAPTURE)?,
        freeze: hook(&table.freeze, longest)?,
        rotate_cache: hook(&table.rotate_cache, longest)?,
        throttle: hook(&table.throttle, longest)?,
        unfreeze: hook(&table.unfreeze, longest)?,
    })
}

fn read_hook(file: &TomlFile<'_>, value: &Spanned<HookTable>, longest: Duration) -> Result<Hook, Diagnostic> {
    let (argv, timeout, env) = match value.get_ref() {
        HookTable::Argv(argv) => (argv, None, [].as_slice()),
        HookTable::Table(hook) => (&hook.run, hook.timeout.as_ref(), hook.env.as_slice()),
    };
    if argv.first().is_none_or(String::is_empty) {
        return Err(file.at(value, "a hook needs a program", Some(format!("write it as {HOOK_FORM}"))));
    }
    let timeout = match timeout {
        None => HOOK.min(longest),
        Some(text) => {
            let timeout = duration::parse(text.get_ref()).map_err(|e| file.at(text, e, None))?;
            if timeout > longest {
                let message = format!("this hook may take at most {}", duration::show(longest));
                return Err(file.at(text, message, None));
            }
            timeout
        }
    };
    if let Some(other) = env.iter().find(|name| !is_credential(name.get_ref())) {
        let hint =
            format!("a hook inherits all variables but those with credentials: {}", CREDENTIALS.join(", "));
        return Err(file.at(other, "this variable need not be asked for", Some(hint)));
    }
    Ok(Hook {
        argv: argv.clone(),
        timeout,
        credentials: env.iter().map(|name| name.get_ref().clone()).collect(),
    })
}

fn parsed<T>(file: &TomlFile<'_>, text: &Spanned<String>) -> Result<T, Diagnostic>
where
    T: std::str::FromStr,
    T::Err: fmt::Display,
{
    text.get_ref().parse().map_err(|e: T::Err| file.at(text, e.to_string(), None))
}

#[cfg(test)]
mod tests {
    use super::{Config, read};
    use crate::policy::toml::TomlFile;
    use std::time::Duration;

    fn config(text: &str) -> Result<Config, String> {
        read(&TomlFile { name: "coalmine.toml", text }).map_err(|diagnostic| diagnostic.to_string())
    }

    #[test]
    fn reads_every_key() {
        let config = config(
            "format = 1\n[release]\nimages = ['ghcr.io/a/x', 'ghcr.io/a/y']\nhome = 'ghcr.io/a/x'\nstaging = 's-{sha}'\nlatest = 'stable'\nrecords = false\nrequire = []\n\
             [rollback]\nhold = false\ncapture = ['sh', 'x.sh']\nrotate-cache = { run = ['purge'], timeout = '5s', env = ['GH_TOKEN'] }\n",
        )
        .unwrap();
        assert_eq!(config.images.unwrap().len(), 2);
        assert_eq!(config.latest.as_str(), "stable");
        assert_eq!(config.hooks.capture.unwrap().timeout, Duration::from_secs(10));
        let hook = config.hooks.rotate_cache.unwrap();
        assert_eq!((hook.timeout, hook.credentials), (Duration::from_secs(5), vec!["GH_TOKEN".to_owned()]));
    }

    #[test]
    fn every_mistake_has_its_place_and_the_nearest_word() {
        for (text, place, words) in [
            ("format = 1\n[release]\nimagess = []", "coalmine.toml:3:1", "did you mean `images`?"),
            ("format = 2", "coalmine.toml:1:10", "format 2 is not known"),
            ("[release]", "coalmine.toml:1:1", "missing field `format`"),
            ("format = 1\nformat = 1", "coalmine.toml:2:1", "duplicate key"),
            ("format = '1'", "coalmine.toml:1:10", "invalid type"),
            ("format = 1\n[release]\nimages = []", "coalmine.toml:3:10", "there are no images"),
            (
                "format = 1\n[release]\nimages = ['ghcr.io/a', 'ghcr.io/A']",
                "coalmine.toml:3:24",
                "not a repository",
            ),
            ("format = 1\n[release]\nimages = ['ghcr.io/a', 'ghcr.io/a']", "coalmine.toml:3:10", "twice"),
            ("format = 1\n[release]\nlatest = 'staging-1234567'", "coalmine.toml:3:10", "staging tag"),
            ("format = 1\n[release]\nstaging = 'staging'", "coalmine.toml:3:11", "{sha}"),
            (
                "format = 1\n[release]\nrecords = false\nrequire = ['smoke']",
                "coalmine.toml:4:11",
                "must be empty",
            ),
            ("format = 1\n[release]\nrequire = ['smok']", "coalmine.toml:3:12", "`smoke` or `soak`"),
            ("format = 1\n[release]\nevidence_max_age = '24'", "coalmine.toml:3:20", "a number with a unit"),
            ("format = 1\n[rollback]\ncapture = []", "coalmine.toml:3:11", "needs a program"),
            (
                "format = 1\n[rollback]\ncapture = { run = ['x'], timeout = '1m' }",
                "coalmine.toml:3:36",
                "at most 10s",
            ),
            (
                "format = 1\n[rollback]\nhold = true\nfreeze = 'x.sh'",
                "coalmine.toml:4:10",
                r#"expected a hook, written as `["program", "argument"]` or `{ run"#,
            ),
            ("format = 1\n[rollback]\nfreeze = ['x', 7]", "coalmine.toml:3:16", "expected a string"),
            ("format = 1\n[rollback]\nfreeze = { rum = ['x'] }", "coalmine.toml:3:12", "did you mean `run`?"),
            (
                "format = 1\n[rollback]\nfreeze = { timeout = '1s' }",
                "coalmine.toml:3:10",
                "missing field `run`",
            ),
            (
                "format = 1\n[rollback]\nfreeze = { run = ['x'], env = ['PATH'] }",
                "coalmine.toml:3:32",
                "need not be asked for",
            ),
        ] {
            let message = config(text).unwrap_err();
            assert!(message.contains(place), "{text}\n{message}");
            assert!(message.contains(words), "{text}\n{message}");
            assert!(message.contains('^'), "{text}\n{message}");
        }
    }
}
