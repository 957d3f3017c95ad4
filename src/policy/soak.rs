//! What a soak's measurements prove: limits, the false-alarm budget, and the verdict of each tick.

pub mod clock;
pub mod counters;
pub mod judge;
pub mod power;
pub mod preflight;
pub mod recovery;
pub mod spending;
pub mod state;
pub mod statistics;
pub mod suite;

#[cfg(test)]
mod simulation;
