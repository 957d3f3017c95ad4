//! The guards of a promotion: each looks at the facts and adds a refusal for whatever speaks against it.

pub mod evidence;
pub mod memory;
pub mod order;
