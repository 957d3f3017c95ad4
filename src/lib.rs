//! Moves container releases from a commit to `:latest`, and back, by digest.
//!
//! This library is what coalmine's programs are made of. Its types and functions may change with every version; what
//! users may rely on are the programs, described in `docs/`.
//!
//! # Floors
//!
//! The library has nine floors. A module uses only floors that are above it in this table, and no two files import each
//! other; `tests/suite/architecture.rs` checks both.
//!
//! | floor | contains | must not |
//! |---|---|---|
//! | [`base`] | exit codes, secrets, escaping of foreign text, durations | know what a release is |
//! | [`model`] | names and facts of a release | read, write, or ask for the time |
//! | [`policy`] | decisions: functions from facts to a plan or to refusals | do I/O, or be async |
//! | [`io`] | every effect: registry, files, processes, clock, environment, terminal | decide |
//! | [`ledger`] | what is remembered in the registry: releases, evidence, history | move a tag that is deployed |
//! | [`engine`] | reads images, moves a tag, verifies it, puts it back | know a command line or a configuration |
//! | [`tool`] | one folder or file per program: read, decide, act | print, format, or exit |
//! | [`report`] | outcomes as text, JSON, and content for GitHub's files | open files, or use `io` |
//! | [`cli`] | puts everything together | know a rule about releases |
//!
//! # One promotion, from the command line to the exit code
//!
//! 1. [`cli::main`] parses the arguments, builds an [`io::context::Context`] (clock, environment, console, signals), and
//!    runs a [`tool::Tool`], here [`tool::promote_latest::PromoteLatest`].
//! 2. The tool reads its [`tool::settings`] and makes an [`engine::target::Target`]: the images, the tag to move, and
//!    how staging tags are written.
//! 3. [`engine::inspect`] reads [`model::facts::ImageFacts`] for every image, and [`ledger`] reads what the records say.
//! 4. [`policy::plan::decide`] turns the facts into a [`model::moves::Plan`], or into every [`model::refusal::Refusal`].
//! 5. [`engine::execute`] anchors, moves and verifies. If it cannot finish, it puts back what it moved.
//! 6. [`report`] renders the outcome or the [`tool::failure::Failure`], and [`base::exit::Exit`] is the exit code.
//!
//! # Names are types
//!
//! A string is parsed once, where it enters the program. Afterwards a sha, a tag or a repository cannot be mistaken for
//! one another:
//!
//! ```
//! use coalmine::model::commit::CommitSha;
//! use coalmine::model::tag::{StagingPattern, Tag};
//!
//! let sha: CommitSha = "4c1d56e".parse().unwrap();
//! let pattern: StagingPattern = "staging-{sha}".parse().unwrap();
//! assert_eq!(pattern.tag(&sha).as_str(), "staging-4c1d56e");
//! assert_eq!(pattern.sha_of("staging-4c1d56e"), Some(sha));
//!
//! let latest: Tag = "latest".parse().unwrap();
//! assert_eq!(latest.previous().as_str(), "latest-previous"); // the anchor of a promotion
//! assert!("not a tag".parse::<Tag>().is_err());
//! ```

pub mod base;
pub mod cli;
pub mod engine;
pub mod io;
pub mod ledger;
pub mod model;
pub mod policy;
pub mod report;
pub mod tool;
