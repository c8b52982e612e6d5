//! The loopback card's playback side, and the sounds of a schedule on it.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

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
/// Sounds that are read ahead.
const AHEAD: usize = 4;
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

/// What is played now, and what comes.
struct Playlist {
    coming: Receiver<anyhow::Result<Waiting>>,
    next: Option<Waiting>,
    playing: VecDeque<i16>,
    entries_end: bool,
}

impl Playlist {
    /// Fills a piece whose first sample is heard at `heard_ms`. A new sound ends the one before.
    fn fill(&mut self, piece: &mut [i16], heard_ms: f64) -> anyhow::Result<()> {
        self.take(piece);
        while let Some(next) = self.due(heard_ms + piece_ms())? {
            let place = ((next.at_ms - heard_ms).max(0.0) * f64::from(RATE_HZ) / 1e3) as usize;
            let place = place.min(piece.len() - 1);
            log(next.entry, heard_ms + place as f64 * 1e3 / f64::from(RATE_HZ));
            self.playing = next.samples.into();
            self.take(&mut piece[place..]);
        }
        Ok(())
    }

    fn take(&mut self, space: &mut [i16]) {
        space.fill_with(|| self.playing.pop_front().unwrap_or(0));
    }

    /// The next sound, if it begins before `end_ms`.
    fn due(&mut self, end_ms: f64) -> anyhow::Result<Option<Waiting>> {
        if self.next.is_none() {
            match self.coming.try_recv() {
                Ok(next) => self.next = Some(next?),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.entries_end = true,
            }
        }
        Ok(self.next.take_if(|next| next.at_ms < end_ms))
    }

    fn is_over(&self) -> bool {
        self.entries_end && self.next.is_none() && self.playing.is_empty()
    }
}

/// Plays the sounds of a schedule, each from the sample that is heard at its moment.
///
/// # Errors
/// When the card can't be used or a sound can't be read.
pub fn play(entries: &[Entry], start_ms: f64) -> anyhow::Result<()> {
    let coming = load(entries, start_ms);
    let mut playlist = Playlist { coming, next: None, playing: VecDeque::new(), entries_end: false };
    let card = open().with_context(|| format!("can't play to {DEVICE}"))?;
    let io = card.io_i16()?;
    let mut mapping = Mapping::new();
    let mut tail_ms = TAIL_MS;
    while tail_ms > 0.0 {
        let delay_frames = if card.state() == State::Running { card.delay()? } else { mapping.written as i64 };
        let mut piece = vec![0; PERIOD_FRAMES as usize];
        playlist.fill(&mut piece, mapping.next_ms(delay_frames))?;
        match io.writei(&piece) {
            Ok(frames) => mapping.written += frames as u64,
            Err(error) => {
                println!(r#"{{"kind":"underrun","at_ms":{:.3}}}"#, now_ms());
                card.try_recover(error, true)?;
                mapping = Mapping::new();
            }
        }
        tail_ms -= if playlist.is_over() { piece_ms() } else { 0.0 };
    }
    Ok(())
}

fn piece_ms() -> f64 {
    PERIOD_FRAMES as f64 * 1e3 / f64::from(RATE_HZ)
}

/// Every entry's sound that isn't past, in the order of time, read a few ahead by a thread.
fn load(entries: &[Entry], start_ms: f64) -> Receiver<anyhow::Result<Waiting>> {
    let now = now_ms();
    let mut coming: Vec<Entry> = entries.iter().filter(|entry| start_ms + entry.sound_ms > now).cloned().collect();
    coming.sort_by(|one, other| one.sound_ms.total_cmp(&other.sound_ms));
    let (sender, receiver) = sync_channel(AHEAD);
    std::thread::spawn(move || {
        for entry in coming {
            let samples = sound::open(&entry.sound);
            let at_ms = start_ms + entry.sound_ms;
            // Nobody listens any more: the player has ended.
            let sent = sender.send(samples.map(|samples| Waiting { entry: entry.number, at_ms, samples }));
            if sent.is_err() {
                break;
            }
        }
    });
    receiver
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
