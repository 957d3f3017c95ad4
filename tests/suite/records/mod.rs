//! The registry remembers: records, evidence, holds, history; with the referrers API and without it.

mod evidence;
mod history;
mod holds;
mod order;
