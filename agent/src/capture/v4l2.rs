//! Frames from a V4L2 device: the driver fills mapped buffers and stamps them.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use v4l::buffer::{Flags, Metadata, Type};
use v4l::io::mmap;
use v4l::io::traits::{CaptureStream, Stream};

use super::camera::{Options, Sink};
use super::error::CameraError;
use super::negotiation::{self, Agreed};
use crate::clock::Moment;

/// A camera that delivers nothing for this long is started anew.
pub const TIME_OUT: Duration = Duration::from_secs(2);
/// Buffers that the driver fills in turn.
const BUFFERS: u32 = 4;

/// Opens the device and streams until an error, or until it is told to stop.
///
/// # Errors
/// When the device can't be used, or ceases to deliver.
pub fn stream(options: &Options, sink: &mut Sink, stop: &AtomicBool) -> Result<(), CameraError> {
    let agreed = negotiation::open(options)?;
    let failed = |what| move |error| CameraError::driver(options.device(), what, error);
    let mut stream =
        mmap::Stream::with_buffers(&agreed.device, Type::VideoCapture, BUFFERS).map_err(failed("reserving buffers"))?;
    stream.set_timeout(TIME_OUT);
    let mut last_sequence = None;
    let ended = loop {
        if stop.load(Ordering::Relaxed) {
            break Ok(());
        }
        match stream.next().map_err(failed("reading a frame")) {
            Ok((bytes, meta)) => {
                if last_sequence.is_none() {
                    announce(options, &agreed, meta, sink);
                }
                sink.missed(missed(last_sequence.replace(meta.sequence), meta.sequence));
                take(&agreed, bytes, meta, sink);
            }
            Err(error) => break Err(error),
        }
    };
    close(stream);
    ended
}

fn announce(options: &Options, agreed: &Agreed, meta: &Metadata, sink: &Sink) {
    let monotonic = is_monotonic(meta);
    let stamps = if monotonic {
        "stamped by the driver"
    } else {
        "stamped on arrival: the driver's stamps are not CLOCK_MONOTONIC"
    };
    let device = format!("{} ({})", options.device(), agreed.card);
    // The driver's stamps are in whole microseconds of our own clock.
    sink.running(device, format!("{agreed}, {stamps}"), monotonic.then_some(1));
}

/// Drivers number their frames: a number left out is a frame for which there was no buffer.
fn missed(last: Option<u32>, sequence: u32) -> u64 {
    let missed = last.map_or(0, |last| sequence.wrapping_sub(last).wrapping_sub(1));
    // A number that goes back is a driver that doesn't count.
    if missed < u32::MAX / 2 { missed.into() } else { 0 }
}

fn take(agreed: &Agreed, bytes: &[u8], meta: &Metadata, sink: &mut Sink) {
    let arrival = Moment::now();
    sink.captured();
    // The mapping is longer than the frame.
    let used = &bytes[..bytes.len().min(meta.bytesused as usize)];
    if meta.flags.contains(Flags::ERROR) || used.is_empty() {
        sink.damaged();
        return;
    }
    sink.take(agreed.layout, used, stamp(meta).unwrap_or(arrival));
}

fn is_monotonic(meta: &Metadata) -> bool {
    meta.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC
}

/// Both halves of a stamp have 32 bits on 32-bit boards, where nanoseconds need 64.
fn wide(half: impl Into<i64>) -> i64 {
    half.into()
}

/// The driver's stamp, if it is CLOCK_MONOTONIC.
fn stamp(meta: &Metadata) -> Option<Moment> {
    let (seconds, microseconds) = (wide(meta.timestamp.sec), wide(meta.timestamp.usec));
    let nanoseconds = seconds.checked_mul(1_000_000_000)?.checked_add(microseconds.checked_mul(1000)?)?;
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
    fn numbers_left_out_are_frames_missed() {
        assert_eq!([missed(None, 7), missed(Some(7), 8), missed(Some(7), 10), missed(Some(7), 3)], [0, 0, 2, 0]);
        assert_eq!(missed(Some(u32::MAX), 1), 1);
    }
}
