//! A registry with a past, as one operation of the fault matrix finds it: made once, put back before each case.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use coalmine::policy::history::History;
use coalmine_sandbox::registry::{Access, Bearer, User};
use coalmine_sandbox::{Auth, Image, Setup, sha256};
use serde_json::json;

use super::{Done, Fixture, IMAGES, ONE, Program, THREE, TWO, release};

/// The commit that was live before `ONE`: what a stale read shows.
pub(crate) const ZERO: &str = "0000000dddd0000000000000000000000000dddd";
/// The only password of these registries.
pub(crate) const PASSWORD: &str = "s3cr3t/pass+word=7";
/// A program that has not ended by now never will: deadline, putting back and records take under a minute.
const STUCK: Duration = Duration::from_secs(120);

/// What is done to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Operation {
    /// `publish-staging TWO`, with a record.
    Publish,
    /// `promote-latest TWO` from `ONE`, with records and evidence in a file.
    Promote,
    /// The same by tags alone.
    PromoteByTags,
    /// `rollback-latest ONE` from `TWO`, with records: it has to leave a hold.
    Rollback,
    /// `rollback-latest --previous` by tags alone.
    RollbackByTags,
    /// `rollback-latest ONE` from `TWO`, after a clean-up deleted the history.
    RollbackLost,
    /// The same by somebody who names one image of two: it is refused, whatever breaks.
    RollbackPart,
    /// The same where `TWO` added an image, which stays.
    RollbackAdded,
    /// The same where `TWO` dropped an image, which stands at `ONE` and is not named.
    RollbackDropped,
}

impl Operation {
    pub(crate) const ALL: [Self; 5] =
        [Self::Publish, Self::Promote, Self::PromoteByTags, Self::Rollback, Self::RollbackByTags];

    /// Rollbacks whose set of images or history is not what one expects.
    pub(crate) const SETS: [Self; 4] =
        [Self::RollbackLost, Self::RollbackPart, Self::RollbackAdded, Self::RollbackDropped];

    /// Whether it is a rollback that leaves a hold.
    pub(crate) fn holds(self) -> bool {
        self == Self::Rollback || (Self::SETS.contains(&self) && self != Self::RollbackPart)
    }

    /// How many of the images `sha` has.
    fn images(self, sha: &str) -> usize {
        match self {
            Self::RollbackAdded if sha == ZERO || sha == ONE => 1,
            Self::RollbackDropped if sha == TWO => 1,
            _ => IMAGES.len(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Promote => "promote",
            Self::PromoteByTags => "promote by tags",
            Self::Rollback => "rollback",
            Self::RollbackByTags => "rollback by tags",
            Self::RollbackLost => "history lost",
            Self::RollbackPart => "partial list",
            Self::RollbackAdded => "image added",
            Self::RollbackDropped => "image dropped",
        }
    }

    /// Whether it keeps records.
    pub(crate) fn records(self) -> bool {
        !matches!(self, Self::PromoteByTags | Self::RollbackByTags)
    }

    /// What is live before it.
    pub(crate) fn before(self) -> &'static str {
        match self {
            Self::Publish | Self::Promote | Self::PromoteByTags => ONE,
            _ => TWO,
        }
    }

    /// What its tag is to name after it.
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            Self::Publish | Self::Promote | Self::PromoteByTags => TWO,
            _ => ONE,
        }
    }
}

/// Digest by repository and tag.
pub(crate) type Tags = BTreeMap<(String, String), String>;

/// The images of a commit, built once.
#[derive(Clone)]
struct Built {
    images: [Image; 2],
    digests: Vec<Option<String>>,
}

/// A registry with a past, and a folder with all that an operation needs.
pub(crate) struct Scenario {
    pub(crate) fixture: Fixture,
    pub(crate) operation: Operation,
    tags: Tags,
    /// What tags were before: a stale read shows it.
    older: Tags,
    past: History,
    built: BTreeMap<&'static str, Built>,
}

