//! The camera's thread: gets frames from a device or a command, picks those that windows want, and starts over after
//! any error.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::Receiver;
use serde::Deserialize;

use super::back_off::BackOff;
use super::command::Command;
use super::error::{CameraError, CaptureError};
use super::picker::{Picked, Picker};
use super::pixel::{self, Layout, Matrix, PixelFormat};
use super::relay::{Relay, relay};
use super::status::{Status, pause};
use super::windower::Grid;
use super::{CameraHealth, SkewMode, v4l2};
use crate::clock::Moment;

/// Frames that wait to be fetched; each belongs to another window.
const FRAMES_WAITING: usize = 4;
/// Brightness values that wait to be fetched: four seconds at 60 Hz.
const LIGHTS_WAITING: usize = 256;
const DEFAULT_DEVICE: &str = "/dev/video0";

/// `[capture.camera]`: which camera, and what is asked of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// A device, or a command that writes frames.
    pub source: Source,
    /// The device node, /dev/video0 where none is named; a link in /dev/v4l/by-id keeps its name.
    pub device: Option<String>,
    /// The command: a program and its arguments, without a shell.
    pub command: Vec<String>,
    /// Width in pixels, 1 to 8192: asked of a device, told of a command.
    pub width: u32,
    /// Height in pixels, 1 to 8192: asked of a device, told of a command.
    pub height: u32,
    /// Frames a second that are asked of a device, 1 to 1000. A command is paced by what it is.
    pub frame_rate_hz: u32,
    /// YUYV, UYVY, NV12, I420, RGB24, BGR24, MJPEG or GREY, or V4L2's four characters for it. Without it, the first of
    /// these that the device has; a command needs it.
    pub format: Option<String>,
    /// Bytes from one row of a command's raw frames to the next, at most 65,536; as many as a row has where none is said.
    pub stride_bytes: Option<u32>,
    /// Which YUV a command's raw frames are; BT.601 where none is said.
    pub matrix: Option<Matrix>,
    /// Whether luminance in a command's raw frames uses 0 to 255; 16 to 235 where nothing is said, but GREY all.
    pub full_range: Option<bool>,
    /// A command that gives no frame for so many seconds is ended and started anew, 1 to 3600.
    pub time_out_s: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: Source::V4l2,
            device: None,
            command: Vec::new(),
            width: 640,
            height: 480,
            frame_rate_hz: 30,
            format: None,
            stride_bytes: None,
            matrix: None,
            full_range: None,
            time_out_s: 10,
        }
    }
}

impl Options {
    /// The device node.
    #[must_use]
    pub fn device(&self) -> &str {
        self.device.as_deref().unwrap_or(DEFAULT_DEVICE)
    }
}

/// Where frames come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A V4L2 device.
    V4l2,
    /// A child process's standard output.
    Command,
}

/// Where frames come from, once the options have been found to make sense.
enum Input {
    Device(Options),
    Command(Command),
}

impl Input {
    fn new(options: &Options) -> Result<Self, CaptureError> {
        let only_a_commands = [
            ("command", !options.command.is_empty()),
            ("stride_bytes", options.stride_bytes.is_some()),
            ("matrix", options.matrix.is_some()),
            ("full_range", options.full_range.is_some()),
        ];
        match (options.source, only_a_commands.into_iter().find(|(_, is_set)| *is_set)) {
            (Source::Command, _) => Command::new(options).map(Self::Command),
            (Source::V4l2, None) => Ok(Self::Device(options.clone())),
            (Source::V4l2, Some((key, _))) => {
                let problem = "is for a command, and the camera is a V4L2 device; set `capture.camera.source` to \
                               \"command\", or leave it out";
                Err(CaptureError::Camera { key, problem: problem.to_owned() })
            }
        }
    }

    /// The device node, or the command's program.
    fn name(&self) -> &str {
        match self {
            Self::Device(options) => options.device(),
            Self::Command(command) => command.program(),
        }
    }

    fn stream(&self, sink: &mut Sink, stop: &AtomicBool) -> Result<(), CameraError> {
        match self {
            Self::Device(options) => v4l2::stream(options, sink, stop),
            Self::Command(command) => command.stream(sink, stop),
        }
    }
}

