//! `edgeval decode`: a message as it was published, turned into JSON that people can read.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use edgeval_wire::{Encoding, MAX_MESSAGE_BYTES, Message, MessageKind, Topic};

/// What to decode.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: mosquitto_sub -V 5 -N -C 1 -t edgeval/1/default/pi/live | edgeval decode --kind live")]
pub struct Args {
    /// The file that holds one message, JSON or postcard; - is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The topic that it was published to
    #[arg(long, conflicts_with = "kind")]
    topic: Option<Topic>,
    /// Which message it is; without this and --topic, whichever fits
    #[arg(long, value_enum)]
    kind: Option<Kind>,
}

/// The kinds of message, as words on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Availability,
    Device,
    Live,
    Report,
    Result,
}

const KINDS: [MessageKind; 5] =
    [MessageKind::Availability, MessageKind::Device, MessageKind::Live, MessageKind::Report, MessageKind::Result];

/// Decodes one message.
///
/// # Errors
/// When the bytes can't be read, or are no such message.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let bytes = read(&args.file)?;
    let kind = match (&args.topic, args.kind) {
        (Some(topic), _) => Some(kind_of(topic)?),
        (None, kind) => kind.map(Kind::wire),
    };
    let message = decode(kind, &bytes).with_context(|| args.file.display().to_string())?;
    writeln!(std::io::stdout(), "{}", message.to_json_pretty()?)?;
    Ok(ExitCode::SUCCESS)
}

/// At most one byte more than the largest message and its line end: enough to see that it is too large.
fn read(file: &PathBuf) -> anyhow::Result<Vec<u8>> {
    let named = || format!("can't read {}", file.display());
    let source: Box<dyn Read> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).with_context(named)?)
    };
    let mut bytes = Vec::new();
    source.take(MAX_MESSAGE_BYTES as u64 + 2).read_to_end(&mut bytes).with_context(named)?;
    Ok(bytes)
}

fn kind_of(topic: &Topic) -> anyhow::Result<MessageKind> {
    topic
        .channel
        .message_kind()
        .with_context(|| format!("messages to {topic} have no fixed form that could be decoded"))
}

fn decode(kind: Option<MessageKind>, bytes: &[u8]) -> anyhow::Result<Message> {
    if bytes.is_empty() {
        bail!("there is no message: not a single byte came");
    }
    if let Some(kind) = kind {
        return decode_as(kind, bytes);
    }
    let mut fitting = KINDS.into_iter().filter_map(|kind| decode_as(kind, bytes).ok());
    match (fitting.next(), fitting.next()) {
        (Some(message), None) => Ok(message),
        (None, _) => bail!("no message of edgeval fits these bytes; --kind says why one doesn't"),
        (Some(_), Some(_)) => bail!("more than one kind of message fits; say which with --topic or --kind"),
    }
}

/// Decodes one kind. Tools that print messages may have added a line end.
fn decode_as(kind: MessageKind, bytes: &[u8]) -> anyhow::Result<Message> {
    let encoding = Encoding::of_bytes(bytes);
    let error = match Message::decode(kind, encoding, bytes) {
        Ok(message) => return Ok(message),
        Err(error) => error,
    };
    let without_line_end = bytes.strip_suffix(b"\n").and_then(|bytes| Message::decode(kind, encoding, bytes).ok());
    without_line_end.ok_or(error).with_context(|| format!("not a {kind:?} message"))
}

impl Kind {
    const fn wire(self) -> MessageKind {
        match self {
            Self::Availability => MessageKind::Availability,
            Self::Device => MessageKind::Device,
            Self::Live => MessageKind::Live,
            Self::Report => MessageKind::Report,
            Self::Result => MessageKind::Result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &str = include_str!("../../wire/tests/messages/live.json");

    fn live(encoding: Encoding) -> Vec<u8> {
        Message::decode(MessageKind::Live, Encoding::Json, LIVE.as_bytes()).unwrap().encode(encoding).unwrap()
    }

    #[test]
    fn both_encodings_are_read_with_or_without_a_hint_or_a_line_end() {
        for encoding in [Encoding::Json, Encoding::Postcard] {
            for line_end in ["", "\n"] {
                let bytes = [live(encoding), line_end.into()].concat();
                for kind in [None, Some(MessageKind::Live)] {
                    let message = decode(kind, &bytes).unwrap();
                    assert_eq!(message.to_json_pretty().unwrap(), LIVE.trim_end());
                }
            }
        }
    }

    #[test]
    fn a_wrong_hint_is_said() {
        let error = decode(Some(MessageKind::Device), &live(Encoding::Json)).unwrap_err();
        let words = format!("{error:#}");
        assert!(words.contains("Device") && words.contains("board_model"), "{words}");
    }

    #[test]
    fn bytes_that_are_nothing_are_refused() {
        assert!(decode(None, b"").unwrap_err().to_string().contains("not a single byte"));
        assert!(decode(None, b"hello").unwrap_err().to_string().contains("--kind"));
    }

    #[test]
    fn a_command_has_no_fixed_form() {
        let topic: Topic = "edgeval/1/home/pi/command/bench".parse().unwrap();
        assert!(kind_of(&topic).unwrap_err().to_string().contains("command/bench"));
    }
}
