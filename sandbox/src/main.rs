//! The sandbox as a program: a registry, a fleet of tenants, an image layout, and a demo of the main job with all of them.

mod bench;
mod cli;
mod demo;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
