//! The last mile of container releases, as a library in nine floors.
//!
//! | floor | holds | may not |
//! |---|---|---|
//! | [`base`] | exit codes, secrets, hostile text, spans of time | know what a release is |
//! | [`model`] | the names and facts of a release | read, write, tell the time |
//! | [`policy`] | decisions: facts in, plan or refusals out | do I/O, be async |
//! | [`io`] | every effect: registry, files, clock, environment, terminal | decide |
//! | [`ledger`] | what the registry remembers: releases, evidence, history | move a tag that is deployed |
//! | [`engine`] | reads images, moves a tag, verifies it, puts it back | know a command line or a configuration |
//! | [`tool`] | one folder or file per binary: read, decide, act | print, format, exit |
//! | [`report`] | outcomes as text, JSON and GitHub files' content | open files, use `io` |
//! | [`cli`] | the composition root | know a rule about releases |
//!
//! A module uses only floors that stand above it in this table; `tests/suite/architecture.rs` keeps it so.
//! The binaries and what they promise are described in `docs/`.

pub mod base;
pub mod cli;
pub mod engine;
pub mod io;
pub mod ledger;
pub mod model;
pub mod policy;
pub mod report;
pub mod tool;
