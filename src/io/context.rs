//! What a tool may touch.

use super::console::Console;
use super::env::Env;
use super::stop::Stop;

/// The effects of one run, made by `cli` and handed to the tool.
pub struct Context {
    /// The environment, as it was when the run began.
    pub env: Env,
    /// The story on stderr, and the secrets it must not tell.
    pub console: Console,
    /// Whether the run was asked to stop.
    pub stop: Stop,
}
