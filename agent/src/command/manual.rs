//! `edgeval manual`: manual pages, for packages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

/// Arguments of `edgeval manual`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  edgeval manual ~/.local/share/man/man1")]
pub struct Args {
    /// Where they go: a page for edgeval, and one for each verb
    folder: PathBuf,
}

/// Writes the pages.
///
/// # Errors
/// When the folder can't be written.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    clap_mangen::generate_to(super::Arguments::command(), folder)
        .with_context(|| format!("no manual page can be written in {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
