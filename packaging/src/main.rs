//! Makes what a release consists of beside the programs themselves. `scripts/build-release` calls it.
//!
//! The same input gives the same bytes: entries are sorted, times are zero, owners are root.

mod archive;
mod image;
mod materials;
mod pages;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "coalmine-packaging")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the name of every program, one per line
    Programs,
    /// Write man pages and shell completions
    Pages {
        /// Folder for `man/` and `completions/`; created
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Write the CycloneDX bill of materials of what `cargo metadata` tells on stdin
    Materials {
        /// File to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Write the release archives as a container image, an OCI layout that publish-staging takes
    Image {
        /// An archive and its platform (repeatable)
        #[arg(long = "archive", value_name = "amd64|arm64=FILE", required = true)]
        archives: Vec<image::Source>,
        /// The certificates of the certification authorities, as in /etc/ssl/certs/ca-certificates.crt
        #[arg(long, value_name = "FILE")]
        certificates: PathBuf,
        /// The version, for the labels
        #[arg(long)]
        version: String,
        /// The commit, for the labels
        #[arg(long)]
        sha: String,
        /// The address of the repository, for the labels
        #[arg(long, value_name = "URL")]
        source: String,
        /// Folder of the layout; created
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Write a folder as .tar.gz, with its name as the only entry at the top
    Archive {
        /// Folder
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        /// File to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "coalmine-packaging: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> io::Result<()> {
    match command {
        Command::Programs => {
            pages::programs().iter().try_for_each(|program| writeln!(io::stdout(), "{}", program.get_name()))
        }
        Command::Pages { out } => pages::write(&out),
        Command::Materials { out } => {
            let metadata = io::read_to_string(io::stdin())?;
            std::fs::write(out, materials::of(&metadata)?)
        }
        Command::Image { archives, certificates, version, sha, source, out } => {
            let labels = image::Labels { version: &version, sha: &sha, source: &source };
            image::write(&archives, &certificates, &labels, &out)
        }
        Command::Archive { folder, out } => archive::write(&folder, &out),
    }
}
