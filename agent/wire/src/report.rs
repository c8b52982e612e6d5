//! One finished measurement, with everything that a reader needs to trust it.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::{
    CameraHealth, EvaluationReport, Figure, Latency, Memory, MicrophoneHealth, ModelIdentity, PublisherStats, Quantity,
    Reading, ReportKind, Schema, Skew, Stages, StartUp, Text, text,
};

/// One finished measurement. Readers drop duplicates by `header.id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Schema number.
    pub schema: Schema,
    /// When, where, what and how trustworthy.
    pub header: Header,
    /// The figures.
    pub body: Body,
}

impl Report {
    /// Which kind it is: the last word of its topic.
    #[must_use]
    pub const fn kind(&self) -> ReportKind {
        match self.body {
            Body::Bench(_) => ReportKind::Bench,
            Body::Accuracy(_) => ReportKind::Accuracy,
            Body::Field(_) => ReportKind::Field,
            Body::Drift(_) => ReportKind::Drift,
            Body::Evaluation(_) => ReportKind::Evaluation,
        }
    }
}

/// When, where, what and how trustworthy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The report's own id (a UUID): a report that comes twice is one report.
    pub id: Text<36>,
    /// Wall time, in milliseconds since 1970.
    pub measured_at_unix_ms: u64,
    /// Whether the wall time was synchronised.
    pub clock_synchronized: Reading<bool>,
    /// The kernel's id of this boot.
    pub boot_id: Reading<Text<36>>,
    /// Time since boot.
    pub uptime_ms: u64,
    /// Counts this device's reports, restarts included.
    pub sequence: u64,
    /// Which board.
    pub device: DeviceName,
    /// Which model.
    pub model: ModelIdentity,
    /// Which reference set, where one was used.
    pub set: Option<SetIdentity>,
    /// edgeval's version.
    pub agent_version: Text<32>,
    /// The board while it measured.
    pub board: BoardState,
    /// What the agent itself cost while it measured.
    pub agent_cost: AgentCost,
    /// Whether the figures can be trusted.
    pub validity: Validity,
    /// SHA-256, in hexadecimal, of the full report that stays on the device.
    pub local_file_sha256: Option<Text<64>>,
}

/// A board's place in the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceName {
    /// The fleet's part.
    pub group: Text<64>,
    /// The board.
    pub name: Text<64>,
}

/// Which reference set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetIdentity {
    /// Its name.
    pub name: Text<64>,
    /// Its version.
    pub version: Text<32>,
    /// SHA-256, in hexadecimal, that covers every byte of it.
    pub identity: Text<64>,
    /// Samples that were used.
    pub samples: u64,
}

/// The board while it measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoardState {
    /// The first core's frequency governor.
    pub governor: Reading<Text<32>>,
    /// The first core's frequency at the end of the measurement.
    pub cpu_frequency_khz: Reading<u64>,
    /// What the first core can do at most.
    pub cpu_frequency_maximum_khz: Reading<u64>,
    /// What the first core is allowed at most: a cap when it is less than it can do.
    pub cpu_frequency_limit_khz: Reading<u64>,
    /// The hottest zone, in degrees Celsius.
    pub temperature_c: Reading<f64>,
    /// Whether the clock is held down.
    pub throttled: Reading<Condition>,
    /// Whether the supply is under its voltage.
    pub under_voltage: Reading<Condition>,
    /// The power mode, on boards that have some.
    pub power_mode: Reading<Text<32>>,
    /// Share of the measurement in which some task waited for memory, in percent.
    pub memory_pressure_percent: Reading<f64>,
    /// What other processes used, in percent of one core.
    pub other_load_percent: Reading<f64>,
}

/// Something that is so now, or was so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// At the end of the measurement.
    pub now: Reading<bool>,
    /// At some time while it was measured.
    pub while_measured: Reading<bool>,
    /// At some time since boot.
    pub since_boot: Reading<bool>,
}

/// What the board took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// Mean of the period, in watts.
    pub watts: f64,
    /// Who says so, such as `ina3221:VDD_IN` or `rapl:package-0`.
    pub source: Text<96>,
    /// `measured` by a sensor in the line, or `estimated`.
    pub quality: Text<16>,
}

/// What an inference took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Who says so, such as `ina3221:VDD_IN` or `rapl:package-0`.
    pub source: Text<96>,
    /// `measured` by a sensor in the line, or `estimated`.
    pub quality: Text<16>,
    /// Everything that the source covers, for an inference, in millijoules.
    pub gross_mj: Figure,
    /// The same above what it took while idle.
    pub net_mj: Figure,
}

/// What the agent itself cost while it measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentCost {
    /// Processor above inference, in percent of one core.
    pub cpu_percent: Reading<f64>,
    /// Processor time of the whole process since it started, inference included.
    pub cpu_time_ms: Reading<u64>,
    /// What it holds in memory, the model included.
    pub memory: Memory,
}

