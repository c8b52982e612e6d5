//! The microphone's thread: opens the device, empties the callback's ring, maps its clock, and starts over after any
//! error.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, SampleFormat, StreamConfig, SupportedBufferSize, SupportedStreamConfigRange};
use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Deserialize;

use super::MicrophoneHealth;
use super::back_off::BackOff;
use super::clock_fit::Line;
use super::error::{CaptureError, MicrophoneError};
use super::mono;
use super::relay::{Relay, relay};
use super::ring::{Ring, Writer};
use super::sound_clock::{Placed, SoundClock};
use super::status::{Status, pause};
use crate::clock::Moment;

/// A microphone that delivers nothing for this long is started anew.
const TIME_OUT: Duration = Duration::from_secs(3);
/// How often the ring is emptied.
const EACH: Duration = Duration::from_millis(20);
/// How long the sound system's thread sleeps at most, so that it notices when it shall end.
const POLL: Duration = Duration::from_millis(500);
/// A callback is asked to bring a fiftieth of a second.
const CALLBACKS_PER_SECOND: u32 = 50;
/// Callbacks' sound that waits to be fetched: some twenty seconds.
const CHUNKS_WAITING: usize = 1024;
/// Stands for an uncertainty that isn't known yet.
const UNKNOWN: i64 = -1;
/// Rates in the order in which they are chosen: what most cards run at, so that none of ALSA's plugins resamples.
const USUAL_RATES_HZ: [u32; 2] = [48_000, 44_100];

/// `[capture.microphone]`: which microphone, and what is asked of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Its id, as `edgeval devices` lists it, such as `plughw:CARD=1,DEV=0`; the system's default where none is named.
    pub device: Option<String>,
    /// The sample rate that is asked for; a usual one of the card where none is named.
    pub sample_rate_hz: Option<u32>,
    /// The number of channels that is asked for, whose mean is taken; as few as the card has where none is named.
    pub channels: Option<u16>,
}

/// A piece of mono sound.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Changes whenever the numbering of samples starts anew.
    pub epoch: u64,
    /// The number of the first sample.
    pub first: u64,
    /// The samples.
    pub samples: Vec<f32>,
    /// The nominal sample rate.
    pub rate_hz: u32,
    /// From a sample's number to CLOCK_MONOTONIC in nanoseconds.
    pub timeline: Line,
}

/// A microphone's thread and what comes from it.
pub struct Microphone {
    /// The sound; the oldest goes when nobody fetches it.
    pub chunks: Receiver<Chunk>,
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
    overruns: Arc<AtomicU64>,
    dropped: AtomicU64,
    gaps: AtomicU64,
    clock_uncertainty_us: AtomicI64,
}

impl Shared {
    /// A copy for others.
    #[must_use]
    pub fn health(&self) -> MicrophoneHealth {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (device, format, state, reconnects) = self.status.read();
        MicrophoneHealth {
            device,
            format,
            state,
            frames: count(&self.frames),
            overruns: count(&self.overruns),
            frames_dropped: count(&self.dropped),
            gaps: count(&self.gaps),
            reconnects,
            clock_uncertainty_us: u64::try_from(self.clock_uncertainty_us.load(Ordering::Relaxed)).ok(),
        }
    }
}

/// Starts the thread. It runs until `stop` is set.
///
/// # Errors
/// When the system starts no thread.
pub fn start(options: &Options, stop: Arc<AtomicBool>) -> Result<Microphone, CaptureError> {
    let shared = Arc::new(Shared {
        status: Status::new(options.device.as_deref().unwrap_or("default")),
        frames: AtomicU64::new(0),
        overruns: Arc::default(),
        dropped: AtomicU64::new(0),
        gaps: AtomicU64::new(0),
        clock_uncertainty_us: AtomicI64::new(UNKNOWN),
    });
    let (chunk_relay, chunks) = relay(CHUNKS_WAITING);
    let worker = Worker {
        options: options.clone(),
        stop,
        shared: Arc::clone(&shared),
        chunks: chunk_relay,
        epoch: 0,
        overruns_seen: 0,
    };
    let thread = std::thread::Builder::new()
        .name("microphone".to_owned())
        .spawn(move || worker.run())
        .map_err(|error| CaptureError::Thread("microphone", error))?;
    Ok(Microphone { chunks, shared, thread })
}

struct Worker {
    options: Options,
    stop: Arc<AtomicBool>,
    shared: Arc<Shared>,
    chunks: Relay<Chunk>,
    epoch: u64,
    overruns_seen: u64,
}

/// What was agreed with the card.
struct Agreed {
    device: cpal::Device,
    name: String,
    config: StreamConfig,
    format: SampleFormat,
}

impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} Hz, {} channel(s)", self.format, self.config.sample_rate, self.config.channels)
    }
}

/// A stream that runs, and the error that ends it.
struct Running {
    stream: cpal::Stream,
    failures: Receiver<cpal::Error>,
}

