//! Figures of this program as messages have them.

use edgeval_measure::Measured;
use edgeval_models::{Modality, Prediction};
use edgeval_wire as wire;
use wire::Reading;

use crate::capture::CapturedWindow;
use crate::probe::memory::ProcessMemory;
use crate::probe::{ProbeError, Probed};
use crate::stages::{StageHistogram, Stages};

const NO_WINDOW: &str = "no window was answered in this period";
const NO_ANSWER: &str = "the model gives embeddings, no answer";
const NO_MESSAGE: &str = "no message was acknowledged yet";

/// A histogram's percentiles, where it counted anything.
#[must_use]
pub fn latency(histogram: &StageHistogram) -> Option<wire::Latency> {
    Some(wire::Latency {
        p50: histogram.quantile_us(0.50)?,
        p90: histogram.quantile_us(0.90)?,
        p95: histogram.quantile_us(0.95)?,
        p99: histogram.quantile_us(0.99)?,
        p999: histogram.quantile_us(0.999)?,
        max: histogram.max_us()?,
        count: histogram.count(),
    })
}

/// All windows' time from sensors' bytes to prediction.
#[must_use]
pub fn total_latency(stages: &Stages) -> Reading<wire::Latency> {
    Reading::or_reason(latency(&stages.total), NO_WINDOW)
}

/// The stages of the windows, with the publisher's own times.
#[must_use]
pub fn stage_latencies(stages: &Stages, publish: Option<wire::Latency>) -> wire::Stages {
    let of_windows = |histogram| Reading::or_reason(latency(histogram), NO_WINDOW);
    wire::Stages {
        capture: of_windows(&stages.capture),
        preprocess: of_windows(&stages.preprocess),
        inference: of_windows(&stages.inference),
        postprocess: of_windows(&stages.postprocess),
        publish: Reading::or_reason(publish, NO_MESSAGE),
    }
}

/// A figure as messages have it.
#[must_use]
pub fn figure(measured: &Measured) -> wire::Figure {
    match measured {
        Measured::Figure(figure) => {
            wire::Figure::Measured { value: figure.value, low: figure.low, high: figure.high, n: figure.n }
        }
        Measured::NotMeasured { reason } => wire::Figure::not_measured(reason),
    }
}

/// A memory reading as messages have it.
#[must_use]
pub fn memory(reading: &Probed<ProcessMemory>) -> wire::Memory {
    let field = |pick: fn(&ProcessMemory) -> u64| reading.as_ref().map(pick).map_err(ProbeError::clone).into();
    wire::Memory { pss_bytes: field(|memory| memory.pss_bytes), rss_bytes: field(|memory| memory.rss_bytes) }
}

/// A probe's text, cut to what a message carries.
#[must_use]
pub fn probed_text<const N: usize>(reading: Probed<String>) -> Reading<wire::Text<N>> {
    reading.map(|value| wire::text(&value)).into()
}

/// A window's answer as messages have it.
#[must_use]
pub fn predicted(captured: &CapturedWindow, prediction: &Prediction, labels: &[String]) -> wire::Predicted {
    let no_distance = "the model gives no embeddings of two modalities";
    wire::Predicted {
        window_start_ms: captured.start.milliseconds(),
        window_end_ms: captured.end.milliseconds(),
        label: wire::text(said(prediction, labels)),
        confidence: Reading::or_reason(prediction.has_answer().then(|| prediction.confidence.into()), NO_ANSWER),
        embedding_distance: Reading::or_reason(prediction.embedding_distance(), no_distance),
        attention: prediction.attention.iter().take(4).map(weight).collect(),
        image_offset_us: Reading::or_reason(captured.image_offset_us, "the window has no picture with a stamp"),
    }
}

/// The class, or the words; nothing of a model for retrieval.
fn said<'a>(prediction: &'a Prediction, labels: &'a [String]) -> &'a str {
    match &prediction.generated {
        Some(generated) => &generated.text,
        None => labels.get(prediction.class).map_or("", String::as_str),
    }
}

fn weight((modality, weight): &(Modality, f32)) -> wire::ModalityWeight {
    let modality = match modality {
        Modality::Image => wire::Modality::Image,
        Modality::Audio => wire::Modality::Audio,
        Modality::Text => wire::Modality::Text,
    };
    wire::ModalityWeight { modality, weight: Reading::Value((*weight).into()) }
}
