//! What happens when two commands move the same tag at once: a promotion yields, a rollback insists.

pub mod converged;
pub mod reassert;
pub mod yield_to_rollback;
