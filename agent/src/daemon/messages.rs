//! What the daemon says: live figures, field reports, accuracy of a replayed pass.

use std::sync::Arc;
use std::time::Duration;

use edgeval_calibration::Accuracy;
use edgeval_wire as wire;
use wire::{Body, Message, Reading};

use super::device;
use super::replayed::Pass;
use crate::capture::{CapturedWindow, Health};
use crate::clock::Moment;
use crate::measurement::ModelFacts;
use crate::pipeline::{Answer, Period};
use crate::probe::memory::{self, ProcessMemory};
use crate::probe::{ProbeError, Probed, Roots, temperature};
use crate::publish::Publisher;
use crate::report::conditions::{Observed, Watch};
use crate::report::energy::PowerWatch;
use crate::report::header::Origin;
use crate::report::wording::figure;
use crate::report::{sensors, wording};
use crate::stages::StageHistogram;
use crate::state::State;

/// Answers that a live message holds.
const LIVE_PREDICTIONS: usize = 16;

/// Moments of the start, as they come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Startup {
    model_ready: Option<Moment>,
    first_inference: Option<Moment>,
}

/// One period of work, from one message of a kind to the next.
#[derive(Debug)]
struct Span {
    watch: Watch,
    started: Moment,
    period: Period,
    windows_skipped: u64,
    publish: StageHistogram,
}

impl Span {
    fn start(roots: &Roots, windows_skipped: u64) -> Self {
        let now = Moment::now();
        let (watch, period, publish) = (Watch::start(roots, now), Period::new(), StageHistogram::new());
        Self { watch, started: now, period, windows_skipped, publish }
    }
}

/// Words figures and hands them to the publisher.
pub struct Reporter {
    publisher: Arc<Publisher>,
    state: Option<State>,
    roots: Roots,
    power: PowerWatch,
    origin: Origin,
    started: Moment,
    startup: Startup,
    model_bytes: Reading<u64>,
    before_load: Probed<ProcessMemory>,
    after_load: Probed<ProcessMemory>,
    live: Span,
    field: Span,
    live_sequence: u64,
    predictions: Vec<wire::Predicted>,
    predictions_left_out: u64,
}

impl Reporter {
    /// Nothing said yet. `started` is when the process began.
    #[must_use]
    pub fn new(
        publisher: Arc<Publisher>,
        state: Option<State>,
        roots: &Roots,
        address: &wire::Address,
        started: Moment,
    ) -> Self {
        let device = device::name(address);
        let no_model = || ProbeError::Absent("no model was loaded yet".to_owned());
        Self {
            publisher,
            state,
            roots: roots.clone(),
            power: PowerWatch::start(roots),
            origin: Origin { roots: roots.clone(), device, model: no_model_identity() },
            started,
            startup: Startup::default(),
            model_bytes: Reading::not_measured("no model was loaded yet"),
            before_load: Err(no_model()),
            after_load: Err(no_model()),
            live: Span::start(roots, 0),
            field: Span::start(roots, 0),
            live_sequence: 0,
            predictions: Vec::new(),
            predictions_left_out: 0,
        }
    }

    /// The model was loaded; `before_load` is what the process held then.
    pub fn model_ready(&mut self, model: &ModelFacts, model_bytes: u64, before_load: Probed<ProcessMemory>) {
        self.startup.model_ready = Some(Moment::now());
        self.origin.model = model.to_wire();
        self.model_bytes = Reading::Value(model_bytes);
        self.before_load = before_load;
        self.after_load = memory::of_this_process(&self.roots);
    }

    /// The first inference is done.
    pub fn first_inference(&mut self) {
        self.startup.first_inference = Some(Moment::now());
    }

    /// Tells what the board is, now that more is known.
    pub fn describe_device(&self, device: wire::Device) {
        self.send(&Message::Device(Box::new(device)));
    }