impl Worker {
    fn run(mut self) {
        let mut ring = Ring::new(Arc::clone(&self.shared.overruns));
        let mut back_off = BackOff::new();
        while !self.stop.load(Ordering::Relaxed) {
            let before = self.shared.frames.load(Ordering::Relaxed);
            let Err(error) = agree(&self.options).and_then(|agreed| self.listen(&agreed, &mut ring)) else { return };
            if self.shared.frames.load(Ordering::Relaxed) > before {
                back_off.succeeded();
            }
            let wait = back_off.failed(matches!(error, MicrophoneError::NoFormat { .. }));
            self.shared.status.failed(&error);
            self.shared.clock_uncertainty_us.store(UNKNOWN, Ordering::Relaxed);
            pause(wait, &self.stop, || false);
        }
    }

    /// Listens until an error, or until it is told to stop.
    fn listen(&mut self, agreed: &Agreed, ring: &mut Ring) -> Result<(), MicrophoneError> {
        let writer = ring.writer().ok_or_else(|| MicrophoneError::Busy(agreed.name.clone()))?;
        let running = start_stream(agreed, writer, &self.shared.overruns)?;
        self.epoch += 1;
        // Said before the stream is closed: a driver that hangs may take long to close.
        self.follow(agreed, &running, ring).inspect_err(|error| self.shared.status.failed(error))
    }

    fn follow(&mut self, agreed: &Agreed, running: &Running, ring: &mut Ring) -> Result<(), MicrophoneError> {
        let mut clock = SoundClock::new(agreed.config.sample_rate);
        let mut is_heard = false;
        let mut last_heard = Moment::now();
        while !self.stop.load(Ordering::Relaxed) {
            if let Ok(error) = running.failures.try_recv() {
                return Err(MicrophoneError::driver(&agreed.name, error));
            }
            read_clocks(&running.stream, &mut clock);
            if self.empty(ring, &mut clock, agreed.config.sample_rate) {
                last_heard = Moment::now();
                if !std::mem::replace(&mut is_heard, true) {
                    self.shared.status.running(agreed.name.clone(), agreed.to_string());
                }
            }
            if Moment::now().since(last_heard) > TIME_OUT {
                return Err(MicrophoneError::Silent(agreed.name.clone(), TIME_OUT.as_secs()));
            }
            std::thread::sleep(EACH);
        }
        Ok(())
    }

    /// Passes on what is in the ring; false when there was nothing.
    fn empty(&mut self, ring: &mut Ring, clock: &mut SoundClock, rate_hz: u32) -> bool {
        let mut any = false;
        let mut samples = Vec::new();
        while let Some(stamp) = ring.read(&mut samples) {
            let overruns = self.shared.overruns.load(Ordering::Relaxed);
            let overran = std::mem::replace(&mut self.overruns_seen, overruns) != overruns;
            let placed = clock.place(&stamp, overran);
            self.epoch += u64::from(placed.starts_anew);
            self.count(samples.len(), &placed, clock);
            if let Some(timeline) = clock.timeline() {
                let samples = std::mem::take(&mut samples);
                self.chunks.send(Chunk { epoch: self.epoch, first: placed.first, samples, rate_hz, timeline });
            }
            any = true;
        }
        any
    }

    fn count(&self, frames: usize, placed: &Placed, clock: &SoundClock) {
        let Shared { frames: all, dropped, gaps, clock_uncertainty_us, .. } = &*self.shared;
        all.fetch_add(frames as u64, Ordering::Relaxed);
        dropped.fetch_add(placed.lost, Ordering::Relaxed);
        gaps.fetch_add(u64::from(placed.lost > 0 || placed.starts_anew), Ordering::Relaxed);
        let uncertainty = clock.uncertainty_us().and_then(|value| i64::try_from(value).ok());
        clock_uncertainty_us.store(uncertainty.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }
}

fn read_clocks(stream: &cpal::Stream, clock: &mut SoundClock) {
    let before = Moment::now();
    if clock.wants_reading(before) {
        let card_ns = nanoseconds(stream.now());
        clock.read_both(card_ns, before, Moment::now());
    }
}

fn nanoseconds(instant: cpal::StreamInstant) -> i64 {
    i64::try_from(instant.as_nanos()).unwrap_or(i64::MAX)
}

/// The device that the options name, and a format that it has.
fn agree(options: &Options) -> Result<Agreed, MicrophoneError> {
    let name = options.device.as_deref().unwrap_or("default");
    let device = find(options.device.as_deref())?;
    let offered: Vec<SupportedStreamConfigRange> =
        device.supported_input_configs().map_err(|error| MicrophoneError::driver(name, error))?.collect();
    let range = choose(&offered, options).ok_or_else(|| refuse(name, &offered, options))?;
    let sample_rate = choose_rate(&range, options.sample_rate_hz);
    let config =
        StreamConfig { channels: range.channels(), sample_rate, buffer_size: callback_size(&range, sample_rate) };
    let name = format!("{name} ({device})");
    Ok(Agreed { device, name, config, format: range.sample_format() })
}

fn find(id: Option<&str>) -> Result<cpal::Device, MicrophoneError> {
    let host = cpal::default_host();
    let device = match id {
        None => host.default_input_device(),
        Some(id) => {
            // Both `plughw:…` and `alsa:plughw:…` name a device.
            let id = id.strip_prefix("alsa:").unwrap_or(id);
            host.device_by_id(&cpal::DeviceId::new(host.id(), id))
        }
    };
    device.ok_or_else(|| MicrophoneError::Absent(id.unwrap_or("default").to_owned()))
}

/// What the options allow; of that few channels, then the finest samples.
fn choose(offered: &[SupportedStreamConfigRange], options: &Options) -> Option<SupportedStreamConfigRange> {
    let fits = |range: &&SupportedStreamConfigRange| {
        mono::is_understood(range.sample_format())
            && options.channels.is_none_or(|channels| channels == range.channels())
            && options.sample_rate_hz.is_none_or(|rate| range.contains_rate(rate))
    };
    let has_usual_rate =
        |range: &SupportedStreamConfigRange| USUAL_RATES_HZ.iter().any(|&rate| range.contains_rate(rate));
    let rank = |range: &SupportedStreamConfigRange| (has_usual_rate(range), std::cmp::Reverse(range.channels()));
    offered.iter().filter(fits).max_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp_default_heuristics(b))).copied()
}

