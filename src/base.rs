//! Ground floor: what any careful command needs, with no knowledge of registries or releases.

pub mod complaint;
pub mod diagnostic;
pub mod duration;
pub mod exit;
pub mod list;
pub mod redact;
pub mod secret;
pub mod shell;
pub mod text;
