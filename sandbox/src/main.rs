//! The sandbox as a program: a registry, a fleet of tenants, an image layout.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
