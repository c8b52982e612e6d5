//! The loopback card's playback side, and the sounds of a schedule on it.

use std::io::Write;

use alsa::pcm::{Access, Format, HwParams, PCM, State};
use alsa::{Direction, ValueOr};
use anyhow::Context;

use crate::clock::now_ms;
use crate::schedule::Entry;
use crate::sound::{self, RATE_HZ};

const DEVICE: &str = "plughw:CARD=Loopback,DEV=0";
const BUFFER_FRAMES: i64 = RATE_HZ as i64 / 5;
const PERIOD_FRAMES: i64 = RATE_HZ as i64 / 50;
/// How long silence goes on after the last sound, so that all of it is heard.
const TAIL_MS: f64 = 400.0;
/// How fast the mapping from samples to time follows what the card says, as a share of each new reading.
const FOLLOW: f64 = 0.05;

/// A sound that waits for its moment.
struct Waiting {
    entry: u32,
    at_ms: f64,
    samples: Vec<i16>,
}

/// When the samples that are written are heard.
struct Mapping {
    written: u64,
    zero_ms: Option<f64>,
}

impl Mapping {
    const fn new() -> Self {
        Self { written: 0, zero_ms: None }
    }

    /// When the next sample will be heard, in milliseconds of CLOCK_MONOTONIC. `delay_frames` are still before it.
    fn next_ms(&mut self, delay_frames: i64) -> f64 {
        let offset_ms = self.written as f64 * 1e3 / f64::from(RATE_HZ);
        let reading = now_ms() + delay_frames as f64 * 1e3 / f64::from(RATE_HZ) - offset_ms;
        let zero_ms = self.zero_ms.map_or(reading, |zero_ms| zero_ms + FOLLOW * (reading - zero_ms));
        self.zero_ms = Some(zero_ms);
        zero_ms + offset_ms
    }
}

/// Plays the sounds of a schedule, each from the sample that is heard at its moment.
///
/// # Errors
/// When the card can't be used or a sound can't be read.
pub fn play(entries: &[Entry], start_ms: f64) -> anyhow::Result<()> {
    let mut waiting = load(entries, start_ms)?;
    let end_ms = waiting.last().map_or(0.0, |last| last.at_ms + last.samples.len() as f64 * 1e3 / f64::from(RATE_HZ));
    waiting.reverse();
    let card = open().with_context(|| format!("can't play to {DEVICE}"))?;
    let io = card.io_i16()?;
    let mut mapping = Mapping::new();
    let mut playing: Vec<i16> = Vec::new();
    let mut heard_ms = now_ms();
    while heard_ms < end_ms + TAIL_MS {
        heard_ms = mapping.next_ms(if card.state() == State::Running { card.delay()? } else { mapping.written as i64 });
        let mut piece = vec![0; PERIOD_FRAMES as usize];
        take(&mut playing, &mut piece, 0);
        while let Some(next) = waiting.pop_if(|next| next.at_ms < heard_ms + piece_ms()) {
            let place = ((next.at_ms - heard_ms).max(0.0) * f64::from(RATE_HZ) / 1e3).round() as usize;
            let place = place.min(piece.len() - 1);
            log(next.entry, heard_ms + place as f64 * 1e3 / f64::from(RATE_HZ));
            playing = next.samples;
            take(&mut playing, &mut piece, place);
        }
        match io.writei(&piece) {
            Ok(frames) => mapping.written += frames as u64,
            Err(error) => {
                println!(r#"{{"kind":"underrun","at_ms":{:.3}}}"#, now_ms());
                card.try_recover(error, true)?;
                mapping = Mapping::new();
            }
        }
    }
    Ok(())
}

fn piece_ms() -> f64 {
    PERIOD_FRAMES as f64 * 1e3 / f64::from(RATE_HZ)
}

/// Every entry's sound that isn't past, in the order of time.
fn load(entries: &[Entry], start_ms: f64) -> anyhow::Result<Vec<Waiting>> {
    let now = now_ms();
    let mut waiting = entries
        .iter()
        .filter(|entry| start_ms + entry.sound_ms > now)
        .map(|entry| {
            Ok(Waiting { entry: entry.number, at_ms: start_ms + entry.sound_ms, samples: sound::open(&entry.sound)? })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    waiting.sort_by(|one, other| one.at_ms.total_cmp(&other.at_ms));
    Ok(waiting)
}

/// Moves as many samples as fit into the piece, from `place` on. A new sound ends the one before.
fn take(playing: &mut Vec<i16>, piece: &mut [i16], place: usize) {
    let space = &mut piece[place..];
    let count = playing.len().min(space.len());
    space.fill(0);
    space[..count].copy_from_slice(&playing[..count]);
    playing.drain(..count);
}

fn open() -> alsa::Result<PCM> {
    let card = PCM::new(DEVICE, Direction::Playback, false)?;
    {
        let wanted = HwParams::any(&card)?;
        wanted.set_channels(1)?;
        wanted.set_rate(RATE_HZ, ValueOr::Nearest)?;
        wanted.set_format(Format::s16())?;
        wanted.set_access(Access::RWInterleaved)?;
        wanted.set_buffer_size_near(BUFFER_FRAMES)?;
        wanted.set_period_size_near(PERIOD_FRAMES, ValueOr::Nearest)?;
        card.hw_params(&wanted)?;
        // It starts when the buffer is full, so that nothing is late from the first sample on.
        let software = card.sw_params_current()?;
        software.set_start_threshold(BUFFER_FRAMES - PERIOD_FRAMES)?;
        card.sw_params(&software)?;
    }
    Ok(card)
}

fn log(entry: u32, heard_ms: f64) {
    println!(r#"{{"kind":"sound","entry":{entry},"at_ms":{heard_ms:.3}}}"#);
    let _ = std::io::stdout().flush();
}
