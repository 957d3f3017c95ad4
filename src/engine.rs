//! The engine: reads where the images stand, carries a plan out, verifies it, and puts back what it cannot finish.
//!
//! A promotion, a rollback and a ring are the same engine on another tag. It knows the images and the tag
//! ([`target::Target`]) and the history, but no command line and no configuration.

pub mod abort;
pub mod anchors;
pub mod beside;
pub mod budget;
pub mod candidates;
pub mod changes;
pub mod contention;
pub mod execute;
pub mod failure;
pub mod inspect;
pub mod mover;
pub mod overview;
pub mod resolve;
pub mod restore;
pub mod target;
pub mod verify;
