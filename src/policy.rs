//! Decisions: pure functions from facts to a plan, a verdict or refusals. No I/O, nothing async; every function is
//! tested with a table.

pub mod aftermath;
pub mod config;
pub mod evidence;
pub mod forward;
pub mod history;
pub mod memory;
pub mod post_mortem;
pub mod promotion;
pub mod resolution;
pub mod rollback;
pub mod staging;
pub mod toml_file;
