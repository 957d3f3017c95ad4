//! The names and facts of the release world. Nothing here reads, writes or tells the time.

mod as_text;
pub mod bundle;
pub mod check;
pub mod commit;
pub mod digest;
pub mod facts;
pub mod history;
pub mod hold;
pub mod image;
pub mod key;
pub mod manifest;
pub mod measurement;
pub mod moves;
pub mod record;
pub mod reference;
pub mod refusal;
pub mod release;
pub mod repository;
pub mod soak;
pub mod source;
pub mod tag;
pub mod tenant;
pub mod verdict;