/// Whether the figures can be trusted: valid exactly when there are no reasons against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// The verdict.
    pub valid: bool,
    /// Why not.
    pub reasons: Vec<ValidityReason, 8>,
}

/// One reason against trusting the figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidityReason {
    /// For programs: lower case with underscores, never reused for anything else.
    pub code: Text<48>,
    /// For people: what is wrong and what to do.
    pub text: Text<240>,
}

impl Validity {
    /// The verdict that these reasons (code, text) make; the first eight are told.
    pub fn of<'a>(reasons: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let reasons: Vec<_, 8> = reasons
            .into_iter()
            .take(8)
            .map(|(code, words)| ValidityReason { code: text(code), text: text(words) })
            .collect();
        Self { valid: reasons.is_empty(), reasons }
    }
}

/// The figures. A later kind is a later variant, and makes a new schema number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Speed and size.
    Bench(Box<BenchReport>),
    /// How often it is right.
    Accuracy(Box<AccuracyReport>),
    /// A period of live work.
    Field(Box<FieldReport>),
    /// Whether the board sees what it used to see.
    Drift(Box<DriftReport>),
    /// What a model is worth on a reference set.
    Evaluation(Box<EvaluationReport>),
}

/// Whether the board sees what it used to see: live windows against a baseline recorded on the same board, without labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// Windows of the baseline.
    pub baseline_windows: u64,
    /// Windows that were held against it.
    pub windows: u64,
    /// Windows that are dealt together, since neighbours aren't independent.
    pub block_windows: u64,
    /// Population stability index of the confidences.
    pub psi: Reading<f64>,
    /// Energy distance of the embeddings.
    pub energy_distance: Reading<f64>,
    /// How likely so great a distance is by chance.
    pub p_value: Reading<f64>,
    /// Share of periods that are called drifted although nothing changed, 0 to 1.
    pub false_alarm_rate: f64,
    /// Whether the probability is no greater than that.
    pub drifted: Reading<bool>,
}

/// Speed and size of a model on this board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// `single_stream`, …
    pub scenario: Text<32>,
    /// Queries that were timed.
    pub queries: u64,
    /// Threads that one inference may use.
    pub threads: u32,
    /// From decoded input in memory to prediction, in microseconds.
    pub latency_us: Reading<Latency>,
    /// Where the time went, in microseconds.
    pub stages_us: Stages,
    /// Queries each second.
    pub throughput_per_s: Reading<f64>,
    /// What a query took.
    pub energy: Reading<Energy>,
    /// Memory around the model.
    pub memory: ModelMemory,
    /// Times since the process started.
    pub start_up: StartUp,
}

/// Memory around a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelMemory {
    /// The model's files on disk.
    pub model_bytes: Reading<u64>,
    /// Before it was loaded.
    pub before_load: Memory,
    /// After it was loaded.
    pub after_load: Memory,
    /// Highest resident size since the process started.
    pub rss_peak_bytes: Reading<u64>,
}

/// How often a model is right on a reference set. Per-class figures stay in the local report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccuracyReport {
    /// Samples that were scored.
    pub samples: u64,
    /// Share of right answers.
    pub top1: Figure,
    /// Mean of the classes' precision.
    pub precision_macro: Figure,
    /// Mean of the classes' recall.
    pub recall_macro: Figure,
    /// Mean of the classes' F1.
    pub f1_macro: Figure,
    /// Precision over all decisions.
    pub precision_micro: Figure,
    /// Recall over all decisions.
    pub recall_micro: Figure,
    /// F1 over all decisions.
    pub f1_micro: Figure,
    /// Expected calibration error, 15 equal bins.
    pub ece: Figure,
}

/// A period of live work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldReport {
    /// The period's length.
    pub period_ms: u64,
    /// Windows answered.
    pub windows: u64,
    /// Windows that were ready but not answered, because inference was busy.
    pub windows_dropped: u64,
    /// Windows answered each second.
    pub throughput_per_s: Reading<f64>,
    /// From sensors' bytes to prediction, in microseconds.
    pub latency_us: Reading<Latency>,
    /// Where the time went, in microseconds.
    pub stages_us: Stages,
    /// What the board took, all together.
    pub power: Reading<Power>,
    /// Picture against sound.
    pub skew: Reading<Skew>,
    /// The camera.
    pub camera: Reading<CameraHealth>,
    /// The microphone.
    pub microphone: Reading<MicrophoneHealth>,
    /// Memory around the model.
    pub memory: ModelMemory,
    /// Times since the process started.
    pub start_up: StartUp,
    /// The publisher's own counters.
    pub publisher: PublisherStats,
}

impl Quantity for Condition {}
impl Quantity for Energy {}
impl Quantity for Power {
    fn is_finite(&self) -> bool {
        self.watts.is_finite()
    }
}
