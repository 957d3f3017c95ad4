//! Decisions: pure functions from facts to a plan, a verdict or refusals. No I/O, nothing async; every function is
//! tested with a table.

pub mod aftermath;
pub mod assess;
pub mod config;
pub mod evidence;
pub mod faults;
pub mod forward;
pub mod history;
pub mod judge;
pub mod memory;
pub mod post_mortem;
pub mod promotion;
pub mod release_document;
pub mod resolution;
pub mod rollback;
pub mod smoke_file;
pub mod staging;
pub mod strict_json;
pub mod tenants;
pub mod toml_file;