    /// Counts a window's answer.
    pub fn record(&mut self, captured: &CapturedWindow, answer: &Answer, labels: &[String]) {
        self.live.period.record(answer);
        if self.predictions.len() == LIVE_PREDICTIONS {
            self.predictions.remove(0);
            self.predictions_left_out += 1;
        }
        self.predictions.push(wording::predicted(captured, &answer.prediction, labels));
    }

    /// Whether the last live message is that long ago.
    #[must_use]
    pub fn live_is_due(&self, interval: Duration) -> bool {
        Moment::now().since(self.live.started) >= interval
    }

    /// Whether the last field report is that long ago.
    #[must_use]
    pub fn field_is_due(&self, interval: Duration) -> bool {
        Moment::now().since(self.field.started) >= interval
    }

    /// Says what the interval came to.
    pub fn publish_live(&mut self, health: Option<&Health>) {
        let skipped = health.map_or(0, |health| health.windows_skipped);
        let live = self.finish_live(skipped);
        let observed = live.watch.finish(Moment::now(), live.period.inference_processor_time);
        self.live_sequence += 1;
        let message = wire::Live {
            schema: wire::Schema,
            sequence: self.live_sequence,
            interval_ms: whole_ms(observed.elapsed),
            windows: live.period.windows,
            windows_dropped: skipped.saturating_sub(live.windows_skipped),
            throughput_per_s: throughput(&live.period, observed.elapsed),
            latency_us: wording::total_latency(&live.period.stages),
            stages_us: wording::stage_latencies(&live.period.stages, wording::latency(&live.publish)),
            memory: observed.cost.memory.clone(),
            cpu: observed.processor,
            temperature_c: temperature::hottest_celsius(&self.roots).map(f64::from).into(),
            power: self.power.latest(),
            skew: sensors::skew(health),
            camera: sensors::camera(health),
            microphone: sensors::microphone(health),
            predictions: std::mem::take(&mut self.predictions).into_iter().take(LIVE_PREDICTIONS).collect(),
            predictions_left_out: std::mem::take(&mut self.predictions_left_out),
            publisher: self.publisher.stats().to_wire(),
        };
        self.send(&Message::Live(Box::new(message)));
    }

    /// Ends the live interval, adds it to the field period, and starts the next.
    fn finish_live(&mut self, skipped: u64) -> Span {
        self.live.publish.add(&self.publisher.take_latency());
        let live = std::mem::replace(&mut self.live, Span::start(&self.roots, skipped));
        self.field.period.add(&live.period);
        self.field.publish.add(&live.publish);
        live
    }

    /// Reports what the period came to.
    pub fn publish_field(&mut self, health: Option<&Health>) {
        let skipped = health.map_or(0, |health| health.windows_skipped);
        let mut field = std::mem::replace(&mut self.field, Span::start(&self.roots, skipped));
        // What the live interval holds so far belongs to the next period's: it is added when the interval ends.
        field.publish.add(&self.publisher.take_latency());
        let observed = field.watch.finish(Moment::now(), field.period.inference_processor_time);
        let report = wire::FieldReport {
            period_ms: whole_ms(observed.elapsed),
            windows: field.period.windows,
            windows_dropped: skipped.saturating_sub(field.windows_skipped),
            throughput_per_s: throughput(&field.period, observed.elapsed),
            latency_us: wording::total_latency(&field.period.stages),
            stages_us: wording::stage_latencies(&field.period.stages, wording::latency(&field.publish)),
            power: self.power.end_period(),
            skew: sensors::skew(health),
            camera: sensors::camera(health),
            microphone: sensors::microphone(health),
            memory: self.model_memory(),
            start_up: self.start_up(),
            publisher: self.publisher.stats().to_wire(),
        };
        self.publish_report(Body::Field(Box::new(report)), None, &observed, None);
    }

