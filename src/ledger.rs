//! What the registry remembers: which releases were published, what was proven of them, what happened to the tags.
//! Reads and writes records; moves no tag that anybody deploys.

pub mod evidence;
pub mod history;
pub mod hold;
pub mod recall;
pub mod releases;
pub mod rings;
pub mod soak;
pub mod staged;

/// Time for writing records after a move, whatever the command's deadline says: the move is done, and what is not
/// written is only told.
pub const WRITING: std::time::Duration = std::time::Duration::from_secs(20);