impl Scenario {
    /// `ZERO`, `ONE` and `TWO` are there, and the one before `operation` is live.
    pub(crate) fn new(operation: Operation) -> Self {
        let access = Access { users: vec![User::new("robot", PASSWORD)], anonymous_pull: false };
        let auth = if operation.records() {
            Auth::Bearer(Bearer { access, ..Bearer::default() })
        } else {
            Auth::Basic(access)
        };
        let fixture = Fixture::with(Setup { auth, ..Setup::default() });
        if operation.records() {
            fixture.configure("");
        }
        let built = [ZERO, ONE, TWO, THREE].map(|sha| {
            let images = release(sha);
            let digests = images.iter().map(|image| Some(image.digest().to_owned())).collect();
            (sha, Built { images, digests })
        });
        let mut built = BTreeMap::from(built);
        // What does not move stands where the other release left it.
        for (sha, other) in [(ZERO, TWO), (ONE, TWO), (TWO, ONE)] {
            let stays = built[other].digests[operation.images(sha)..].to_vec();
            let own: &mut Built = built.get_mut(sha).expect("a commit that was built");
            own.digests.truncate(operation.images(sha));
            own.digests.extend(stays);
        }
        let mut scenario = Self {
            fixture,
            operation,
            tags: Tags::new(),
            older: Tags::new(),
            past: History::default(),
            built,
        };
        for sha in [ZERO, ONE, TWO] {
            scenario.prepare(sha);
            let now = scenario.now();
            let moved =
                scenario.tags.iter().filter(|(name, digest)| now.get(*name).is_some_and(|d| d != *digest));
            let moved: Tags = moved.map(|(name, digest)| (name.clone(), digest.clone())).collect();
            scenario.older.extend(moved);
            scenario.tags = now;
        }
        if operation == Operation::RollbackLost {
            for tag in scenario.fixture.registry.tags(IMAGES[0]) {
                if tag.starts_with("release-history") {
                    scenario.fixture.registry.delete_tag(IMAGES[0], &tag).expect("a tag that is there");
                }
            }
            scenario.tags = scenario.now();
        }
        scenario.past = crate::support::invariants::history(&scenario).1;
        scenario.reset();
        scenario
    }

    /// Adds `THREE`, published and proven: what somebody else promotes at the same time.
    pub(crate) fn with_another(mut self) -> Self {
        self.prepare(THREE);
        self.tags = self.now();
        self.reset();
        self
    }

    /// Publishes and promotes `sha`, as far as it belongs to the past of the operation.
    fn prepare(&self, sha: &'static str) {
        let future = sha == TWO && self.operation == Operation::Publish;
        let live = sha != THREE && (sha != TWO || self.operation.before() == TWO);
        self.layouts(sha);
        if !self.operation.records() {
            self.fixture.stage(sha);
        } else if !future {
            self.publish(sha).run().code(0);
        }
        if live {
            let program = self.naming(self.program("promote-latest"), self.operation.images(sha));
            program.args([sha, "--no-require"]).run().code(0);
        }
        let verdict = self.fixture.path(&format!("green-{sha}.json"));
        std::fs::write(verdict, self.verdict(sha).to_string()).expect("a file in the temporary folder");
    }

    fn layouts(&self, sha: &str) {
        for (i, image) in self.built[sha].images.iter().enumerate() {
            let layout = self.fixture.path(&format!("{sha}-{i}"));
            image.write_layout(&layout, Some("build")).expect("a layout in the temporary folder");
        }
    }

    fn publish(&self, sha: &str) -> Program {
        let images = self.fixture.repositories().into_iter().enumerate().take(self.operation.images(sha));
        let arguments = images.map(|(i, repository)| format!("--image={repository}=oci:{sha}-{i}"));
        let program = self.naming(self.program("publish-staging"), self.operation.images(sha));
        program.arg(sha).args(arguments)
    }

    /// The same for somebody who names the first images only.
    fn naming(&self, program: Program, images: usize) -> Program {
        program.env("RELEASE_IMAGES", &self.fixture.repositories()[..images].join(","))
    }

    fn verdict(&self, sha: &str) -> serde_json::Value {
        let images: Vec<serde_json::Value> = (self.fixture.repositories().iter())
            .zip(self.digests(sha))
            .map(|(repository, digest)| json!({ "repository": repository, "digest": digest }))
            .collect();
        let finished = coalmine::io::clock::now().to_string();
        json!({ "format": 1, "tool": "canary-smoke", "verdict": "green", "exit_code": 0, "sha": sha, "images": images,
                "proves_build": true, "suite": { "file": "smoke.toml", "sha256": sha256(b"suite")[7..] }, "finished": finished })
    }

    /// A binary with the credentials of this registry, in its folder.
    pub(crate) fn program(&self, binary: &str) -> Program {
        let program = self.fixture.run(binary).env("REGISTRY_USERNAME", "robot");
        program.env("REGISTRY_PASSWORD", PASSWORD).env("USER", "ann")
    }

