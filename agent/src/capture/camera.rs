//! The camera's thread: opens the device, streams, stamps, picks the frames that windows want, and starts over after
//! any error.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Receiver;
use serde::Deserialize;
use v4l::buffer::{Flags, Metadata, Type};
use v4l::io::mmap;
use v4l::io::traits::{CaptureStream, Stream};

use super::back_off::BackOff;
use super::error::{CameraError, CaptureError};
use super::negotiation::{self, Agreed};
use super::picker::{Picked, Picker};
use super::pixel::{self, Layout, PixelFormat};
use super::relay::{Relay, relay};
use super::status::{Status, pause};
use super::windower::Grid;
use super::{CameraHealth, SkewMode};
use crate::clock::Moment;

/// A camera that delivers nothing for this long is started anew.
pub const TIME_OUT: Duration = Duration::from_secs(2);
/// Buffers that the driver fills in turn.
const BUFFERS: u32 = 4;
/// Frames that wait to be fetched; each belongs to another window.
const FRAMES_WAITING: usize = 4;
/// Brightness values that wait to be fetched: four seconds at 60 Hz.
const LIGHTS_WAITING: usize = 256;

/// `[capture.camera]`: which camera, and what is asked of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Its device node; a link in /dev/v4l/by-id keeps its name.
    pub device: String,
    /// Width in pixels that is asked for, 1 to 8192.
    pub width: u32,
    /// Height in pixels that is asked for, 1 to 8192.
    pub height: u32,
    /// Frames a second that are asked for, 1 to 1000.
    pub frame_rate_hz: u32,
    /// YUYV, UYVY, NV12, RGB3, BGR3, MJPG or GREY; the first of these that the camera has where none is named.
    pub format: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { device: "/dev/video0".to_owned(), width: 640, height: 480, frame_rate_hz: 30, format: None }
    }
}

/// A frame as the driver gave it, cut to what it used.
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
/// When the system starts no thread.
pub fn start(options: &Options, grid: Grid, skew: SkewMode, stop: Arc<AtomicBool>) -> Result<Camera, CaptureError> {
    let shared = Arc::new(Shared {
        status: Status::new(&options.device),
        frames: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
        damaged: AtomicU64::new(0),
        clock_uncertainty_us: AtomicI64::new(UNKNOWN_CLOCK),
    });
    let (frame_relay, frames) = relay(FRAMES_WAITING);
    let (light_relay, lights) = relay(LIGHTS_WAITING);
    let worker = Worker {
        options: options.clone(),
        skew,
        stop,
        shared: Arc::clone(&shared),
        picker: Picker::new(grid),
        frames: frame_relay,
        lights: light_relay,
    };
    let thread = std::thread::Builder::new()
        .name("camera".to_owned())
        .spawn(move || worker.run())
        .map_err(|error| CaptureError::Thread("camera", error))?;
    Ok(Camera { frames, lights, shared, thread })
}

struct Worker {
    options: Options,
    skew: SkewMode,
    stop: Arc<AtomicBool>,
    shared: Arc<Shared>,
    picker: Picker<RawFrame>,
    frames: Relay<Picked<RawFrame>>,
    lights: Relay<Light>,
}

impl Worker {
    fn run(mut self) {
        let mut back_off = BackOff::new();
        while !self.stop.load(Ordering::Relaxed) {
            let before = self.shared.frames.load(Ordering::Relaxed);
            let Err(error) = negotiation::open(&self.options).and_then(|agreed| self.stream(&agreed)) else { return };
            if self.shared.frames.load(Ordering::Relaxed) > before {
                back_off.succeeded();
            }
            let wait = back_off.failed(error.is_lasting());
            self.shared.status.failed(&error);
            // A node that wasn't there is waited for; one that is there but fails gets its time.
            let absent = matches!(error, CameraError::Absent(_));
            pause(wait, &self.stop, || absent && Path::new(&self.options.device).exists());
        }
    }

