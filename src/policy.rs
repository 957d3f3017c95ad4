//! Decisions: pure functions from facts to a plan, a verdict or refusals. No I/O, nothing async; every function is
//! tested with a table.

pub mod bundle;
pub mod cloud;
pub mod config;
pub mod gates;
pub mod history;
pub mod plan;
pub mod post_mortem;
pub mod release_document;
pub mod repair;
pub mod resolution;
pub mod rings;
pub mod rollback;
pub mod smoke;
pub mod soak;
pub mod staging;
pub mod strict_json;
pub mod toml;
