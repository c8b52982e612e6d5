//! The last interval, in one message: retained, QoS 0, the newest is the only one that counts.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::{Latency, Memory, Power, Processor, Quantity, Reading, Reason, Schema, Skew, Stages, Text};

/// One interval of a running agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Schema number.
    pub schema: Schema,
    /// Counts the agent's live messages since it started, from 1.
    pub sequence: u64,
    /// The interval's length.
    pub interval_ms: u64,
    /// Windows answered in the interval.
    pub windows: u64,
    /// Windows that were ready but not answered, because inference was busy.
    pub windows_dropped: u64,
    /// Windows answered each second.
    pub throughput_per_s: Reading<f64>,
    /// From sensors' bytes to prediction, in microseconds.
    pub latency_us: Reading<Latency>,
    /// Where the time went, in microseconds.
    pub stages_us: Stages,
    /// What the process holds.
    pub memory: Memory,
    /// What the process used.
    pub cpu: Processor,
    /// The board's hottest zone, in degrees Celsius.
    pub temperature_c: Reading<f64>,
    /// What the board took.
    pub power: Reading<Power>,
    /// Picture against sound.
    pub skew: Reading<Skew>,
    /// The camera.
    pub camera: Reading<CameraHealth>,
    /// The microphone.
    pub microphone: Reading<MicrophoneHealth>,
    /// The newest answers.
    pub predictions: Vec<Predicted, 16>,
    /// Answers of the interval that found no room in `predictions`.
    pub predictions_left_out: u64,
    /// The publisher's own counters.
    pub publisher: PublisherStats,
}

/// How a sensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SensorState {
    /// It delivers.
    Running,
    /// It failed or is away, and is tried again.
    Retrying,
}

/// The camera. Counters run since the agent started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CameraHealth {
    /// Which one.
    pub device: Text<96>,
    /// What its driver gave: size, pixel format, rate.
    pub format: Text<96>,
    /// How it is.
    pub state: SensorState,
    /// Why it isn't running.
    pub reason: Option<Reason>,
    /// Frames captured.
    pub frames: u64,
    /// Frames given up because newer ones came.
    pub dropped: u64,
    /// Frames that the driver marked as faulty or that couldn't be decoded.
    pub damaged: u64,
    /// Times that it came back.
    pub reconnects: u64,
    /// What remains uncertain in the mapping of its clock, in microseconds.
    pub clock_uncertainty_us: Reading<u64>,
}

/// The microphone. Counters run since the agent started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MicrophoneHealth {
    /// Which one.
    pub device: Text<96>,
    /// What its driver gave: sample format, rate, channels.
    pub format: Text<96>,
    /// How it is.
    pub state: SensorState,
    /// Why it isn't running.
    pub reason: Option<Reason>,
    /// Sample frames captured (one for all channels).
    pub frames: u64,
    /// Times that the ring had no room.
    pub overruns: u64,
    /// Sample frames lost by that.
    pub frames_dropped: u64,
    /// Holes in the sound, whatever made them.
    pub gaps: u64,
    /// Times that it came back.
    pub reconnects: u64,
    /// What remains uncertain in the mapping of its clock, in microseconds.
    pub clock_uncertainty_us: Reading<u64>,
}

/// What a window can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// Camera.
    Image,
    /// Microphone.
    Audio,
    /// Words.
    Text,
}

/// How much a modality counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModalityWeight {
    /// Which one.
    pub modality: Modality,
    /// Its share, 0 to 1.
    pub weight: Reading<f64>,
}

/// One window's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Where the window begins, in milliseconds of CLOCK_MONOTONIC.
    pub window_start_ms: u64,
    /// Where it ends.
    pub window_end_ms: u64,
    /// The answer.
    pub label: Text<64>,
    /// The answer's probability, 0 to 1.
    pub confidence: Reading<f64>,
    /// One minus the cosine of the first two embeddings, 0 to 2.
    pub embedding_distance: Reading<f64>,
    /// How much each modality counted.
    pub attention: Vec<ModalityWeight, 4>,
    /// The picture's stamp minus the window's centre, in microseconds.
    pub image_offset_us: Reading<i64>,
}

/// What the publisher did since the agent started, in messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublisherStats {
    /// Waiting now, those in flight included.
    pub queued: u64,
    /// Sent and not yet acknowledged.
    pub in_flight: u64,
    /// Handed to the network, repetitions included.
    pub sent: u64,
    /// Acknowledged with success.
    pub acknowledged: u64,
    /// Refused by the broker, by reason.
    pub refused: Vec<Refusals, 8>,
    /// Lost: refused for good, or given up because the queue was full.
    pub dropped: u64,
    /// Times that the connection was made again.
    pub reconnects: u64,
    /// Reports lost, restarts included: refused for good, or given up because the outbox was full or damaged.
    pub lost: u64,
    /// The same by reason.
    pub lost_by_reason: Vec<Refusals, 8>,
    /// The first report (its `sequence`) whose fate `lost` tells.
    pub lost_counted_from: u64,
    /// Reports on disk that the broker doesn't have yet; not measured while they are in memory only.
    pub outbox: Reading<OutboxState>,
}

/// What the outbox holds on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxState {
    /// Reports.
    pub reports: u64,
    /// Room that they take of what the configuration gives.
    pub bytes: u64,
}

/// How often the broker refused, or a report was lost, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// MQTT 5's name of the reason.
    pub reason: Text<48>,
    /// How often.
    pub count: u64,
}

impl Quantity for OutboxState {}
impl Quantity for CameraHealth {}
impl Quantity for MicrophoneHealth {}
