//! Drift without labels: live windows against a baseline that was recorded on this board.

use std::path::{Path, PathBuf};

use edgeval_measure::{EnergyTest, StabilityBaseline, block_assignments, energy_test};
use edgeval_models::Prediction;
use edgeval_wire as wire;
use serde::{Deserialize, Serialize};
use wire::Reading;

use crate::config;

/// Bins of the stability index.
const BINS: usize = 10;
/// Ways to deal blocks that the distance is held against: p is at least a thousandth.
const DEALS: usize = 999;
/// Their seed: the same windows give the same verdict.
const SEED: u64 = 1;
/// No kept baseline is larger.
const MAXIMUM_BYTES: u64 = 256 << 20;

/// What is looked at of one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    confidence: f64,
    /// All modalities' places in the shared space, one behind the other, each of length 1; empty where the model tells none.
    embedding: Vec<f32>,
}

/// Watches for drift.
#[derive(Debug)]
pub struct Drift {
    options: config::Drift,
    /// Where the baseline is kept; nowhere without a state folder.
    path: Option<PathBuf>,
    baseline: Vec<Seen>,
    recent: Vec<Seen>,
}

impl Drift {
    /// Goes on with the baseline that was kept for this model and source; without one the next windows make it.
    #[must_use]
    pub fn open(options: config::Drift, folder: Option<&Path>, model: &str, source: &str) -> Self {
        let key = edgeval_models::sha256(format!("{model} {source} {}", options.baseline_windows).as_bytes());
        let path = folder.map(|folder| folder.join(format!("drift-{}.json", &key[..16])));
        let baseline = path.as_deref().and_then(read).unwrap_or_default();
        Self { options, path, baseline, recent: Vec::new() }
    }

    /// Looks at an answer; with the last window of a period, what the period came to.
    pub fn record(&mut self, prediction: &Prediction) -> Option<wire::DriftReport> {
        let seen = Seen::of(prediction);
        if self.baseline.len() < self.options.baseline_windows {
            self.baseline.push(seen);
            if self.baseline.len() == self.options.baseline_windows {
                self.keep();
            }
            return None;
        }
        self.recent.push(seen);
        (self.recent.len() >= self.options.windows).then(|| {
            let recent = std::mem::take(&mut self.recent);
            self.judge(&recent)
        })
    }

    fn judge(&self, recent: &[Seen]) -> wire::DriftReport {
        let tested = self.test(recent);
        let rate = self.options.false_alarm_rate;
        let of = |pick: fn(&EnergyTest) -> f64| match &tested {
            Ok(test) => Reading::Value(pick(test)),
            Err(reason) => Reading::not_measured(reason),
        };
        wire::DriftReport {
            baseline_windows: self.baseline.len() as u64,
            windows: recent.len() as u64,
            block_windows: self.options.block_windows as u64,
            psi: Reading::or_reason(self.stability(recent), "no window was answered with a confidence"),
            energy_distance: of(|test| test.distance),
            p_value: of(|test| test.p_value),
            false_alarm_rate: rate,
            drifted: match &tested {
                Ok(test) => Reading::Value(test.p_value <= rate),
                Err(reason) => Reading::not_measured(reason),
            },
        }
    }

    fn stability(&self, recent: &[Seen]) -> Option<f64> {
        let confidences = |windows: &[Seen]| windows.iter().map(|seen| seen.confidence).collect::<Vec<_>>();
        StabilityBaseline::of(&confidences(&self.baseline), BINS)?.index(&confidences(recent))
    }

    /// Neighbouring windows aren't independent: blocks of them are dealt anew.
    fn test(&self, recent: &[Seen]) -> Result<EnergyTest, String> {
        let embeddings = |windows: &[Seen]| windows.iter().map(|seen| seen.embedding.clone()).collect::<Vec<_>>();
        let (first, second) = (embeddings(&self.baseline), embeddings(recent));
        if first.iter().all(Vec::is_empty) {
            return Err("the model gives no embeddings".to_owned());
        }
        let block = self.options.block_windows;
        let deals = block_assignments(first.len() / block, second.len() / block, DEALS, SEED);
        energy_test(&first, &second, block, &deals).map_err(|reason| reason.to_string())
    }

