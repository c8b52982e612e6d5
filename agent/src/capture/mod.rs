//! Where windows come from: camera and microphone, or a reference set played in their place.
//!
//! Each sensor has a thread that owns its device, tries it again when it goes away, and stamps what it delivers with
//! CLOCK_MONOTONIC. What needs thought is pure and takes time as an argument: [`windower`] aligns, [`clock_fit`] maps
//! clocks, [`picker`] chooses pictures, [`skew`] compares flashes with beeps. [`live`] puts them together.

mod back_off;
pub mod camera;
mod child;
mod clock_fit;
mod command;
mod error;
mod last_words;
pub mod list;
mod listener;
mod live;
pub mod microphone;
mod mono;
mod negotiation;
mod picker;
pub(crate) mod pixel;
mod relay;
pub mod replay;
mod resample;
mod ring;
mod skew;
mod sound_clock;
mod sound_history;
pub(crate) mod splitter;
mod status;
mod v4l2;
mod windower;

use std::time::Duration;

use edgeval_models::Window;
use serde::Deserialize;

pub use error::CaptureError;
pub use skew::Skew;

use crate::clock::Moment;

/// `[capture]`: where windows come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Sensors, or a reference set in their place.
    pub source: Source,
    /// Milliseconds from the start of one window to the start of the next, 20 to 60,000.
    pub hop_ms: u32,
    /// How long after a window's end a late sensor is waited for, in milliseconds, 0 to 10,000.
    pub grace_ms: u32,
    /// Whether flashes and beeps are looked for, to measure how far picture and sound are apart.
    pub skew: SkewMode,
    /// The camera.
    pub camera: camera::Options,
    /// The microphone.
    pub microphone: microphone::Options,
    /// The reference set that is played.
    pub replay: replay::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: Source::Live,
            hop_ms: 500,
            grace_ms: 300,
            skew: SkewMode::Auto,
            camera: camera::Options::default(),
            microphone: microphone::Options::default(),
            replay: replay::Options::default(),
        }
    }
}

/// What stands at the beginning of the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Camera and microphone.
    Live,
    /// A reference set.
    Replay,
}

/// Whether the skew between picture and sound is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SkewMode {
    /// Where each picture's brightness can be had without decoding it: every format but MJPG.
    Auto,
    /// In any format; each MJPG frame is then decoded, which costs processor time.
    Always,
    /// Never.
    Off,
}

/// What the model wants of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Whether it looks.
    pub picture: bool,
    /// The sample rate at which it listens, if it does.
    pub sound_sample_rate_hz: Option<u32>,
    /// A window's length in milliseconds.
    pub window_ms: u32,
}

/// Delivers windows. One thread asks; the sensors run on their own.
pub trait WindowSource: Send {
    /// The next window, or why there is none within `timeout`.
    fn next(&mut self, timeout: Duration) -> Next;

    /// How the sensors are, at this moment.
    fn health(&self) -> Health;
}

/// What [`WindowSource::next`] found.
#[derive(Debug)]
pub enum Next {
    /// A window.
    Window(Box<CapturedWindow>),
    /// Time is up; the caller looks at its stop flag and asks again.
    Nothing,
    /// The replay has ended.
    Finished,
    /// A sample of a replayed set can't be used, and why.
    Failed(String),
}

/// A window with when it was, and what making it took.
#[derive(Clone, Debug)]
pub struct CapturedWindow {
    /// What was seen and heard. A sensor that is away is `None`.
    pub window: Window,
    /// When it began.
    pub start: Moment,
    /// When it ended.
    pub end: Moment,
    /// Work spent making it: decode, convert, resample.
    pub capture: Duration,
    /// The picture's stamp minus the window's centre, in microseconds.
    pub image_offset_us: Option<i64>,
    /// What a replayed window really shows.
    pub truth: Option<Truth>,
}

/// Which sample of the replayed set a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    /// Its position in the set.
    pub sample: usize,
}

/// How the sensors are. Counters run since the source was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// The camera; `None` when nothing asked for pictures.
    pub camera: Option<CameraHealth>,
    /// The microphone; `None` when nothing asked for sound.
    pub microphone: Option<MicrophoneHealth>,
    /// How far picture and sound are apart.
    pub skew: Skew,
    /// Windows left out because the one before took too long to answer.
    pub windows_skipped: u64,
    /// Windows for which no sensor had anything.
    pub windows_empty: u64,
}

impl Health {
    /// A replay has no sensors.
    #[must_use]
    pub fn replayed() -> Self {
        let skew = Skew::NotMeasured("a replayed reference set has no sensors".to_owned());
        Self { camera: None, microphone: None, skew, windows_skipped: 0, windows_empty: 0 }
    }
}

/// Whether a sensor delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SensorState {
    /// It delivers.
    Running,
    /// It failed or is away, for this reason, and is tried again.
    Retrying(String),
}

/// The camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraHealth {
    /// Its node and what it calls itself.
    pub device: String,
    /// What its driver gave or its command is said to give: format, size, rate, stamps; empty before it first ran.
    pub format: String,
    /// Whether it delivers.
    pub state: SensorState,
    /// Frames captured.
    pub frames: u64,
    /// Frames lost: left out by the driver, or given up because newer ones came. What a command leaves out isn't known.
    pub dropped: u64,
    /// Frames that the driver marked as faulty, that a command broke off, or that couldn't be decoded.
    pub damaged: u64,
    /// Times that it came back.
    pub reconnects: u64,
    /// What its stamps' mapping to CLOCK_MONOTONIC leaves uncertain, in microseconds. `None`: it stamps on another
    /// clock or not at all, so frames are stamped on arrival.
    pub clock_uncertainty_us: Option<u64>,
}

/// The microphone. A sample frame is one sample of every channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MicrophoneHealth {
    /// Its id and what it calls itself.
    pub device: String,
    /// What its driver gave: sample format, rate, channels; empty before it first ran.
    pub format: String,
    /// Whether it delivers.
    pub state: SensorState,
    /// Sample frames captured.
    pub frames: u64,
    /// Times that the driver or the ring had no room.
    pub overruns: u64,
    /// Sample frames lost by that.
    pub frames_dropped: u64,
    /// Holes in the sound, whatever made them; windows have silence there.
    pub gaps: u64,
    /// Times that it came back.
    pub reconnects: u64,
    /// What the mapping of its clock to CLOCK_MONOTONIC leaves uncertain (95 %), in microseconds. `None`: too little
    /// was heard yet.
    pub clock_uncertainty_us: Option<u64>,
}

/// Opens what the options name. A sensor that is away is no error: it is tried again, and [`Health`] says why.
///
/// # Errors
/// When the options make no sense, or the reference set can't be replayed.
pub fn open(options: &Options, needs: &Needs) -> Result<Box<dyn WindowSource>, CaptureError> {
    match options.source {
        Source::Live => Ok(Box::new(live::Live::start(options, needs)?)),
        Source::Replay => open_replay(&options.replay, needs),
    }
}

fn open_replay(options: &replay::Options, needs: &Needs) -> Result<Box<dyn WindowSource>, CaptureError> {
    let folder = options.set.as_deref().ok_or(CaptureError::NoSetNamed)?;
    let set = edgeval_calibration::ReferenceSet::open(folder).map_err(CaptureError::Replay)?;
    let window = Duration::from_millis(u64::from(needs.window_ms));
    Ok(Box::new(replay::Replay::new(set, options, window).map_err(CaptureError::Replay)?))
}
