//! `edgeval completions`: the script that lets a shell complete edgeval's words.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

/// Arguments of `edgeval completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  edgeval completions bash > ~/.local/share/bash-completion/completions/edgeval")]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// When standard output can't be written.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Arguments::command(), "edgeval", &mut script);
    std::io::stdout().write_all(&script).context("can't write to standard output")?;
    Ok(ExitCode::SUCCESS)
}
