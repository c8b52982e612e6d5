//! The video output, and the pictures of a schedule on it.
//!
//! The driver shows a frame until the next one is queued, and gives the old one back at the moment at which the new one
//! appears: its time stamp says when. So only changes are written, and each is known to the microsecond.

use std::io::Write;

use anyhow::Context;
use v4l::Device;
use v4l::buffer::Type;
use v4l::io::mmap::Stream;
use v4l::io::traits::OutputStream;
use v4l::video::Output;

use crate::clock::{now_ms, sleep_until};
use crate::picture::Picture;
use crate::schedule::Entry;

const DEVICE: &str = "/dev/video1";
/// One is shown, one is filled, and one lies ready to be fetched, without which the library wouldn't queue another.
const BUFFERS: u32 = 3;
/// How long after the last change a frame follows whose only use is that it brings the last one's stamp.
const LAST_MS: f64 = 200.0;

/// What is to appear when, in milliseconds of CLOCK_MONOTONIC. `entry` is `None` for the black between entries.
struct Change<'a> {
    at_ms: f64,
    picture: &'a str,
    entry: Option<u32>,
}

/// Shows the pictures of a schedule; those whose time is past are left out.
///
/// # Errors
/// When the output can't be used or a picture can't be read.
pub fn play(entries: &[Entry], start_ms: f64) -> anyhow::Result<()> {
    let device = Device::with_path(DEVICE).with_context(|| format!("can't open {DEVICE}"))?;
    let format = Output::format(&device).context("the output tells no format")?;
    let interval = Output::params(&device).context("the output tells no frame rate")?.interval;
    let half_frame_ms = 500.0 * f64::from(interval.numerator) / f64::from(interval.denominator);
    let (width, stride) = (format.width as usize, format.stride as usize);

    let mut stream = Stream::with_buffers(&device, Type::VideoOutput, BUFFERS)?;
    // Empty frames are black: the first is shown at once, the second when the output starts.
    stream.queue(1)?;
    stream.queue(2)?;
    let (mut frame, _) = stream.next().context("the output doesn't start")?;
    let mut before: Option<Change<'_>> = None;
    for change in changes(entries, start_ms) {
        Picture::open(change.picture)?.draw(frame, width, stride);
        // It appears with the next frame that the driver puts out, half a frame from now on average.
        sleep_until(change.at_ms - half_frame_ms);
        let (next, meta) = stream.next()?;
        if let Some(before) = before.replace(change) {
            log(&before, meta.timestamp.sec as f64 * 1e3 + meta.timestamp.usec as f64 / 1e3);
        }
        frame = next;
    }
    Ok(())
}

/// Every appearance, and a black one after each entry that no other follows at once.
fn changes(entries: &[Entry], start_ms: f64) -> Vec<Change<'_>> {
    let begins: Vec<f64> = entries.iter().map(|entry| start_ms + entry.picture_ms).collect();
    let mut changes = Vec::new();
    for (entry, &at_ms) in entries.iter().zip(&begins) {
        changes.push(Change { at_ms, picture: &entry.picture, entry: Some(entry.number) });
        let end_ms = at_ms + entry.duration_ms;
        if !begins.iter().any(|&begin| begin > at_ms && begin <= end_ms) {
            changes.push(Change { at_ms: end_ms, picture: "black", entry: None });
        }
    }
    let now = now_ms();
    changes.retain(|change| change.at_ms > now);
    changes.sort_by(|one, other| one.at_ms.total_cmp(&other.at_ms));
    let last_ms = changes.last().map(|last| last.at_ms + LAST_MS);
    changes.extend(last_ms.map(|at_ms| Change { at_ms, picture: "black", entry: None }));
    changes
}

fn log(change: &Change<'_>, shown_ms: f64) {
    let entry = change.entry.map_or("null".to_owned(), |number| number.to_string());
    println!(r#"{{"kind":"picture","entry":{entry},"at_ms":{shown_ms:.3}}}"#);
    let _ = std::io::stdout().flush();
}