/// A frame as the camera gave it, cut to what it used.
#[derive(Clone, Debug)]
pub struct RawFrame {
    /// How to read it.
    pub layout: Layout,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// How bright a frame was, 0 to 255, and when.
pub type Light = (Moment, f32);

/// A camera's thread and what comes from it.
pub struct Camera {
    /// Frames, each for another window; the oldest go when nobody fetches them.
    pub frames: Receiver<Picked<RawFrame>>,
    /// Every frame's brightness, where it is wanted and cheap.
    pub lights: Receiver<Light>,
    /// How it is.
    pub shared: Arc<Shared>,
    /// Its thread.
    pub thread: JoinHandle<()>,
}

/// Counters and state that the thread keeps and others read.
#[derive(Debug)]
pub struct Shared {
    status: Status,
    frames: AtomicU64,
    dropped: AtomicU64,
    /// Frames that couldn't be used; who decodes counts here too.
    pub damaged: AtomicU64,
    clock_uncertainty_us: AtomicI64,
}

/// Stands for a clock that isn't ours.
const UNKNOWN_CLOCK: i64 = -1;

impl Shared {
    /// A copy for others.
    #[must_use]
    pub fn health(&self) -> CameraHealth {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (device, format, state, reconnects) = self.status.read();
        CameraHealth {
            device,
            format,
            state,
            frames: count(&self.frames),
            dropped: count(&self.dropped),
            damaged: count(&self.damaged),
            reconnects,
            clock_uncertainty_us: u64::try_from(self.clock_uncertainty_us.load(Ordering::Relaxed)).ok(),
        }
    }
}

/// Starts the thread. It runs until `stop` is set.
///
/// # Errors
/// When the options contradict each other, or the system starts no thread.
pub fn start(options: &Options, grid: Grid, skew: SkewMode, stop: Arc<AtomicBool>) -> Result<Camera, CaptureError> {
    let input = Input::new(options)?;
    let shared = Arc::new(Shared {
        status: Status::new(input.name()),
        frames: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
        damaged: AtomicU64::new(0),
        clock_uncertainty_us: AtomicI64::new(UNKNOWN_CLOCK),
    });
    let (frame_relay, frames) = relay(FRAMES_WAITING);
    let (light_relay, lights) = relay(LIGHTS_WAITING);
    let picker = Picker::new(grid);
    let sink = Sink { skew, shared: Arc::clone(&shared), picker, frames: frame_relay, lights: light_relay };
    let thread = std::thread::Builder::new()
        .name("camera".to_owned())
        .spawn(move || run(&input, sink, &stop))
        .map_err(|error| CaptureError::Thread("camera", error))?;
    Ok(Camera { frames, lights, shared, thread })
}

fn run(input: &Input, mut sink: Sink, stop: &AtomicBool) {
    let mut back_off = BackOff::new();
    while !stop.load(Ordering::Relaxed) {
        let before = sink.shared.frames.load(Ordering::Relaxed);
        let Err(error) = input.stream(&mut sink, stop) else { return };
        if sink.shared.frames.load(Ordering::Relaxed) > before {
            back_off.succeeded();
        }
        let wait = back_off.failed(error.is_lasting());
        sink.shared.status.failed(&error);
        // A node that wasn't there is waited for; one that is there but fails gets its time.
        let absent = matches!(error, CameraError::Absent(_));
        pause(wait, stop, || absent && Path::new(input.name()).exists());
    }
}

/// Where frames go, whatever they come from.
pub struct Sink {
    skew: SkewMode,
    shared: Arc<Shared>,
    picker: Picker<RawFrame>,
    frames: Relay<Picked<RawFrame>>,
    lights: Relay<Light>,
}

impl Sink {
    /// Says what delivers, and what its stamps' mapping to CLOCK_MONOTONIC leaves uncertain, where that is known.
    pub fn running(&self, device: String, format: String, clock_uncertainty_us: Option<i64>) {
        self.shared.status.running(device, format);
        self.shared.clock_uncertainty_us.store(clock_uncertainty_us.unwrap_or(UNKNOWN_CLOCK), Ordering::Relaxed);
    }

    /// Counts a frame.
    pub fn captured(&self) {
        self.shared.frames.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts frames that the camera took and didn't deliver.
    pub fn missed(&self, frames: u64) {
        self.shared.dropped.fetch_add(frames, Ordering::Relaxed);
    }

    /// Counts a frame that can't be used.
    pub fn damaged(&self) {
        self.shared.damaged.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a frame in; it is copied if a window wants it.
    pub fn take(&mut self, layout: Layout, bytes: &[u8], stamp: Moment) {
        if let Some(light) = self.brightness(&layout, bytes) {
            self.lights.send((stamp, light));
        }
        if let Some(picked) = self.picker.offer(stamp, || RawFrame { layout, bytes: bytes.to_vec() }) {
            self.missed(self.frames.send(picked));
        }
    }

    fn brightness(&self, layout: &Layout, bytes: &[u8]) -> Option<f32> {
        match (self.skew, layout.format) {
            (SkewMode::Off, _) => None,
            (SkewMode::Always, PixelFormat::Mjpg) => {
                pixel::decode(layout, bytes).ok().as_ref().map(pixel::picture_brightness)
            }
            _ => pixel::brightness(layout, bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_away_is_said_and_does_not_keep_us_from_stopping() {
        let stop = Arc::new(AtomicBool::new(false));
        let options = Options { device: Some("/dev/no-such-camera".to_owned()), ..Options::default() };
        let camera = start(&options, Grid::new(500, 1000), SkewMode::Auto, Arc::clone(&stop)).unwrap();
        let deadline = Moment::now().shifted(5_000_000_000);
        let said = || matches!(camera.shared.health().state, crate::capture::SensorState::Retrying(reason) if reason.contains("no-such-camera"));
        while !said() && Moment::now() < deadline {
            std::thread::yield_now();
        }
        assert!(said());
        stop.store(true, Ordering::Relaxed);
        camera.thread.join().unwrap();
    }
}
