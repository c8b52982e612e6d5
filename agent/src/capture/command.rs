//! Frames from a child process: what `rpicam-vid` or `gst-launch-1.0 … ! fdsink` writes to its standard output. Cameras
//! that no V4L2 node gives, such as the ribbon cameras of a Pi or a Jetson, are reached so.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::Access;

use super::camera::{Options, Sink};
use super::child::{Child, Got};
use super::error::{CameraError, CaptureError};
use super::negotiation;
use super::pixel::{Layout, Matrix, PixelFormat};
use super::splitter::{Piece, Splitter};
use crate::clock::Moment;

/// What a pipe holds.
const PIPE_BYTES: usize = 64 * 1024;
/// The widest row, in bytes.
const LONGEST_STRIDE: u32 = 65_536;
/// How long a program that closed its output may take to end by itself, so that its own exit status is told.
const OWN_END: Duration = Duration::from_millis(500);
/// Formats by the names that other programs give them.
const FORMATS: &str = "I420, NV12, YUYV, UYVY, RGB24, BGR24, GREY or MJPEG";

/// A command that writes frames, and how to read them.
#[derive(Clone, Debug)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    layout: Layout,
    time_out: Duration,
}

impl Command {
    /// What the options say.
    ///
    /// # Errors
    /// When they lack what a command needs, or say what it can't have.
    pub fn new(options: &Options) -> Result<Self, CaptureError> {
        if options.device.is_some() {
            let problem = "is for a V4L2 device, and `capture.camera.source` is \"command\"; leave one of them out";
            return Err(refused("device", problem));
        }
        let Some((program, arguments)) = options.command.split_first().filter(|(program, _)| !program.is_empty())
        else {
            let problem = "is empty, and `capture.camera.source` is \"command\"; name the program and its arguments, \
                           such as [\"rpicam-vid\", \"--codec\", \"yuv420\", …] (docs/cameras.md)";
            return Err(refused("command", problem));
        };
        let time_out = Duration::from_secs(options.time_out_s.into());
        Ok(Self { program: program.clone(), arguments: arguments.to_vec(), layout: layout(options)?, time_out })
    }

    /// Its program, as it is named.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// What it is said to write: format and size.
    #[must_use]
    pub fn format(&self) -> (String, String) {
        let Layout { width, height, format, .. } = self.layout;
        (negotiation::name(*format.four_characters()), format!("{width}×{height}"))
    }

    /// Whether its program is there and may be started, by the rules of execvp(3).
    ///
    /// # Errors
    /// When it can't be found.
    pub fn look(&self) -> Result<(), CameraError> {
        let may_start = |path: &Path| path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok();
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let found = if self.program.contains('/') {
            may_start(Path::new(&self.program))
        } else {
            std::env::split_paths(&folders).any(|folder| may_start(&folder.join(&self.program)))
        };
        if found { Ok(()) } else { Err(self.not_started(io::Error::from(io::ErrorKind::NotFound))) }
    }

    fn not_started(&self, reason: io::Error) -> CameraError {
        CameraError::NotStarted { program: self.program.clone(), reason }
    }

    /// Starts the program and takes in its frames until an error, or until told to stop. It doesn't outlive this.
    ///
    /// # Errors
    /// When it can't be started, ends, delivers nothing for too long, or sends pictures of another size.
    pub fn stream(&self, sink: &mut Sink, stop: &AtomicBool) -> Result<(), CameraError> {
        let child = Child::start(&self.program, &self.arguments).map_err(|reason| self.not_started(reason))?;
        let splitter = Splitter::new(&self.layout);
        Run { command: self, child, splitter, sink, frames: 0, bytes: 0, last_frame: Moment::now() }.until(stop)
    }
}

fn refused(key: &'static str, problem: impl Into<String>) -> CaptureError {
    CaptureError::Camera { key, problem: problem.into() }
}

/// How the frames are to be read.
fn layout(options: &Options) -> Result<Layout, CaptureError> {
    let format = options.format.as_deref().ok_or_else(|| {
        refused("format", format!("isn't set: a command's bytes don't say what they are; name {FORMATS}"))
    })?;
    let format = PixelFormat::from_name(format)
        .ok_or_else(|| refused("format", format!("is \"{format}\", which edgeval doesn't read; name {FORMATS}")))?;
    refuse_what_the_format_lacks(options, format)?;
    let (width, height) = (options.width as usize, options.height as usize);
    let least = least_stride(format, width);
    let stride = options.stride_bytes.map_or(least, |stride| stride as usize);
    if stride < format.row_bytes(width) || stride > LONGEST_STRIDE as usize {
        let problem = format!("is {stride}; a row of {width} pixels takes {least}, and {LONGEST_STRIDE} are the most");
        return Err(refused("stride_bytes", problem));
    }
    let full_range = options.full_range.unwrap_or(format == PixelFormat::Grey);
    let matrix = options.matrix.unwrap_or(Matrix::Bt601);
    let layout = Layout { format, width, height, stride, full_range, matrix };
    layout.check().map_err(|error| refused("width", format!("and `height`: {error}")))?;
    Ok(layout)
}

