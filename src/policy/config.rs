//! `coalmine.toml`: which images make a release, and how their tags are called.

pub(crate) mod vocabulary;

use std::time::Duration;

use crate::base::duration;
use crate::model::image::Images;
use crate::model::record::Kind;
use crate::model::repository::Repository;
use crate::model::tag::{StagingPattern, Tag};
use crate::policy::rings::{self, Rings};
use crate::policy::toml::fields::{Fields, Placed};
use crate::policy::toml::{self, Mistakes, TomlFile};

/// The configuration of a release, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The images, in order; `None`: to be given on the command line.
    pub images: Option<Images>,
    /// The repository that keeps the records; `None`: the first image's.
    pub home: Option<Repository>,
    pub staging: StagingPattern,
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
    /// The rings, if a release reaches its tenants in steps.
    pub rings: Option<Rings>,
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
            rings: None,
        }
    }
}

/// The oldest evidence that counts, unless the file says otherwise: a canary that was well yesterday says nothing
/// about a registry, a database and a token of today.
const EVIDENCE_MAX_AGE: Duration = Duration::from_secs(24 * 3_600);

/// The programs that a rollback runs, in the order of the fields; `capture` and `freeze` together, before the move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Saves what would be lost: logs, a heap dump.
    pub capture: Option<Hook>,
    /// Stops other deployments before the rollback moves anything.
    pub freeze: Option<Hook>,
    /// Makes caches forget the bad build.
    pub rotate_cache: Option<Hook>,
    /// Takes load off while production comes back.
    pub throttle: Option<Hook>,
    /// Lets deployments go on. Run only when recovery targets were watched and met.
    pub unfreeze: Option<Hook>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Program and arguments; never empty. No shell reads them.
    pub argv: Vec<String>,
    pub timeout: Duration,
    /// Variables with credentials that it asks for; `is_credential` holds for each.
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

/// Hooks never delay the move for longer than this.
pub const BEFORE_MOVE: Duration = Duration::from_secs(10);
/// How long any other hook may take, unless the file says otherwise.
const HOOK: Duration = Duration::from_secs(60);

/// Reads the text of a `coalmine.toml` into a configuration.
pub fn read(file: &TomlFile<'_>) -> Result<Config, Mistakes> {
    toml::read(file, &vocabulary::FILE, |fields| {
        let mut config = Config::default();
        if let Some(release) = fields.table("release") {
            read_release(&release, &mut config);
        }
        if let Some(rollback) = fields.table("rollback") {
            config.hold = rollback.flag("hold").unwrap_or(config.hold);
            config.hooks = read_hooks(&rollback);
        }
        let rest =
            rings::read::Rest { latest: &config.latest, staging: &config.staging, records: config.records };
        config.rings = rings::read::read(fields, &rest);
        Some(config)
    })
}

/// The JSON Schema of `coalmine.toml`, for editors.
pub fn schema() -> String {
    toml::schema::write("coalmine.toml", &vocabulary::FILE)
}

fn read_release(fields: &Fields<'_>, config: &mut Config) {
    if fields.get("images").is_some() {
        config.images = read_images(fields);
    }
    config.home = fields.parse::<Repository>("home");
    if let Some(staging) = fields.parse("staging") {
        config.staging = staging;
    }
    if let Some(latest) = fields.parse("latest") {
        config.latest = latest;
        if config.staging.sha_of(config.latest.as_str()).is_some() {
            fields.refuse(fields.place("latest"), "`latest` must not look like a staging tag", "");
        }
    }
    config.records = fields.flag("records").unwrap_or(config.records);
    config.evidence_max_age = fields.duration("evidence_max_age").unwrap_or(config.evidence_max_age);
    read_require(fields, config);
}

fn read_images(fields: &Fields<'_>) -> Option<Images> {
    let words = fields.texts("images");
    let repositories = words.iter().map(|text| fields.parsed(text)).collect::<Vec<_>>();
    let repositories = repositories.into_iter().collect::<Option<Vec<Repository>>>()?;
    fields.keep(
        Images::new(repositories).map_err(|e| fields.mistake(fields.place("images"), e.to_string(), "")),
    )
}

fn read_require(fields: &Fields<'_>, config: &mut Config) {
    if !config.records {
        config.require = Vec::new();
    }
    if fields.get("require").is_none() {
        return;
    }
    config.require = fields.texts("require").iter().filter_map(|kind| fields.parsed(kind)).collect();
    if !config.records && !config.require.is_empty() {
        fields.refuse(
            fields.place("require"),
            "`require` must be empty if `records = false`",
            "write `require = []`: without records there is no evidence that could be asked for",
        );
    }
}

fn read_hooks(fields: &Fields<'_>) -> Hooks {
    let longest = Duration::from_secs(600);
    let hook = |key: &str, limit: Duration| fields.get(key).and_then(|value| read_hook(fields, value, limit));
    Hooks {
        capture: hook("capture", BEFORE_MOVE),
        freeze: hook("freeze", longest),
        rotate_cache: hook("rotate-cache", longest),
        throttle: hook("throttle", longest),
        unfreeze: hook("unfreeze", longest),
    }
}

