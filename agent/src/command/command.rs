//! `edgeval command`: asks a board to do something, and tells what becomes of it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use edgeval_wire as wire;
use indicatif::ProgressBar;
use toml::{Table, Value};
use wire::{Address, Channel, Command, CommandName, CommandResult, CommandState, Name};

use crate::commands::signature::{PrivateKey, signed_bytes};
use crate::config;
use crate::publish::{self, Heard, Request};
use crate::report::header::unix_ms;
use crate::terminal::{self, say};

/// How long a signed command is valid where nothing is said.
const USUAL_LIFE: Duration = Duration::from_secs(300);

/// Arguments of `edgeval command`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  edgeval command status --to default/kitchen
  edgeval command bench --to default/kitchen --broker mqtts://broker.example --key key.pem
  edgeval command evaluate '{\"set\": \"av-digits\", \"quick\": true}' --to default/kitchen --key key.pem --expires 1h
  edgeval command cancel '{\"id\": \"…\"}' --to default/kitchen --key key.pem

A key: openssl genpkey -algorithm ed25519 -out key.pem, and for the boards openssl pkey -in key.pem -pubout -out commands.pem.
The command is sent again until the board is heard; it is done once, by its id. Exit status 1: refused, failed or cancelled.")]
pub struct Args {
    /// status, bench, evaluate, interval, model or cancel
    name: CommandName,
    /// Its options, as JSON
    #[arg(default_value = "{}")]
    body: String,
    /// The board, as it is in topics
    #[arg(long, value_name = "GROUP/DEVICE", value_parser = parse_address)]
    to: Address,
    /// The broker's address; the rest of [broker] comes from --config and EDGEVAL_BROKER__…
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// Configuration file of which [broker] is used
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Private ed25519 key (PEM) to sign with
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The command's id; the same one again is the same command [default: a new one]
    #[arg(long, value_parser = parse_id)]
    id: Option<Name>,
    /// How long it may be begun, such as 5m, 24h at most [default: 5m with --key, else without end]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    /// How long to wait for its end
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    wait: Duration,
    /// JSON for programs: one line for each answer
    #[arg(long)]
    json: bool,
}

fn parse_address(text: &str) -> Result<Address, String> {
    let (group, device) = text.split_once('/').ok_or("write GROUP/DEVICE, such as default/kitchen")?;
    Address::new(group, device).map_err(|error| error.to_string())
}

fn parse_id(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|error| error.to_string())
}

/// Sends a command and waits for its end.
///
/// # Errors
/// When it can't be sent, or no end was heard in time.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    // A board would say the same, later.
    Command::parse(args.name, args.body.as_bytes()).with_context(|| args.name.to_string())?;
    let broker = broker(&args)?;
    let request = request(&args)?;
    if !args.json {
        terminal::print_note(format_args!("{} {} for {}/{}", args.name, request.id, args.to.group, args.to.device));
    }
    let bar = terminal::progress(0, "waiting");
    let mut told = Ok(());
    let answer = publish::ask(&broker, &request, args.wait, |heard| {
        if told.is_ok() {
            told = tell(heard, &bar, args.json);
        }
    });
    bar.finish_and_clear();
    let answer = answer?;
    told?;
    if !args.json {
        print(&answer)?;
    }
    Ok(if answer.state == CommandState::Done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn broker(args: &Args) -> anyhow::Result<publish::Options> {
    let mut flags = Table::new();
    if let Some(url) = &args.broker {
        config::set(&mut flags, &["broker", "url"], Value::String(url.clone()));
    }
    let file = config::file(args.config.clone());
    Ok(config::load(file.as_deref(), std::env::vars(), flags)?.broker)
}

fn request(args: &Args) -> anyhow::Result<Request> {
    let name = args.name.level()?;
    let fresh = || Name::new(&uuid::Uuid::new_v4().to_string());
    let id = args.id.clone().map_or_else(fresh, Ok)?;
    let life = args.expires.or_else(|| args.key.is_some().then_some(USUAL_LIFE));
    let until = |life: Duration| unix_ms().saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX));
    let expires = life.map(|life| until(life).to_string());
    let key = args.key.as_deref().map(PrivateKey::read).transpose()?;
    let topic = args.to.topic(Channel::Command(name.clone())).to_string();
    let body = args.body.as_bytes();
    let bytes = signed_bytes(&topic, id.as_str(), expires.as_deref().unwrap_or_default(), body);
    let signature = key.map(|key| key.sign(&bytes));
    Ok(Request { address: args.to.clone(), name, id, expires, signature, body: body.to_vec() })
}

/// Says what is heard: on a terminal as a bar, for programs as it is.
fn tell(heard: &Heard, bar: &ProgressBar, json: bool) -> anyhow::Result<()> {
    match heard {
        Heard::Nobody => tracing::warn!("no board listens there now; it is asked again until one does"),
        Heard::Answer(answer) if json => say!("{}", serde_json::to_string(answer)?)?,
        Heard::Answer(answer) => {
            if let Some(wire::Progress { stage, done, of }) = &answer.progress {
                bar.set_length(*of);
                bar.set_position(*done);
                bar.set_message(stage.to_string());
            } else {
                bar.set_message(answer.state.as_str());
            }
        }
    }
    Ok(())
}

fn print(answer: &CommandResult) -> anyhow::Result<()> {
    let word = answer.state.as_str();
    let reason = answer.reason.as_ref().map_or(String::new(), |reason| format!("{} ({})", reason.text, reason.code));
    let good = answer.state == CommandState::Done;
    let word = if good { terminal::Word::Good(word) } else { terminal::Word::Bad(word) };
    let report = answer.report_id.as_ref().map_or(String::new(), |id| format!("report {id}"));
    terminal::print_verdict(&word, &[reason, report].concat())?;
    if let Some(status) = &answer.status {
        terminal::print_json(status)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(words: &[&str]) -> Args {
        Line::parse_from([&["command"], words].concat()).args
    }

    #[test]
    fn a_command_without_a_key_neither_expires_nor_is_signed() {
        let request = request(&args(&["bench", "--to", "home/pi"])).unwrap();
        assert_eq!((request.expires, request.signature, request.body), (None, None, b"{}".to_vec()));
    }

    #[test]
    fn words_that_are_no_command_are_refused_here() {
        assert!(Line::try_parse_from(["command", "reboot", "--to", "home/pi"]).is_err());
        assert!(Line::try_parse_from(["command", "bench", "--to", "home"]).is_err());
        assert!(Line::try_parse_from(["command", "bench", "--to", "home/pi", "--id", "a/b"]).is_err());
        let error = run(args(&["bench", "{\"querys\": 1}", "--to", "home/pi"])).unwrap_err();
        assert!(format!("{error:#}").contains("querys"), "{error:#}");
    }
}
