//! Every effect, and nothing that decides.

pub mod bundle_folder;
pub(crate) mod child;
pub mod clock;
pub mod command;
pub(crate) mod connection;
pub mod console;
pub mod context;
pub mod env;
pub mod files;
pub mod git;
pub mod github_api;
pub mod github_files;
pub mod hooks;
pub mod metrics;
pub mod notify;
pub mod probe;
pub mod progress;
pub(crate) mod proxy;
pub(crate) mod random;
pub mod registry;
pub mod replay;
pub mod run;
pub mod source;
pub mod stop;
pub(crate) mod trees;
pub mod unpack;
