//! Man pages and shell completions, from the same definitions that the programs read their arguments with.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::{Shell, generate_to};
use coalmine::tool::{
    canary_smoke, canary_soak, fetch_bundle, promote_latest, promote_ring, publish_staging, release_status,
    ring_of, rollback_latest,
};

/// Every program that is shipped. The test below compares them with the package.
pub(crate) fn programs() -> Vec<Command> {
    vec![
        publish_staging::Args::command(),
        canary_smoke::Args::command(),
        canary_soak::Args::command(),
        promote_latest::Args::command(),
        promote_ring::Args::command(),
        ring_of::Args::command(),
        fetch_bundle::Args::command(),
        rollback_latest::Args::command(),
        release_status::Args::command(),
    ]
}

/// Writes `man/*.1` and `completions/*` below `out`.
pub(crate) fn write(out: &Path) -> io::Result<()> {
    let (man, completions) = (out.join("man"), out.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    for mut program in programs() {
        let name = program.get_name().to_owned();
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            generate_to(shell, &mut program, &name, &completions)?;
        }
        clap_mangen::generate_to(program, &man)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{programs, write};
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_program_of_the_package_is_shipped() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("the package's manifest");
        let tables = manifest.split("[[bin]]\nname = \"").skip(1);
        let bins: Vec<&str> = tables.filter_map(|table| table.split('"').next()).collect();
        let mut shipped: Vec<String> =
            programs().iter().map(|program| program.get_name().to_owned()).collect();
        let mut expected = bins.clone();
        shipped.sort();
        expected.sort_unstable();
        assert_eq!(shipped, expected, "name each [[bin]] of Cargo.toml in packaging/src/pages.rs");
    }

    #[test]
    fn pages_and_completions_name_the_options() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path()).expect("pages");
        for program in programs() {
            let name = program.get_name();
            for (file, words) in [
                (format!("man/{name}.1"), [".TH", "NAME", "format"]),
                (format!("completions/{name}.bash"), [name, "--format", "COMPREPLY"]),
                (format!("completions/_{name}"), ["#compdef", "--format", name]),
                (format!("completions/{name}.fish"), ["complete -c", "format", name]),
            ] {
                let text = fs::read_to_string(folder.path().join(&file)).expect(&file);
                assert!(words.iter().all(|word| text.contains(word)), "{file}");
            }
        }
    }
}
