//! The smoke suite: the file, an answer against an expectation, observations to a verdict.

pub mod assess;
pub mod cookies;
pub mod faults;
pub mod init;
pub mod judge;
pub mod stream;
pub mod suite;
pub mod tenants;
pub mod twins;
pub mod values;
