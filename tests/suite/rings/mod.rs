//! Rings: a release reaches its tenants step by step, and earns each step.

mod approvals;
mod back;
mod fixture;
mod fleet;
mod kills;
mod steps;