    /// The operation, with every request told.
    pub(crate) fn command(&self, deadline: &str) -> Program {
        let evidence = format!("green-{TWO}.json");
        let program = match self.operation {
            Operation::Publish => self.publish(TWO),
            Operation::Promote => self.program("promote-latest").args([TWO, "--evidence", &evidence]),
            Operation::PromoteByTags => self.program("promote-latest").args([TWO, "--no-require"]),
            Operation::Rollback => self.program("rollback-latest").args([ONE, "--reason", "it lost mail"]),
            Operation::RollbackByTags => self.program("rollback-latest").arg("--previous"),
            sets => {
                let program = self.program("rollback-latest").args([ONE, "--reason", "it lost mail"]);
                let named = if sets == Operation::RollbackPart { 1 } else { sets.images(TWO) };
                self.naming(program, named)
            }
        };
        program.args(["-vv", "--deadline", deadline]).with_result()
    }

    /// Puts the registry and the folder back to how they were made.
    pub(crate) fn reset(&self) {
        self.fixture.registry.clear_rules();
        let _ = std::fs::remove_file(self.fixture.path("result.json"));
        if self.operation == Operation::Publish {
            self.forget_the_future();
        }
        self.restore(&self.tags);
        self.fixture.registry.clear_log();
    }

    /// Points every tag where `tags` says, each by way of what it was before.
    pub(crate) fn restore(&self, tags: &Tags) {
        let registry = &self.fixture.registry;
        for (repository, tag) in self.now().keys().filter(|key| !tags.contains_key(*key)) {
            registry.delete_tag(repository, tag).expect("a tag that is there");
        }
        let move_tag = |name: &(String, String), digest: &str| {
            registry.move_tag(&name.0, &name.1, digest).expect("a digest that is there");
        };
        let now = self.now();
        tags.iter()
            .filter(|(name, digest)| now.get(*name) != Some(*digest))
            .for_each(|(n, d)| move_tag(n, d));
        // A stale read shows the past of the operation, and nothing of the case before this one.
        registry.forget_previous();
        for (name, digest) in tags {
            if let Some(older) = self.older.get(name).filter(|older| *older != digest) {
                move_tag(name, older);
                move_tag(name, digest);
            }
        }
    }

    /// Every tag of the images, seen from outside.
    pub(crate) fn now(&self) -> Tags {
        let registry = &self.fixture.registry;
        let all = IMAGES.iter().flat_map(|name| registry.tags(name).into_iter().map(move |tag| (*name, tag)));
        all.filter_map(|(name, tag)| {
            let digest = registry.digest_of(name, &tag)?;
            Some(((name.to_owned(), tag), digest))
        })
        .collect()
    }

    /// Deletes what an earlier case published of `TWO`.
    fn forget_the_future(&self) {
        let registry = &self.fixture.registry;
        for (i, name) in IMAGES.iter().enumerate() {
            let (old, new) = (&self.built[ONE].images[i], &self.built[TWO].images[i]);
            let manifests = new.children().iter().map(|child| child.digest.as_str()).chain([new.digest()]);
            manifests.for_each(|digest| drop(registry.delete_manifest(name, digest)));
            for blob in new.blobs().iter().filter(|blob| !old.blobs().iter().any(|b| b.digest == blob.digest))
            {
                let _ = registry.delete_blob(name, &blob.digest);
            }
        }
    }

    /// The digests of a commit's images.
    pub(crate) fn digests(&self, sha: &str) -> &[Option<String>] {
        &self.built[sha].digests
    }

    /// The history as it was when the scenario was made.
    pub(crate) fn past(&self) -> &History {
        &self.past
    }

    /// Whether everything that `digest` names is there.
    pub(crate) fn is_whole(&self, image: usize, digest: &str) -> bool {
        let Some(built) = self.built.values().map(|b| &b.images[image]).find(|b| b.digest() == digest) else {
            return false;
        };
        let (registry, name) = (&self.fixture.registry, IMAGES[image]);
        registry.digest_of(name, digest).is_some()
            && built.children().iter().all(|child| registry.digest_of(name, &child.digest).is_some())
            && built.blobs().iter().all(|blob| registry.blob(name, &blob.digest).is_some())
    }
}

/// Runs a program to its end; one that never ends is killed, and is an error.
pub(crate) fn run_bounded(program: Program, folder: &Path) -> Result<Done, String> {
    let child = program.spawn();
    let (pid, result) = (child.id(), folder.join("result.json"));
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(Done::of(child, result)));
    receiver.recv_timeout(STUCK).map_err(|_| {
        super::programs::send_signal(pid, "-KILL");
        format!("not done within {STUCK:?}")
    })
}
