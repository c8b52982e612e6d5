//! `edgeval devices`: cameras, microphones and probes, and why one can't be used.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use crate::capture::list::{self, CameraEntry, MicrophoneEntry};
use crate::probe::list::ProbeEntry;
use crate::probe::{self, Roots};
use crate::terminal::{self, say};
use crate::{capture, config};

/// Arguments of `edgeval devices`.
#[derive(Debug, clap::Args)]
#[command(after_help = "What the first column shows goes into the configuration:
  [capture.camera]      device = \"/dev/video0\"
  [capture.microphone]  device = \"plughw:CARD=1,DEV=0\"
A ribbon camera of a Pi or a Jetson is reached by a command: docs/cameras.md.")]
pub struct Args {
    /// Configuration file, whose camera command is listed, too [default: /etc/edgeval/agent.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Devices {
    schema: u32,
    cameras: Vec<CameraEntry>,
    microphones: Vec<MicrophoneEntry>,
    probes: Vec<ProbeEntry>,
}

/// Lists what there is. A board without any is no error.
///
/// # Errors
/// When standard output can't be written to, or a configuration that was named can't be used.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let cameras = list::cameras(&configured(args.config)?.camera);
    let probes = probe::list::probes(&Roots::default());
    let devices = Devices { schema: 1, cameras, microphones: list::microphones(), probes };
    if args.json {
        terminal::print_json(&devices)?;
    } else {
        print_cameras(&devices.cameras)?;
        print_microphones(&devices.microphones)?;
        print_probes(&devices.probes)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the configuration says of capture. One that wasn't asked for keeps nobody from seeing the devices.
fn configured(file: Option<PathBuf>) -> anyhow::Result<capture::Options> {
    match config::load(config::file(file.clone()).as_deref(), std::env::vars(), toml::Table::new()) {
        Ok(config) => Ok(config.capture),
        Err(error) if file.is_some() => Err(error.into()),
        Err(error) => {
            tracing::warn!("the configured camera isn't listed: {error}");
            Ok(capture::Options::default())
        }
    }
}

fn print_cameras(cameras: &[CameraEntry]) -> io::Result<()> {
    terminal::print_heading("Cameras")?;
    if cameras.is_empty() {
        say!(
            "None: there is no /dev/video*. Plug in a camera, or name a command for a ribbon camera (docs/cameras.md)."
        )?;
        return Ok(());
    }
    let mut table = terminal::table(&["device", "what it is", "formats"]);
    for camera in cameras {
        let formats = camera.formats.iter().map(|format| {
            let mark = if format.understood { "" } else { " (not read by edgeval)" };
            format!("{}{mark}: {}", format.name, format.sizes.join("; "))
        });
        let what = [&camera.card, &camera.driver, &camera.bus].map(|part| part.as_deref().unwrap_or("").to_owned());
        table.add_row([camera.device.clone(), what.join("\n"), words(formats, camera.unusable.as_deref())]);
    }
    say!("{table}")
}

fn print_microphones(microphones: &[MicrophoneEntry]) -> io::Result<()> {
    terminal::print_heading("Microphones")?;
    if microphones.is_empty() {
        say!(
            "None: ALSA lists no device that takes in sound. Plug in a microphone; edgeval's user must be in the group `audio`."
        )?;
        return Ok(());
    }
    let mut table = terminal::table(&["device", "what it is", "formats"]);
    for microphone in microphones {
        let formats = words(microphone.formats.iter().cloned(), microphone.unusable.as_deref());
        table.add_row([microphone.device.clone(), microphone.name.clone(), formats]);
    }
    say!("{table}")
}

fn print_probes(probes: &[ProbeEntry]) -> io::Result<()> {
    terminal::print_heading("Probes")?;
    let mut table = terminal::table(&["probe", "what it says now"]);
    for ProbeEntry { probe, reading, unusable } in probes {
        table.add_row([probe.clone(), words(reading.iter().cloned(), unusable.as_deref())]);
    }
    say!("{table}")
}

/// The formats, a line each, or why there are none.
fn words(formats: impl Iterator<Item = String>, unusable: Option<&str>) -> String {
    unusable.map_or_else(|| formats.collect::<Vec<_>>().join("\n"), |reason| format!("can't be used: {reason}"))
}