    fn keep(&self) {
        let Some(path) = &self.path else { return };
        let written = serde_json::to_vec(&self.baseline).map_err(std::io::Error::other);
        let fresh = path.with_extension("new");
        let written =
            written.and_then(|bytes| std::fs::write(&fresh, bytes)).and_then(|()| std::fs::rename(&fresh, path));
        match written {
            Ok(()) => tracing::info!("the baseline for drift is recorded: {} windows", self.baseline.len()),
            Err(error) => tracing::warn!("the baseline for drift isn't kept, a restart records it anew: {error}"),
        }
    }
}

impl Seen {
    fn of(prediction: &Prediction) -> Self {
        let unit = |vector: &Vec<f32>| {
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector.iter().map(|value| if length > 0.0 { value / length } else { *value }).collect::<Vec<_>>()
        };
        let embedding = prediction.embeddings.iter().flat_map(|(_, vector)| unit(vector)).collect();
        Self { confidence: f64::from(prediction.confidence), embedding }
    }
}

/// A kept baseline; one that can't be read is recorded anew.
fn read(path: &Path) -> Option<Vec<Seen>> {
    if !path.exists() {
        return None;
    }
    let read = edgeval_models::read_bounded(path, MAXIMUM_BYTES).map_err(|error| error.to_string());
    let parsed = read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    parsed.inspect_err(|error| tracing::warn!("the baseline for drift is recorded anew: {error}")).ok()
}

#[cfg(test)]
mod tests {
    use edgeval_models::Modality;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn options() -> config::Drift {
        config::Drift { baseline_windows: 192, windows: 96, block_windows: 8, ..config::Drift::default() }
    }

    /// A window on a walk around 0, so that neighbours are alike, moved by `shift`.
    fn window(random: &mut Pcg64Mcg, last: &mut [f32; 4], shift: f32) -> Prediction {
        last.iter_mut().for_each(|value| *value = 0.3 * *value + random.random_range(-1.0..1.0));
        let embedding = last.iter().map(|value| value + shift).chain([3.0]).collect();
        Prediction {
            confidence: random.random_range(0.5..1.0),
            embeddings: vec![(Modality::Image, embedding)],
            ..Prediction::default()
        }
    }

    /// The verdict on each of `periods`, the shift of which is given.
    fn verdicts(seed: u64, periods: &[f32]) -> Vec<bool> {
        let mut drift = Drift::open(options(), None, "model", "live");
        let (mut random, mut last) = (Pcg64Mcg::seed_from_u64(seed), [0.0; 4]);
        let baseline = (0..options().baseline_windows).map(|_| 0.0);
        let shifts = periods.iter().flat_map(|shift| std::iter::repeat_n(*shift, options().windows));
        let reports = baseline.chain(shifts).filter_map(|shift| drift.record(&window(&mut random, &mut last, shift)));
        reports.map(|report| report.drifted == Reading::Value(true)).collect()
    }

    #[test]
    fn the_same_distribution_is_silent_at_the_stated_rate() {
        let alarms = (0..300).map(|seed| verdicts(seed, &[0.0])).filter(|verdicts| verdicts == &[true]).count();
        // At a rate of 0.01: more than 9 of 300 have a chance of one in a thousand.
        assert!(alarms <= 9, "{alarms} of 300");
    }

    #[test]
    fn another_distribution_is_loud_and_its_end_is_silent_again() {
        assert_eq!(verdicts(1, &[0.0, 2.0, 0.0]), [false, true, false]);
    }

    #[test]
    fn a_baseline_outlives_a_restart_and_damage_is_recorded_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (mut random, mut last) = (Pcg64Mcg::seed_from_u64(1), [0.0; 4]);
        let open = || Drift::open(options(), Some(folder.path()), "model", "live");
        let mut drift = open();
        for _ in 0..options().baseline_windows {
            assert_eq!(drift.record(&window(&mut random, &mut last, 0.0)), None);
        }
        assert_eq!(open().baseline, drift.baseline);
        assert!(Drift::open(options(), Some(folder.path()), "other", "live").baseline.is_empty());
        std::fs::write(drift.path.unwrap(), b"[{").unwrap();
        assert!(open().baseline.is_empty());
    }
}
