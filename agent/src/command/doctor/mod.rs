//! `edgeval doctor`: is this board fit to measure on, and what to change.

mod board;
mod check;
mod setup;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use serde::Serialize;

use self::check::{Check, Verdict};
use crate::probe::Roots;
use crate::terminal::{self, Word, say};

/// Arguments of `edgeval doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  edgeval doctor
  edgeval doctor --config /etc/edgeval/agent.toml --json
  edgeval doctor --root copied/        what a copied tree of another board says of it

Nothing is changed: what mends a finding is printed below it. Run it as the user that measures; the daemon's is `edgeval`.
Exit status: 0 all is well, or there are warnings only; 1 something failed.")]
pub struct Args {
    /// Configuration file [default: /etc/edgeval/agent.toml where it exists]
    #[arg(long, value_name = "FILE", conflicts_with = "root")]
    config: Option<PathBuf>,
    /// Look at the board alone, by a copy of its /proc, /sys, /etc, /run and /var in this folder
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// JSON for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Output {
    schema: u32,
    /// Nothing failed.
    fit: bool,
    checks: Vec<Check>,
}

/// Looks and tells.
///
/// # Errors
/// When `--root` is no folder, or standard output can't be written to.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let checks = match &args.root {
        Some(root) if !root.is_dir() => bail!("--root {}: there is no such folder", root.display()),
        Some(root) => board::checks(&Roots::under(root)),
        None => [board::checks(&Roots::default()), setup::checks(args.config.as_deref())].concat(),
    };
    let fit = checks.iter().all(|check| check.verdict != Verdict::Failed);
    let output = Output { schema: 1, fit, checks };
    if args.json {
        terminal::print_json(&output)?;
    } else {
        print(&output)?;
    }
    Ok(if fit { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(output: &Output) -> io::Result<()> {
    for Check { name, verdict, found, mend } in &output.checks {
        let word = match verdict {
            Verdict::Ok => Word::Good("ok       "),
            Verdict::Warning => Word::Doubtful("warning  "),
            Verdict::Failed => Word::Bad("failed   "),
            Verdict::NotKnown => Word::Plain("not known"),
        };
        terminal::print_verdict(&word, &format!("{name:<15} {found}"))?;
        if let Some(mend) = mend {
            say!("{:26}→ {mend}", "")?;
        }
    }
    let count = |verdict| output.checks.iter().filter(|check| check.verdict == verdict).count();
    let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
    let verdict = if output.fit { "fit to measure on" } else { "not fit to measure on" };
    terminal::print_heading(&format!("This board is {verdict}: {failed} failed, {warnings} warning(s)."))
}
