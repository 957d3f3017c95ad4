//! A registry with a release or two, and the binaries run against it in a clean environment.

use std::path::{Path, PathBuf};

use coalmine_sandbox::{Image, Registry, Setup};
use tempfile::TempDir;

use super::programs::{Done, Program};

/// The images of the release in these tests; the second one is an index of two platforms.
pub(crate) const IMAGES: [&str; 2] = ["acme/platform", "acme/platform-tenant"];
/// Three commits.
pub(crate) const ONE: &str = "1111111aaaa0000000000000000000000000aaaa";
pub(crate) const TWO: &str = "2222222bbbb0000000000000000000000000bbbb";
pub(crate) const THREE: &str = "3333333cccc0000000000000000000000000cccc";

/// A sandbox registry and a folder.
pub(crate) struct Fixture {
    pub(crate) registry: Registry,
    pub(crate) folder: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> Self {
        let registry = Registry::start(setup).expect("a registry on loopback");
        let fixture = Self { registry, folder: tempfile::tempdir().expect("a temporary folder") };
        // Most of these tests are about tags alone; those about records say so.
        fixture.configure("[release]\nrecords = false\n");
        fixture
    }

    /// Writes `coalmine.toml`.
    pub(crate) fn configure(&self, tables: &str) {
        std::fs::write(self.path("coalmine.toml"), format!("format = 1\n{tables}"))
            .expect("a file in the temporary folder");
    }

    /// A registry in which `ONE` and `TWO` are staged for both images and `:latest` is `ONE`.
    pub(crate) fn promoted() -> Self {
        let fixture = Self::new();
        fixture.stage(ONE);
        fixture.stage(TWO);
        fixture.stand_at(ONE);
        fixture.registry.clear_log();
        fixture
    }

    /// Puts the images of `sha` into the registry under their staging tags, without a request in the log.
    pub(crate) fn stage(&self, sha: &str) {
        for (repository, image) in IMAGES.iter().zip(release(sha)) {
            self.registry
                .push(repository, &format!("staging-{sha}"), &image)
                .expect("an administrative push");
        }
    }

    /// Points `:latest` of both images at `sha`, without a request in the log.
    pub(crate) fn stand_at(&self, sha: &str) {
        for (repository, image) in IMAGES.iter().zip(release(sha)) {
            self.registry.move_tag(repository, "latest", image.digest()).expect("an administrative move");
        }
    }

    /// `host:port/name` of both images.
    pub(crate) fn repositories(&self) -> Vec<String> {
        IMAGES.iter().map(|name| format!("{}/{name}", self.registry.host())).collect()
    }

    /// A binary that knows both images.
    pub(crate) fn run(&self, binary: &str) -> Program {
        Program::new(binary, self.folder.path()).env("RELEASE_IMAGES", &self.repositories().join(","))
    }

    /// Runs `publish-staging` on layouts of `sha`.
    pub(crate) fn publish(&self, sha: &str) -> Done {
        let sources = self.layouts(sha);
        let images = self.repositories().into_iter().zip(sources);
        let arguments = images.flat_map(|(repository, layout)| {
            ["--image".to_owned(), format!("{repository}=oci:{}", layout.display())]
        });
        self.run("publish-staging").arg(sha).args(arguments).run()
    }

    /// The images of `sha` as OCI layouts.
    pub(crate) fn layouts(&self, sha: &str) -> Vec<PathBuf> {
        let images = release(sha).into_iter().enumerate();
        images
            .map(|(i, image)| {
                let layout = self.folder.path().join(format!("{sha}-{i}"));
                image.write_layout(&layout, Some("build")).expect("a layout in the temporary folder");
                layout
            })
            .collect()
    }

    /// What `:latest` of both images names, as the registry itself sees it.
    pub(crate) fn latest(&self) -> Vec<Option<String>> {
        self.tag("latest")
    }

    /// What a tag of both images names, as the registry itself sees it.
    pub(crate) fn tag(&self, tag: &str) -> Vec<Option<String>> {
        IMAGES.iter().map(|name| self.registry.digest_of(name, tag)).collect()
    }

    /// How many requests with this method and reference were seen.
    pub(crate) fn seen(&self, method: &str, reference: &str) -> usize {
        self.registry
            .log()
            .iter()
            .filter(|seen| seen.method == method && seen.reference.as_deref() == Some(reference))
            .count()
    }

    /// A path in the temporary folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }
}

/// The images of a commit: a single one and an index of two platforms.
pub(crate) fn release(sha: &str) -> [Image; 2] {
    [single(sha), Image::index(sha, "platform-tenant", &["linux/amd64", "linux/arm64"])]
}

/// One image of three layers.
pub(crate) fn single(sha: &str) -> Image {
    Image::of(sha).sized_layers(&format!("{sha}-platform"), &[900, 1_000, 1_100]).build()
}

/// The digests of a commit's images.
pub(crate) fn digests(sha: &str) -> Vec<Option<String>> {
    release(sha).iter().map(|image| Some(image.digest().to_owned())).collect()
}
