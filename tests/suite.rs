//! The one integration test binary: the real programs against real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "suite/architecture.rs"]
mod architecture;
#[path = "suite/budgets.rs"]
mod budgets;
#[path = "suite/cli.rs"]
mod cli;
#[path = "suite/credentials.rs"]
mod credentials;
#[path = "suite/docs.rs"]
mod docs;
#[path = "suite/duels.rs"]
mod duels;
#[path = "suite/failures.rs"]
mod failures;
#[path = "support/faults.rs"]
mod faults;
#[path = "suite/formats.rs"]
mod formats;
#[path = "suite/hooks.rs"]
mod hooks;
#[path = "suite/hostile_sources.rs"]
mod hostile_sources;
#[path = "suite/install.rs"]
mod install;
#[path = "support/invariants.rs"]
mod invariants;
#[path = "support/issue_server.rs"]
mod issue_server;
#[path = "suite/journey.rs"]
mod journey;
#[path = "suite/kills.rs"]
mod kills;
#[path = "suite/matrix.rs"]
mod matrix;
#[path = "suite/publishing.rs"]
mod publishing;
#[path = "suite/racing.rs"]
mod racing;
#[path = "suite/records.rs"]
mod records;
#[path = "suite/refusals.rs"]
mod refusals;
#[path = "suite/releasing.rs"]
mod releasing;
#[path = "suite/resources.rs"]
mod resources;
#[path = "support/runner.rs"]
mod runner;
#[path = "suite/secrets.rs"]
mod secrets;
#[path = "support/site.rs"]
mod site;
#[path = "suite/smoke/mod.rs"]
mod smoke;
#[path = "suite/status.rs"]
mod status;
#[path = "support/bench.rs"]
mod support;
#[path = "support/token_server.rs"]
mod token_server;
#[path = "support/workflow.rs"]
mod workflow;
#[path = "suite/workflows.rs"]
mod workflows;
#[path = "suite/workflows_replay.rs"]
mod workflows_replay;
