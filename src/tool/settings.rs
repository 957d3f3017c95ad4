//! What a run is about: the command line, the environment and `coalmine.toml`, put together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::Failure;
use super::options::{MoveOptions, RegistryOptions};
use crate::base::shell::quoted;
use crate::engine::target::Target;
use crate::io::clock;
use crate::io::context::Context;
use crate::io::env::{Env, items};
use crate::io::files;
use crate::io::registry::client::{Access, Client};
use crate::model::image::{Images, NotImages};
use crate::model::record::Kind;
use crate::model::repository::{Registry, Repository};
use crate::model::tag::Tag;
use crate::policy::config::{self, Config, Hooks};
use crate::policy::rings::Rings;
use crate::policy::toml::TomlFile;

/// Where a configuration is looked for when none is named.
const PLACES: [&str; 2] = ["coalmine.toml", ".github/coalmine.toml"];

/// Everything a registry binary has to know before it sends its first request.
#[derive(Clone, Debug)]
pub struct Settings {
    pub target: Target,
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
    /// Bound on the whole command.
    pub deadline: Duration,
    /// Registries that plain HTTP was asked for.
    pub plain_http: Vec<Registry>,
    pub file: Option<PathBuf>,
    /// Whether the configuration file names the repository that keeps the records.
    pub has_home: bool,
    /// The images that belong together by the configuration file, if it says so.
    pub configured: Option<Images>,
}

impl Settings {
    /// Puts together what is asked for. Images of the command line outrank RELEASE_IMAGES, which outrank the file.
    pub fn find(options: &RegistryOptions, images: &[Repository], env: &Env) -> Result<Self, Failure> {
        Self::find_if_named(options, images, env)?.ok_or_else(|| usage(NotImages::Empty.to_string()))
    }

    /// The same for a promotion or rollback, which may be told to move another tag.
    pub fn of_move(options: &MoveOptions, env: &Env) -> Result<Self, Failure> {
        Ok(Self::find(&options.registry, &options.images.images, env)?.on_tag(options.to.as_ref()))
    }

    /// [`Settings::find`]; `None` if no images are named anywhere.
    pub fn find_if_named(
        options: &RegistryOptions,
        images: &[Repository],
        env: &Env,
    ) -> Result<Option<Self>, Failure> {
        let (config, file) = read_config(options.place.config.as_deref(), env)?;
        let named = if !images.is_empty() {
            Some(Images::new(images.to_vec()))
        } else if let Some(list) = env.get("RELEASE_IMAGES") {
            let list = items(list).map(str::parse).collect::<Result<_, _>>();
            Some(Images::new(list.map_err(|e| usage(format!("RELEASE_IMAGES: {e}")))?))
        } else {
            config.images.clone().map(Ok)
        };
        let Some(images) = named else { return Ok(None) };
        let images = images.map_err(|e| usage(e.to_string()))?;
        let has_home = config.home.is_some();
        let mut settings = Self {
            target: Target {
                home: config.records.then(|| config.home.unwrap_or_else(|| images.first().clone())),
                images,
                staging: config.staging,
                tag: config.latest,
                dry_run: options.dry_run,
                options: String::new(),
                repeated: String::new(),
            },
            require: config.require,
            evidence_max_age: config.evidence_max_age,
            hold: config.hold,
            hooks: config.hooks,
            rings: config.rings,
            deadline: options.deadline,
            plain_http: options.place.plain_http.clone(),
            file,
            has_home,
            configured: config.images,
        };
        settings.target.options = settings.as_options(None);
        Ok(Some(settings))
    }

    /// The same, about the tag that `--to` names, where it was given.
    pub fn on_tag(mut self, tag: Option<&Tag>) -> Self {
        if let Some(tag) = tag {
            self.target.tag = tag.clone();
            self.target.options = self.as_options(Some(tag));
        }
        self
    }

    /// The options with which another command means the same configuration, tag and registries, quoted for a shell.
    fn as_options(&self, to: Option<&Tag>) -> String {
        let config = |file: &PathBuf| format!("--config {}", quoted(&file.display().to_string()));
        let mut words: Vec<String> = self.file.iter().map(config).collect();
        words.extend(to.iter().map(|tag| format!("--to {tag}")));
        words.extend(self.plain_http.iter().map(|registry| format!("--plain-http {registry}")));
        words.join(" ")
    }

    /// A client for these images, with the command's deadline.
    pub fn client<'w>(&self, context: &'w Context, access: Access) -> Result<Client<'w>, Failure> {
        let target = &self.target;
        let own = target.images.iter().chain(&target.home).map(|image| image.registry().clone()).collect();
        let until = clock::instant() + self.deadline;
        Ok(Client::new(context, access, own, self.plain_http.clone(), until)?)
    }
}

fn usage(message: String) -> Failure {
    Failure::usage(
        message,
        "give `--image REPOSITORY` for each image, or write a coalmine.toml; see docs/options.md",
    )
}

/// Reads the configuration that is named, or the one that is found; says where it is.
///
/// # Errors
/// It cannot be read, or has mistakes.
pub(crate) fn read_config(named: Option<&Path>, env: &Env) -> Result<(Config, Option<PathBuf>), Failure> {
    let named = named.map(Path::to_owned).or_else(|| env.path("COALMINE_CONFIG"));
    let found = match named {
        Some(path) => Some((files::read(&path)?, path)),
        None => {
            let mut found = None;
            for place in PLACES {
                if let Some(text) = files::read_if_there(Path::new(place))? {
                    found = Some((text, PathBuf::from(place)));
                    break;
                }
            }
            found
        }
    };
    let Some((text, path)) = found else { return Ok((Config::default(), None)) };
    let name = path.display().to_string();
    let config = config::read(&TomlFile { name: &name, text: &text })?;
    Ok((config, Some(path)))
}