    /// Streams until an error, or until it is told to stop.
    fn stream(&mut self, agreed: &Agreed) -> Result<(), CameraError> {
        let failed = |what| move |error| (what, error);
        let mut stream = mmap::Stream::with_buffers(&agreed.device, Type::VideoCapture, BUFFERS)
            .map_err(|error| CameraError::driver(&self.options.device, "reserving buffers", error))?;
        stream.set_timeout(TIME_OUT);
        let mut last_sequence = None;
        let ended = loop {
            if self.stop.load(Ordering::Relaxed) {
                break Ok(());
            }
            match stream.next().map_err(failed("reading a frame")) {
                Ok((bytes, meta)) => {
                    if last_sequence.is_none() {
                        self.announce(agreed, meta);
                    }
                    self.count_missed(last_sequence.replace(meta.sequence), meta.sequence);
                    self.take(agreed.layout, bytes, meta);
                }
                Err((what, error)) => break Err(CameraError::driver(&self.options.device, what, error)),
            }
        };
        close(stream);
        ended
    }

    fn announce(&self, agreed: &Agreed, meta: &Metadata) {
        let monotonic = is_monotonic(meta);
        let stamps = if monotonic {
            "stamped by the driver"
        } else {
            "stamped on arrival: the driver's stamps are not CLOCK_MONOTONIC"
        };
        let device = format!("{} ({})", self.options.device, agreed.card);
        self.shared.status.running(device, format!("{agreed}, {stamps}"));
        // The driver's stamps are in whole microseconds of our own clock.
        self.shared.clock_uncertainty_us.store(if monotonic { 1 } else { UNKNOWN_CLOCK }, Ordering::Relaxed);
    }

    /// Drivers number their frames: a number left out is a frame for which there was no buffer.
    fn count_missed(&self, last: Option<u32>, sequence: u32) {
        let missed = last.map_or(0, |last| sequence.wrapping_sub(last).wrapping_sub(1));
        // A number that goes back is a driver that doesn't count.
        if missed < u32::MAX / 2 {
            self.shared.dropped.fetch_add(u64::from(missed), Ordering::Relaxed);
        }
    }

    fn take(&mut self, layout: Layout, bytes: &[u8], meta: &Metadata) {
        let arrival = Moment::now();
        self.shared.frames.fetch_add(1, Ordering::Relaxed);
        // The mapping is longer than the frame.
        let used = &bytes[..bytes.len().min(meta.bytesused as usize)];
        if meta.flags.contains(Flags::ERROR) || used.is_empty() {
            self.shared.damaged.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let stamp = stamp(meta).unwrap_or(arrival);
        if let Some(light) = self.brightness(&layout, used) {
            self.lights.send((stamp, light));
        }
        if let Some(picked) = self.picker.offer(stamp, || RawFrame { layout, bytes: used.to_vec() }) {
            self.shared.dropped.fetch_add(self.frames.send(picked), Ordering::Relaxed);
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

fn is_monotonic(meta: &Metadata) -> bool {
    meta.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC
}

/// The driver's stamp, if it is CLOCK_MONOTONIC.
fn stamp(meta: &Metadata) -> Option<Moment> {
    let nanoseconds =
        meta.timestamp.sec.checked_mul(1_000_000_000)?.checked_add(meta.timestamp.usec.checked_mul(1000)?)?;
    is_monotonic(meta).then(|| Moment::from_nanoseconds(nanoseconds))
}

/// Drops a stream without the panic that v4l 0.14 has in its `Drop` for a STREAMOFF that fails with anything but ENODEV.
/// Stopping first shows whether it would: a stream that can't be stopped is forgotten, which leaks its buffers.
fn close(mut stream: mmap::Stream<'static>) {
    const NO_SUCH_DEVICE: i32 = 19;
    let stopped: io::Result<()> = stream.stop();
    if stopped.is_err_and(|error| error.raw_os_error() != Some(NO_SUCH_DEVICE)) {
        std::mem::forget(stream);
    }
}

#[cfg(test)]
mod tests {
    use v4l::timestamp::Timestamp;

    use super::*;

    #[test]
    fn only_monotonic_stamps_are_believed() {
        let meta = |flags| Metadata { flags, timestamp: Timestamp::new(12, 345_678), ..Metadata::default() };
        let expected = Some(Moment::from_nanoseconds(12_345_678_000));
        assert_eq!(stamp(&meta(Flags::TIMESTAMP_MONOTONIC | Flags::DONE)), expected);
        assert_eq!(stamp(&meta(Flags::TIMESTAMP_UNKNOWN)), None);
        assert_eq!(stamp(&meta(Flags::TIMESTAMP_COPY)), None);
    }

    #[test]
    fn a_camera_that_is_away_is_said_and_does_not_keep_us_from_stopping() {
        let stop = Arc::new(AtomicBool::new(false));
        let options = Options { device: "/dev/no-such-camera".to_owned(), ..Options::default() };
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
