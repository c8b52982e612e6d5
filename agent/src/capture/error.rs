//! Why capture can't do what it was asked: what, why, and the next step.

use std::io;

/// Why no source of windows can be opened.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A number in the options is out of range.
    #[error("`capture.{key}` is {value}; it must be from {low} to {high}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// What it says.
        value: u64,
        /// The least that it may say.
        low: u64,
        /// The most.
        high: u64,
    },
    /// Keys of the camera contradict each other.
    #[error("`capture.camera.{key}` {problem}")]
    Camera {
        /// The key.
        key: &'static str,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The model takes neither picture nor sound.
    #[error(
        "the model takes neither picture nor sound, so there is nothing to capture; evaluate it on a reference set"
    )]
    NothingToCapture,
    /// `source = "replay"` without a set.
    #[error("`capture.source` is \"replay\" but no reference set is named; set `capture.replay.set` or use --replay")]
    NoSetNamed,
    /// The set can't be replayed.
    #[error("the reference set can't be replayed: {0}")]
    Replay(#[source] edgeval_calibration::SetError),
    /// A thread couldn't be started.
    #[error("the {0} thread can't be started: {1}; is the board out of memory or threads?")]
    Thread(&'static str, #[source] io::Error),
}

/// Why a camera can't be used, for the moment or at all.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// There is no such node.
    #[error("camera {0} isn't there; plug it in, or see `edgeval devices` for those that are")]
    Absent(String),
    /// We may not open it.
    #[error("camera {0} may not be opened; add edgeval's user to the group that owns it (usually `video`)")]
    Forbidden(String),
    /// Another program has it.
    #[error("camera {0} is busy: another program uses it; stop that one (`fuser -v {0}` shows it)")]
    Busy(String),
    /// The name isn't one of a V4L2 device.
    #[error("{0} isn't a V4L2 device; name a camera that `edgeval devices` lists")]
    NotVideo(String),
    /// The planes of its pictures lie apart.
    #[error(
        "camera {device} ({card}) is multi-planar, which edgeval doesn't speak; use a single-planar node of it, \
         or a command that reads it (docs/cameras.md)"
    )]
    MultiPlanar {
        /// Its node.
        device: String,
        /// What it calls itself.
        card: String,
    },
    /// It doesn't capture: an output, a metadata node, a codec.
    #[error("{device} ({card}) isn't a camera that can stream: {reason}; name one that `edgeval devices` lists")]
    NotCapture {
        /// Its node.
        device: String,
        /// What it calls itself.
        card: String,
        /// What it lacks.
        reason: &'static str,
    },
    /// None of its formats is one of ours, or it doesn't have the one that was asked for.
    #[error("camera {device} offers {offered}; edgeval was asked for {wanted}. {step}")]
    NoFormat {
        /// Its node.
        device: String,
        /// What it has.
        offered: String,
        /// What was asked for.
        wanted: String,
        /// What to do.
        step: &'static str,
    },
    /// It gave a shape that no picture has.
    #[error("camera {device} gave {given}, which can't be used: {reason}; ask for another size or format")]
    BadFormat {
        /// Its node.
        device: String,
        /// What it gave.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It delivers nothing.
    #[error("camera {0} delivered nothing for {1} s; is it connected, and is there a signal?")]
    Silent(String, u64),
    /// It went away.
    #[error("camera {0} went away; it is opened again when it is back")]
    Gone(String),
    /// The command can't be started.
    #[error("camera command `{program}` can't be started: {reason}; install it, or mend `capture.camera.command`")]
    NotStarted {
        /// Its program.
        program: String,
        /// What the system said.
        reason: io::Error,
    },
    /// The command ended, or closed its output.
    #[error("camera command `{program}` {how}{said}")]
    Ended {
        /// Its program.
        program: String,
        /// How it ended.
        how: String,
        /// Its last words.
        said: String,
    },
    /// The command gives no frames.
    #[error("camera command `{program}` gave no whole frame for {seconds} s ({bytes} bytes came){said}")]
    Stuck {
        /// Its program.
        program: String,
        /// For how long.
        seconds: u64,
        /// What came in the place of frames.
        bytes: u64,
        /// Its last words.
        said: String,
    },
    /// The command's pictures have another size than the configuration says.
    #[error(
        "camera command `{program}` sends pictures of {}×{}, the configuration says {}×{}; make `width` and `height` \
         and the command's arguments the same", sent.0, sent.1, configured.0, configured.1
    )]
    OtherSize {
        /// Its program.
        program: String,
        /// Width and height as sent.
        sent: (usize, usize),
        /// Width and height as configured.
        configured: (usize, usize),
    },
    /// Anything else that the driver said.
    #[error("camera {device}: {what} failed: {reason}")]
    Driver {
        /// Its node.
        device: String,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        reason: io::Error,
    },
}

