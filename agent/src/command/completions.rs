//! `edgeval completions`: the script that lets a shell complete edgeval's words.

use std::process::ExitCode;

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
/// Never; the signature is every verb's.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    clap_complete::generate(args.shell, &mut super::Arguments::command(), "edgeval", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
