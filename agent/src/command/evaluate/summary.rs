//! An evaluation as the daemon reports it: the scorecard and what it was made from.

use edgeval_measure::{Measured, ScorecardRow};
use edgeval_wire as wire;
use wire::{DimensionRow, Dimensions, NamedFigure};

use super::output::Output;
use crate::report::wording::figure;

impl Output {
    /// The report's figures.
    pub(super) fn body(&self) -> wire::Body {
        let (rows, weights) = (&self.scorecard.dimensions, &self.scorecard.weights);
        wire::Body::Evaluation(Box::new(wire::EvaluationReport {
            split: wire::text(&self.set.split),
            samples: self.set.samples as u64,
            of_samples: self.set.of_samples as u64,
            tried: self.set.tried as u64,
            to_try: self.set.to_try as u64,
            seed: self.seed,
            total: figure(&self.scorecard.total),
            dimensions: Dimensions {
                diversity: row(&rows.diversity, weights.diversity),
                consistency: row(&rows.consistency, weights.consistency),
                accuracy: row(&rows.accuracy, weights.accuracy),
                efficiency: row(&rows.efficiency, weights.efficiency),
                generation_quality: row(&rows.generation_quality, weights.generation_quality),
                interpretability: row(&rows.interpretability, weights.interpretability),
                robustness: row(&rows.robustness, weights.robustness),
                fairness: row(&rows.fairness, weights.fairness),
            },
            latency_us: self.efficiency.latency_us.clone(),
        }))
    }

    /// Which set.
    pub(super) fn set_identity(&self) -> wire::SetIdentity {
        wire::SetIdentity {
            name: wire::text(&self.set.name),
            version: wire::text(&self.set.version),
            identity: wire::text(&self.set.sha256),
            samples: self.set.samples as u64,
        }
    }
}

fn row(row: &ScorecardRow, weight: f64) -> DimensionRow {
    let named =
        |(name, measured): (&String, &Measured)| NamedFigure { name: wire::text(name), figure: figure(measured) };
    DimensionRow {
        figure: figure(&row.figure),
        kind: wire::text(&row.kind),
        weight,
        raw: row.raw.iter().map(named).take(8).collect(),
        lacks: row.lacks.iter().map(|words| wire::text(words)).take(4).collect(),
    }
}