/// Written as `["program", "argument"]`, or as `{ run = [...], timeout = "30s" }`.
pub(crate) fn read_hook<'a>(fields: &Fields<'a>, value: &'a Placed<'a>, longest: Duration) -> Option<Hook> {
    let table = fields.as_table(value);
    let (argv, asked, env) = match &table {
        Some(table) => (table.texts("run"), table.duration("timeout"), table.texts("env")),
        None => (fields.members(value), None, Vec::new()),
    };
    let timeout = asked.unwrap_or(HOOK.min(longest));
    let argv: Vec<String> = argv.into_iter().map(|word| word.into_inner().to_owned()).collect();
    if argv.first().is_none_or(String::is_empty) {
        let hint = "write it as `[\"program\", \"argument\"]`";
        fields.refuse(value.span(), "a hook needs a program", hint);
    }
    if timeout > longest {
        let message = format!("this hook may take at most {}", duration::show(longest));
        fields.refuse(value.span(), message, "");
    }
    let (credentials, others): (Vec<_>, Vec<_>) =
        env.into_iter().partition(|name| is_credential(name.get_ref()));
    if let Some(other) = others.first() {
        let hint =
            format!("a hook inherits all variables but those with credentials: {}", CREDENTIALS.join(", "));
        fields.refuse(other.span(), "this variable need not be asked for", hint);
    }
    let credentials = credentials.into_iter().map(|name| name.into_inner().to_owned()).collect();
    Some(Hook { argv, timeout, credentials })
}

#[cfg(test)]
mod tests {
    use super::{Config, read};
    use crate::policy::toml::TomlFile;
    use std::time::Duration;

    fn config(text: &str) -> Result<Config, String> {
        read(&TomlFile { name: "coalmine.toml", text })
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
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
    fn all_mistakes_of_a_file_are_told_at_once_and_in_its_order() {
        let text = "format = 1\n[release]\nhome = 'A'\nimagess = []\nlatest = 7\n[rollback]\nhold = 1\ncapture = { run = ['x'], timeout = '1m' }\n[relaese]\n";
        let message = config(text).unwrap_err();
        for place in ["4:1", "5:10", "7:8", "9:2"] {
            assert!(message.contains(&format!("coalmine.toml:{place}")), "{message}");
        }
        let text =
            text.replace("imagess = []", "").replace("latest = 7", "latest = '-'").replace("hold = 1", "");
        let message = config(&text.replace("[relaese]", "")).unwrap_err();
        for place in ["3:8", "5:10", "8:11"] {
            assert!(message.contains(&format!("coalmine.toml:{place}")), "{message}");
        }
    }

    #[test]
    fn every_mistake_has_its_place_and_the_nearest_word() {
        for (text, place, words) in [
            ("format = 1\n[release]\nimagess = []", "coalmine.toml:3:1", "did you mean `images`?"),
            ("format = 2", "coalmine.toml:1:10", "this format is not known"),
            ("[release]", "coalmine.toml:1:1", "`format` is missing"),
            ("format = 1\nformat = 1", "coalmine.toml:2:1", "duplicate key"),
            ("format = '1'", "coalmine.toml:1:10", "expected the number 1, found the text `1`"),
            ("format = 1\n[release]\nimages = []", "coalmine.toml:3:10", "expected a list that is not empty"),
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
            (
                "format = 1\n[release]\nrequire = ['smok']",
                "coalmine.toml:3:12",
                "`preflight`, `smoke` or `soak`",
            ),
            ("format = 1\n[release]\nevidence_max_age = '24'", "coalmine.toml:3:20", "a number with a unit"),
            ("format = 1\n[rollback]\ncapture = ['']", "coalmine.toml:3:11", "needs a program"),
            (
                "format = 1\n[rollback]\ncapture = { timeout = '1s' }",
                "coalmine.toml:3:11",
                "`run` is missing",
            ),
            (
                "format = 1\n[rollback]\nfreeze = { run = ['x'], env = ['PATH'] }",
                "coalmine.toml:3:32",
                "need not be asked for",
            ),
            ("format = 1\n[rollback]\nfreeze = { rum = ['x'] }", "coalmine.toml:3:12", "did you mean `run`?"),
            ("format = 1\n[rollback]\ncapture = 'x'", "coalmine.toml:3:11", "expected a hook"),
            (
                "format = 1\n[rollback]\ncapture = []",
                "coalmine.toml:3:11",
                "expected a hook, found an empty list",
            ),
            (
                "format = 1\n[rollback]\ncapture = { run = ['x'], timeout = '1m' }",
                "coalmine.toml:3:11",
                "at most 10s",
            ),
        ] {
            let message = config(text).unwrap_err();
            assert!(message.contains(place), "{text}\n{message}");
            assert!(message.contains(words), "{text}\n{message}");
            assert!(message.contains('^'), "{text}\n{message}");
        }
    }
}
