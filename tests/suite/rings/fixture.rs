//! A registry with three rings, and verdicts that a release earns in them.

use coalmine_sandbox::{Setup, sha256};
use serde_json::Value;

use crate::support::records::{attach, now, published, verdict};
use crate::support::{Done, Fixture};

/// What the soaks of these rings are made with.
const GATES: &str = "# gates\n";

/// `canary`, `ring-1` and `latest`; a soak is asked for by the second, and what `more` says by the last.
pub(super) fn declare(fixture: &Fixture, more: &str) {
    std::fs::write(fixture.path("soak.toml"), GATES).unwrap();
    let tenants: String = (0..60).map(|i| format!("tenant-{i}\n")).collect();
    std::fs::write(fixture.path("tenants.txt"), tenants).unwrap();
    fixture.configure(&format!(
        "[rings]\nsalt = 'platform-2026'\ntenants = 'tenants.txt'\n\
         [[ring]]\nname = 'canary'\ntenants = ['sister']\n\
         [[ring]]\nname = 'ring-1'\npercent = 10\nmin_tenants = 3\nsoak = 'soak.toml'\n\
         [[ring]]\nname = 'latest'\npercent = 100\nsoak = 'soak.toml'\n{more}\n"
    ));
}

/// A registry in which `shas` are published and the rings are declared.
pub(super) fn with_rings(shas: &[&str], more: &str) -> Fixture {
    let fixture = published(Setup::default(), shas);
    declare(&fixture, more);
    fixture
}

/// The verdict of a soak of `sha` in `ring`.
pub(super) fn soak(fixture: &Fixture, sha: &str, ring: &str, word: &str) -> Value {
    let mut document = verdict(fixture, sha, word, &now());
    document["tool"] = "canary-soak".into();
    document["ring"] = ring.into();
    document["suite"]["sha256"] = sha256(GATES.as_bytes())[7..].into();
    document
}

/// A soak of `sha` in `ring` ended so, and its verdict is attached to the release record.
pub(super) fn soaked(fixture: &Fixture, sha: &str, ring: &str, word: &str) {
    attach(fixture, sha, &soak(fixture, sha, ring, word));
}

pub(super) fn step(fixture: &Fixture, arguments: &[&str]) -> Done {
    fixture.run("promote-ring").args(arguments).with_result().run()
}