/// Errors that the system gives a name, as Linux numbers them.
mod errno {
    pub const NO_SUCH_DEVICE_OR_ADDRESS: i32 = 6;
    pub const BUSY: i32 = 16;
    pub const NO_SUCH_DEVICE: i32 = 19;
    pub const NOT_A_TERMINAL: i32 = 25;
}

impl CameraError {
    /// What the system said about trying `what` on `device`, in words that help.
    #[must_use]
    pub fn driver(device: &str, what: &'static str, reason: io::Error) -> Self {
        let device = device.to_owned();
        match (reason.kind(), reason.raw_os_error()) {
            (io::ErrorKind::NotFound, _) => Self::Absent(device),
            (io::ErrorKind::PermissionDenied, _) => Self::Forbidden(device),
            (io::ErrorKind::TimedOut, _) => Self::Silent(device, super::v4l2::TIME_OUT.as_secs()),
            (_, Some(errno::BUSY)) => Self::Busy(device),
            (_, Some(errno::NO_SUCH_DEVICE | errno::NO_SUCH_DEVICE_OR_ADDRESS)) => Self::Gone(device),
            (_, Some(errno::NOT_A_TERMINAL)) => Self::NotVideo(device),
            _ => Self::Driver { device, what, reason },
        }
    }

    /// Whether the same device would say the same again until somebody changes something.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::NotVideo(_)
                | Self::MultiPlanar { .. }
                | Self::NotCapture { .. }
                | Self::NoFormat { .. }
                | Self::NotStarted { .. }
                | Self::OtherSize { .. }
        )
    }
}

/// Why a microphone can't be used, for the moment or at all.
#[derive(Debug, thiserror::Error)]
pub enum MicrophoneError {
    /// There is no such device.
    #[error("microphone {0} isn't there; plug it in, or see `edgeval devices` for those that are")]
    Absent(String),
    /// Another program has it.
    #[error("microphone {0} is busy: another program uses it; stop that one, or name a device that can be shared")]
    Busy(String),
    /// We may not open it.
    #[error("microphone {0} may not be opened; add edgeval's user to the group `audio`")]
    Forbidden(String),
    /// It has no format that we speak.
    #[error(
        "microphone {device} offers {offered}; edgeval was asked for {wanted}. Name plughw: instead of hw:, or another rate"
    )]
    NoFormat {
        /// Its id.
        device: String,
        /// What it has.
        offered: String,
        /// What was asked for.
        wanted: String,
    },
    /// It delivers nothing.
    #[error("microphone {0} delivered nothing for {1} s; is it connected, and is anything playing into it?")]
    Silent(String, u64),
    /// Anything else that the sound system said.
    #[error("microphone {device}: {reason}")]
    Driver {
        /// Its id.
        device: String,
        /// What the sound system said.
        reason: cpal::Error,
    },
}

impl MicrophoneError {
    /// What the sound system said about `device`, in words that help.
    #[must_use]
    pub fn driver(device: &str, reason: cpal::Error) -> Self {
        let device = device.to_owned();
        match reason.kind() {
            cpal::ErrorKind::DeviceNotAvailable | cpal::ErrorKind::HostUnavailable => Self::Absent(device),
            cpal::ErrorKind::DeviceBusy => Self::Busy(device),
            cpal::ErrorKind::PermissionDenied => Self::Forbidden(device),
            _ => Self::Driver { device, reason },
        }
    }
}
