//! What several messages share.

use serde::{Deserialize, Serialize};

use crate::{Quantity, Reading};

/// Text of at most `N` bytes.
pub type Text<const N: usize> = heapless::String<N>;

/// As much of a text as fits into `N` bytes, cut between characters.
#[must_use]
pub fn text<const N: usize>(value: &str) -> Text<N> {
    let mut cut = Text::new();
    for character in value.chars() {
        if cut.push(character).is_err() {
            break;
        }
    }
    cut
}

/// Times of one stage, in microseconds (nearest rank, within the histogram's resolution of 0.1 %).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 95th percentile.
    pub p95: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Longest.
    pub max: u64,
    /// How many times were taken.
    pub count: u64,
}

/// Where a window's time goes, each in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// Sensors' bytes to window.
    pub capture: Reading<Latency>,
    /// Window to tensors.
    pub preprocess: Reading<Latency>,
    /// Tensors to tensors.
    pub inference: Reading<Latency>,
    /// Tensors to prediction.
    pub postprocess: Reading<Latency>,
    /// A QoS 1 message from hand-over to the broker's acknowledgement.
    pub publish: Reading<Latency>,
}

/// What the agent's process holds in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Proportional set size.
    pub pss_bytes: Reading<u64>,
    /// Resident set size.
    pub rss_bytes: Reading<u64>,
}

/// What the agent's process used of the processor, in percent of one core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Processor {
    /// All of it.
    pub total_percent: Reading<f64>,
    /// Without the inference itself.
    pub above_inference_percent: Reading<f64>,
}

/// How far picture and sound are apart in time, from flashes and beeps that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skew {
    /// The sound's stamp minus the picture's for the same event, in microseconds; positive: the sound is late.
    pub skew_us: i64,
    /// Half the width of its 95 % interval, in microseconds.
    pub uncertainty_us: u64,
    /// Pairs of a flash and a beep that it was taken from.
    pub pairs: u64,
}

/// Time from the start of the process, in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartUp {
    /// Until the model was ready.
    pub model_ready_us: Reading<u64>,
    /// Until the first prediction.
    pub first_inference_us: Reading<u64>,
    /// Until the broker acknowledged the first report.
    pub first_report_us: Reading<u64>,
}

/// Which model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// Its name.
    pub name: Text<64>,
    /// Its version.
    pub version: Text<32>,
    /// SHA-256, in hexadecimal, over the manifest and every file that it names.
    pub identity: Text<64>,
    /// `int8` or `fp32`.
    pub precision: Text<16>,
    /// What runs it: `int8` when any of it runs on integers, else `tract`.
    pub engine: Text<32>,
    /// Share of its multiply-accumulates that runs on integers, 0 to 1.
    pub integer_share_of_macs: Reading<f64>,
}

impl Quantity for Latency {}
impl Quantity for Skew {}
