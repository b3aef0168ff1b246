//! `shipyard completions` and `shipyard man`: files for shells and for `man`, generated from the command line's
//! description.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;

use crate::output;

#[derive(clap::Args)]
pub struct Completions {
    shell: Shell,
}

#[derive(clap::Args)]
pub struct Man {
    /// Where the pages are written; it is created if it is missing
    directory: PathBuf,
}

pub fn completions(arguments: &Completions, mut command: Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "shipyard", &mut script);
    output::print(format_args!("{}", String::from_utf8(script)?));
    Ok(())
}

/// Writes a page for the program and each command.
pub fn man(arguments: &Man, command: Command) -> anyhow::Result<()> {
    let directory = &arguments.directory;
    let written = std::fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(command, directory));
    written.with_context(|| directory.display().to_string())
}
