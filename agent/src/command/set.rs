//! `edgeval set`: looking after reference sets.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use edgeval_calibration::{CheckReport, ReferenceSet, Severity, check};

use crate::terminal::{self, say};

/// Groups of a key that are listed at most; the JSON has them all.
const LISTED: usize = 20;

/// Arguments of `edgeval set`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Is this reference set fit for use? Exit status 1 when it isn't
    #[command(after_help = "Examples:
  edgeval set check calibration/sets/av-digits
  edgeval set check my-pictures --json | jq .findings")]
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// Reference set: a folder with set.toml or metadata.jsonl
    set: PathBuf,
    /// JSON for programs
    #[arg(long)]
    json: bool,
}

/// Does what was asked for.
///
/// # Errors
/// When the set can't be opened at all.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Action::Check(args) = args.action;
    let set = ReferenceSet::open(&args.set)?;
    let bar = terminal::progress(set.samples().len() as u64, "checking");
    let report = check(&set, || bar.inc(1));
    bar.finish_and_clear();
    if args.json {
        terminal::print_json(&report)?;
    } else {
        print(&report)?;
    }
    Ok(if report.fit { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &CheckReport) -> io::Result<()> {
    terminal::print_heading(&format!("{} {}", report.name, report.version))?;
    say!("{}", terminal::facts(facts(report)))?;
    for finding in &report.findings {
        let word = match finding.severity {
            Severity::Error => terminal::Word::Bad("error:"),
            Severity::Warning => terminal::Word::Doubtful("warning:"),
            Severity::Note => terminal::Word::Plain("note:"),
        };
        let named =
            if finding.samples.is_empty() { String::new() } else { format!(": {}", finding.samples.join(", ")) };
        let more = finding.count.saturating_sub(finding.samples.len().max(1));
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        terminal::print_verdict(&word, &format!("{} ({}){named}{more}", finding.text, finding.code))?;
    }
    let verdict = if report.fit { terminal::Word::Good("fit for use") } else { terminal::Word::Bad("not fit for use") };
    terminal::print_verdict(&verdict, "")
}

fn facts(report: &CheckReport) -> Vec<(&str, String)> {
    let mut facts = vec![
        ("identity", report.sha256.clone()),
        ("splits", listed(&report.splits)),
        ("modalities", listed(&report.modalities)),
        ("classes", listed(&report.classes)),
    ];
    facts.extend(report.slices.iter().map(|(key, groups)| (key.as_str(), listed(groups))));
    facts
}

/// `test 400, calibration 80`: the first groups, and how many more there are.
fn listed(counts: &BTreeMap<impl AsRef<str>, usize>) -> String {
    let groups: Vec<String> =
        counts.iter().take(LISTED).map(|(name, count)| format!("{} {count}", name.as_ref())).collect();
    let more = counts.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", groups.join(", "))
}
