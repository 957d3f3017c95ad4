//! The workflows that others call: their rules, their documentation, and their scripts run against the sandbox.

mod buttons;
mod elsewhere;
mod login;
mod release;
mod rollback;
mod rules;
mod tables;

const RELEASE: &str = ".github/workflows/canary-release.yml";
const ROLLBACK: &str = ".github/workflows/rollback-latest.yml";
const STATUS: &str = ".github/workflows/release-status.yml";
const GATE: &str = ".github/workflows/merge-gate.yml";
