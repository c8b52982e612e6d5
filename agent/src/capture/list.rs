//! Which cameras and microphones there are, and why one can't be used.

use cpal::traits::{DeviceTrait, HostTrait};
use serde::Serialize;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;
use v4l::{Device, FourCC};

use super::command::Command;
use super::pixel::PixelFormat;
use super::{camera, microphone, negotiation};

/// The most sizes that are listed of one format.
const MOST_SIZES: usize = 64;

/// A camera, or what looks like one.
#[derive(Clone, Debug, Serialize)]
pub struct CameraEntry {
    /// Its node, for `capture.camera.device`; the program, where the configuration names a command.
    pub device: String,
    /// What it calls itself.
    pub card: Option<String>,
    /// The kernel driver.
    pub driver: Option<String>,
    /// Where it is plugged in.
    pub bus: Option<String>,
    /// What it gives.
    pub formats: Vec<VideoFormat>,
    /// Why it can't be used; absent when it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}

/// A camera's pixel format.
#[derive(Clone, Debug, Serialize)]
pub struct VideoFormat {
    /// V4L2's four characters.
    pub name: String,
    /// Whether edgeval reads it.
    pub understood: bool,
    /// Its sizes, such as `640×480 at 30, 15 Hz`.
    pub sizes: Vec<String>,
}

/// A microphone, or what looks like one.
#[derive(Clone, Debug, Serialize)]
pub struct MicrophoneEntry {
    /// Its id, for `capture.microphone.device`.
    pub device: String,
    /// What it calls itself.
    pub name: String,
    /// What it gives.
    pub formats: Vec<String>,
    /// Why it can't be used; absent when it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}

/// The command that the configuration names as a camera, and every /dev/video* in the order of their numbers.
#[must_use]
pub fn cameras(configured: &camera::Options) -> Vec<CameraEntry> {
    let command = (configured.source == camera::Source::Command).then(|| command_camera(configured));
    command.into_iter().chain(nodes()).collect()
}

/// It is looked for, but not started: the daemon may have it running.
fn command_camera(configured: &camera::Options) -> CameraEntry {
    let command = Command::new(configured);
    let said = match &command {
        Ok(command) => command.look().err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    let format = |(name, size)| VideoFormat { name, understood: true, sizes: vec![size] };
    CameraEntry {
        device: configured.command.first().cloned().unwrap_or_default(),
        card: Some("the command in the configuration".to_owned()),
        driver: None,
        bus: None,
        formats: command.iter().map(|command| format(command.format())).collect(),
        unusable: said,
    }
}

fn nodes() -> Vec<CameraEntry> {
    let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("video")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|number| node(format!("/dev/video{number}"))).collect()
}

fn node(device: String) -> CameraEntry {
    let mut entry = CameraEntry {
        device: device.clone(),
        card: None,
        driver: None,
        bus: None,
        formats: Vec::new(),
        unusable: None,
    };
    let open = match negotiation::open_node(&device) {
        Ok(open) => open,
        Err(error) => return CameraEntry { unusable: Some(error.to_string()), ..entry },
    };
    match open.query_caps() {
        Ok(capabilities) => {
            entry.unusable = negotiation::check_kind(&device, &capabilities).err().map(|error| error.to_string());
            (entry.card, entry.driver, entry.bus) =
                (Some(capabilities.card), Some(capabilities.driver), Some(capabilities.bus));
        }
        Err(error) => entry.unusable = Some(format!("{device} isn't a V4L2 device: {error}")),
    }
    if entry.unusable.is_none() {
        entry.formats = video_formats(&open);
        if !entry.formats.iter().any(|format| format.understood) {
            entry.unusable = Some("it has no format that edgeval reads".to_owned());
        }
    }
    entry
}

fn video_formats(device: &Device) -> Vec<VideoFormat> {
    let described = device.enum_formats().unwrap_or_default();
    let format = |fourcc: FourCC| VideoFormat {
        name: negotiation::name(fourcc.repr),
        understood: PixelFormat::from_four_characters(fourcc.repr).is_some(),
        sizes: sizes(device, fourcc),
    };
    described.into_iter().map(|description| format(description.fourcc)).collect()
}

fn sizes(device: &Device, fourcc: FourCC) -> Vec<String> {
    let sizes = device.enum_framesizes(fourcc).unwrap_or_default();
    let words = |size: FrameSizeEnum| match size {
        FrameSizeEnum::Discrete(size) => {
            format!("{}×{}{}", size.width, size.height, rates(device, fourcc, size.width, size.height))
        }
        FrameSizeEnum::Stepwise(range) => {
            let (width, height) = (range.max_width, range.max_height);
            format!(
                "{}×{} to {width}×{height}{}",
                range.min_width,
                range.min_height,
                rates(device, fourcc, width, height)
            )
        }
    };
    sizes.into_iter().take(MOST_SIZES).map(|size| words(size.size)).collect()
}

fn rates(device: &Device, fourcc: FourCC, width: u32, height: u32) -> String {
    let rate = |interval: v4l::Fraction| {
        let hz = f64::from(interval.denominator) / f64::from(interval.numerator.max(1));
        format!("{:.4}", hz).trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let intervals = device.enum_frameintervals(fourcc, width, height).unwrap_or_default();
    let words: Vec<String> = intervals
        .into_iter()
        .map(|each| match each.interval {
            FrameIntervalEnum::Discrete(interval) => rate(interval),
            FrameIntervalEnum::Stepwise(range) => format!("{} to {}", rate(range.max), rate(range.min)),
        })
        .collect();
    if words.is_empty() { String::new() } else { format!(" at {} Hz", words.join(", ")) }
}

/// Every device of the sound system that may take in sound, as cpal lists them.
#[must_use]
pub fn microphones() -> Vec<MicrophoneEntry> {
    let host = cpal::default_host();
    let listed: Vec<cpal::Device> = host.devices().map(Iterator::collect).unwrap_or_default();
    let inputs = listed.iter().filter(|device| takes_sound_in(device));
    inputs.map(microphone).collect()
}

/// A device that says that it is for output alone isn't worth a line, nor is ALSA's `null`, which hears nothing.
fn takes_sound_in(device: &cpal::Device) -> bool {
    let direction = device.description().map(|description| description.direction());
    let is_null = device.id().is_ok_and(|id| id.id() == "null");
    !is_null && direction.is_ok_and(|direction| direction != cpal::DeviceDirection::Output)
}

fn microphone(device: &cpal::Device) -> MicrophoneEntry {
    let id = device.id().map_or_else(|error| error.to_string(), |id| id.id().to_owned());
    let offered = device.supported_input_configs().map(|formats| formats.collect::<Vec<_>>());
    let unusable = match &offered {
        Ok(offered) if offered.is_empty() => Some("it has no format for taking in sound".to_owned()),
        Ok(_) => None,
        Err(error) => Some(super::error::MicrophoneError::driver(&id, error.clone()).to_string()),
    };
    let formats = microphone::summary(&offered.unwrap_or_default());
    MicrophoneEntry { device: id, name: device.to_string(), formats, unusable }
}
