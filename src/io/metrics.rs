//! Where a soak's numbers come from: one file for each kind of source. Each asks, reads and bounds; none decides. What
//! goes wrong is a [`Failure`], never a breach.

mod answer;
pub mod command;
mod http;
pub mod json;
pub mod junit;
pub mod postgres;
pub mod prometheus;
mod sources;

pub use self::answer::{Answer, Failure};
pub use self::http::{Authorization, Http};
pub use self::sources::{Question, Sources};