/// A row without padding; pairs of colours in NV12 need an even number of bytes.
const fn least_stride(format: PixelFormat, width: usize) -> usize {
    match format {
        PixelFormat::Nv12 => width.next_multiple_of(2),
        format => format.row_bytes(width),
    }
}

fn refuse_what_the_format_lacks(options: &Options, format: PixelFormat) -> Result<(), CaptureError> {
    use PixelFormat::{Bgr, Grey, Mjpg, Rgb};
    let lacks = [
        ("stride_bytes", options.stride_bytes.is_some() && format == Mjpg, "a JPEG has no rows of bytes"),
        ("matrix", options.matrix.is_some() && matches!(format, Mjpg | Rgb | Bgr | Grey), "this format isn't raw YUV"),
        ("full_range", options.full_range.is_some() && matches!(format, Mjpg | Rgb | Bgr), "this format always has it"),
    ];
    match lacks.into_iter().find(|(_, is_wrong, _)| *is_wrong) {
        None => Ok(()),
        Some((key, _, reason)) => Err(refused(key, format!("has no meaning here: {reason}; leave it out"))),
    }
}

/// One life of the program.
struct Run<'a> {
    command: &'a Command,
    child: Child,
    splitter: Splitter,
    sink: &'a mut Sink,
    frames: u64,
    /// Bytes since the last frame.
    bytes: u64,
    last_frame: Moment,
}

impl Run<'_> {
    fn until(mut self, stop: &AtomicBool) -> Result<(), CameraError> {
        let mut buffer = vec![0; PIPE_BYTES];
        while !stop.load(Ordering::Relaxed) {
            match self.child.read(&mut buffer) {
                // A frame's stamp: the moment when its last byte was read.
                Ok(Got::Bytes(length)) => self.take(buffer.get(..length).unwrap_or_default(), Moment::now())?,
                Ok(Got::Nothing) => {}
                Ok(Got::End) => return Err(self.ended()),
                Err(reason) => {
                    let device = self.command.program.clone();
                    return Err(CameraError::Driver { device, what: "reading frames", reason });
                }
            }
            if Moment::now().since(self.last_frame) > self.command.time_out {
                return Err(self.stuck());
            }
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], stamp: Moment) -> Result<(), CameraError> {
        self.bytes += bytes.len() as u64;
        let mut input = bytes;
        let (layout, program) = (self.command.layout, &self.command.program);
        let configured = (layout.width, layout.height);
        while let Some(piece) = self.splitter.next(&mut input) {
            match piece {
                Piece::Frame { size: Some(sent), .. } if sent != configured && self.frames == 0 => {
                    return Err(CameraError::OtherSize { program: program.clone(), sent, configured });
                }
                Piece::Frame { bytes, size } if size.is_none_or(|size| size == configured) => {
                    if self.frames == 0 {
                        announce(self.command, self.sink);
                    }
                    self.sink.captured();
                    self.sink.take(layout, bytes, stamp);
                    (self.frames, self.bytes, self.last_frame) = (self.frames + 1, input.len() as u64, stamp);
                }
                _ => self.sink.damaged(),
            }
        }
        Ok(())
    }

    /// The program's end is the camera's.
    fn ended(mut self) -> CameraError {
        if self.splitter.has_begun() {
            self.sink.damaged();
        }
        let how = self.child.end(OWN_END);
        let how = format!("ended ({how}) after {} frames", self.frames);
        let said = self.child.last_words().to_string();
        CameraError::Ended { program: self.command.program.clone(), how, said }
    }

    fn stuck(mut self) -> CameraError {
        self.child.end(Duration::ZERO);
        let (seconds, bytes) = (self.command.time_out.as_secs(), self.bytes);
        let said = self.child.last_words().to_string();
        CameraError::Stuck { program: self.command.program.clone(), seconds, bytes, said }
    }
}

fn announce(command: &Command, sink: &Sink) {
    let (format, size) = command.format();
    let device = format!("command {}", command.program);
    // How long a frame was on its way here isn't known, so how far its stamp is off isn't, either.
    sink.running(device, format!("{format} {size}, stamped on arrival"), None);
}

#[cfg(test)]
mod tests;