    /// Reports what a replayed pass came to; per-class figures stay in a local file, named by its digest.
    pub fn publish_accuracy(&mut self, pass: &Pass) {
        let observed = self.field.watch.finish(Moment::now(), self.field.period.inference_processor_time);
        let Accuracy {
            top1,
            precision_macro,
            recall_macro,
            f1_macro,
            precision_micro,
            recall_micro,
            f1_micro,
            ece,
            ..
        } = &pass.accuracy;
        let report = wire::AccuracyReport {
            samples: pass.set.samples,
            top1: figure(top1),
            precision_macro: figure(precision_macro),
            recall_macro: figure(recall_macro),
            f1_macro: figure(f1_macro),
            precision_micro: figure(precision_micro),
            recall_micro: figure(recall_micro),
            f1_micro: figure(f1_micro),
            ece: figure(ece),
        };
        let local = self.keep(pass);
        self.publish_report(Body::Accuracy(Box::new(report)), Some(pass.set.clone()), &observed, local.as_deref());
    }

    /// Reports what a period came to, held against the board's baseline.
    pub fn publish_drift(&mut self, report: wire::DriftReport) {
        if report.drifted == Reading::Value(true) {
            tracing::warn!("what the board sees has drifted from its baseline: look at its camera and microphone");
        }
        let observed = self.field.watch.finish(Moment::now(), self.field.period.inference_processor_time);
        self.publish_report(Body::Drift(Box::new(report)), None, &observed, None);
    }

    /// Where the baseline for drift is kept.
    #[must_use]
    pub fn state_directory(&self) -> Option<&std::path::Path> {
        self.state.as_ref().map(State::directory)
    }

    fn keep(&self, pass: &Pass) -> Option<String> {
        let json = serde_json::json!({ "set": pass.set, "accuracy": pass.accuracy, "consistency": pass.consistency });
        let kept = self.state.as_ref()?.keep_report(json.to_string().as_bytes());
        kept.inspect_err(|error| tracing::warn!("the full report isn't kept: {error}")).ok()
    }

    fn publish_report(&mut self, body: Body, set: Option<wire::SetIdentity>, observed: &Observed, local: Option<&str>) {
        let sequence = self.publisher.next_sequence();
        let header = self.origin.header(sequence, set, observed, local);
        self.send(&Message::Report(Box::new(wire::Report { schema: wire::Schema, header, body })));
    }

    fn model_memory(&self) -> wire::ModelMemory {
        wire::ModelMemory {
            model_bytes: self.model_bytes.clone(),
            before_load: wording::memory(&self.before_load),
            after_load: wording::memory(&self.after_load),
            rss_peak_bytes: memory::of_this_process(&self.roots).map(|memory| memory.rss_peak_bytes).into(),
        }
    }

    fn start_up(&self) -> wire::StartUp {
        let since_start = |moment: Option<Moment>| {
            let elapsed = moment.map(|moment| moment.since(self.started).as_micros());
            Reading::or_reason(elapsed.and_then(|us| u64::try_from(us).ok()), "it hasn't happened yet")
        };
        wire::StartUp {
            model_ready_us: since_start(self.startup.model_ready),
            first_inference_us: since_start(self.startup.first_inference),
            first_report_us: since_start(self.publisher.stats().first_report),
        }
    }

    fn send(&self, message: &Message) {
        if let Err(error) = self.publisher.send(message) {
            tracing::error!("a message can't be sent: {error}");
        }
    }

    /// Sends what is left and says goodbye, within `deadline`.
    pub fn stop(self, deadline: Duration) {
        if let Some(publisher) = Arc::into_inner(self.publisher) {
            let _ = publisher.stop(deadline);
        }
    }
}

fn no_model_identity() -> wire::ModelIdentity {
    wire::ModelIdentity {
        name: wire::Text::new(),
        version: wire::Text::new(),
        identity: wire::Text::new(),
        precision: wire::Text::new(),
        engine: wire::Text::new(),
        integer_share_of_macs: Reading::not_measured("no model is loaded"),
    }
}

fn throughput(period: &Period, elapsed: Duration) -> Reading<f64> {
    let rate = period.windows as f64 / elapsed.as_secs_f64();
    Reading::or_reason(rate.is_finite().then_some(rate), "too short a time to tell")
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