fn choose_rate(range: &SupportedStreamConfigRange, wanted_hz: Option<u32>) -> u32 {
    let usual = || USUAL_RATES_HZ.into_iter().find(|&rate| range.contains_rate(rate));
    wanted_hz.or_else(usual).unwrap_or_else(|| range.max_sample_rate())
}

fn callback_size(range: &SupportedStreamConfigRange, sample_rate: u32) -> BufferSize {
    match range.buffer_size() {
        SupportedBufferSize::Range { min, max } => {
            BufferSize::Fixed((sample_rate / CALLBACKS_PER_SECOND).max(*min).min(*max))
        }
        SupportedBufferSize::Unknown => BufferSize::Default,
    }
}

fn refuse(name: &str, offered: &[SupportedStreamConfigRange], options: &Options) -> MicrophoneError {
    let rate = options.sample_rate_hz.map_or("any rate".to_owned(), |rate| format!("{rate} Hz"));
    let channels = options.channels.map_or("any number of channels".to_owned(), |count| format!("{count} channel(s)"));
    let offered = if offered.is_empty() { "no format".to_owned() } else { summary(offered).join("; ") };
    MicrophoneError::NoFormat { device: name.to_owned(), offered, wanted: format!("{rate}, {channels}, PCM") }
}

/// A line for all sample formats that have the same channels and rates.
#[must_use]
pub fn summary(offered: &[SupportedStreamConfigRange]) -> Vec<String> {
    let mut formats: Vec<SampleFormat> = offered.iter().map(SupportedStreamConfigRange::sample_format).collect();
    formats.dedup();
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for format in formats {
        let spans = spans(offered.iter().filter(|range| range.sample_format() == format));
        match lines.iter_mut().find(|(same, _)| *same == spans) {
            Some((_, names)) => names.push(format.to_string()),
            None => lines.push((spans, vec![format.to_string()])),
        }
    }
    lines.into_iter().map(|(spans, names)| format!("{}: {spans}", names.join(", "))).collect()
}

/// The channels and rates that some formats span.
fn spans<'a>(ranges: impl Iterator<Item = &'a SupportedStreamConfigRange> + Clone) -> String {
    let span = |values: &mut dyn Iterator<Item = u32>| {
        let (low, high) = values.fold((u32::MAX, 0), |(low, high), value| (low.min(value), high.max(value)));
        if low == high { low.to_string() } else { format!("{low} to {high}") }
    };
    let channels = span(&mut ranges.clone().map(|range| u32::from(range.channels())));
    let rates = span(&mut ranges.flat_map(|range| [range.min_sample_rate(), range.max_sample_rate()]));
    format!("{channels} channel(s), {rates} Hz")
}

fn start_stream(agreed: &Agreed, mut writer: Writer, overruns: &Arc<AtomicU64>) -> Result<Running, MicrophoneError> {
    let channels = usize::from(agreed.config.channels);
    let on_data = move |data: &cpal::Data, info: &cpal::InputCallbackInfo| {
        writer.write(data, channels, nanoseconds(info.timestamp().capture), Moment::now());
    };
    let (failed, failures) = bounded(1);
    let on_error = error_callback(failed, Arc::clone(overruns));
    let failed = |error| MicrophoneError::driver(&agreed.name, error);
    let stream = agreed
        .device
        .build_input_stream_raw(agreed.config, agreed.format, on_data, on_error, Some(POLL))
        .map_err(failed)?;
    stream.play().map_err(failed)?;
    Ok(Running { stream, failures })
}

/// Counts overruns, which the stream survives; passes on what ends it.
fn error_callback(failed: Sender<cpal::Error>, overruns: Arc<AtomicU64>) -> impl FnMut(cpal::Error) + Send + 'static {
    move |error| match error.kind() {
        ErrorKind::Xrun => {
            overruns.fetch_add(1, Ordering::Relaxed);
        }
        // Sound still comes, if perhaps less evenly.
        ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged => {}
        _ => {
            // When there is one already, that one ends the stream.
            let _ = failed.try_send(error);
        }
    }
}

#[cfg(test)]
mod tests;
