//! The guards: one file each. A guard is a pure function from facts to refusals; it lists everything that speaks
//! against a promotion or rollback and never stops the other guards.

pub mod approval;
pub mod evidence;
pub mod hold;
pub mod images;
pub mod order;
pub mod record;
pub mod ring;
pub mod set;
