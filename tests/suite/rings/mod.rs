//! Rings: a release reaches its tenants step by step, and earns each step.

mod fixture;
mod steps;
