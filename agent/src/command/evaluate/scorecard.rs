//! The scorecard: one figure a dimension.

use edgeval_calibration::{Findings, Generation};
use edgeval_measure::{ByDimension, Diversity, Measured, ScorecardRow, first_measured, scaled};

use super::efficiency::EfficiencyFigures;
use super::output::{AccuracyFigures, ConsistencyFigures, Dimension};

/// What the rows are made of.
pub(super) struct Scores<'a> {
    pub diversity: &'a Diversity,
    pub consistency: &'a ConsistencyFigures,
    pub accuracy: &'a AccuracyFigures,
    pub efficiency: &'a EfficiencyFigures,
    pub generation: &'a Dimension<Generation>,
    pub findings: &'a Findings,
}

impl Scores<'_> {
    /// The rows, each with the raw figures beside it.
    pub fn rows(&self) -> ByDimension<ScorecardRow> {
        ByDimension {
            diversity: ScorecardRow::new("coverage_by_evenness", self.diversity.figure.clone())
                .with_raw("evenness", self.diversity.evenness.clone()),
            consistency: self.consistency(),
            accuracy: self.accuracy(),
            efficiency: self.efficiency.budgets_kept.row(),
            generation_quality: self.generation(),
            interpretability: self.interpretability(),
            robustness: self.robustness(),
            fairness: self.fairness(),
        }
    }

    fn consistency(&self) -> ScorecardRow {
        let ConsistencyFigures { embeddings, agreement, .. } = self.consistency;
        let found = first_measured(&[("embedding_distance_auc", &embeddings.auc), ("agreement", agreement)]);
        let (kind, figure) = found.unwrap_or(("agreement", agreement.clone()));
        ScorecardRow::new(kind, figure)
            .with_raw("belonging_distance", embeddings.belonging_distance.clone())
            .with_raw("shuffled_distance", embeddings.shuffled_distance.clone())
            .with_raw("agreement", agreement.clone())
    }

    fn accuracy(&self) -> ScorecardRow {
        match self.accuracy {
            AccuracyFigures::Classes(accuracy) => {
                ScorecardRow::new("f1_macro", accuracy.f1_macro.clone()).with_raw("top1", accuracy.top1.clone())
            }
            AccuracyFigures::Pairs(retrieval) => ScorecardRow::new("recall_at_5", retrieval.recall_at_5.clone()),
            AccuracyFigures::Texts { exact_match } => ScorecardRow::new("exact_match", exact_match.clone()),
            AccuracyFigures::Absent(absent) => ScorecardRow::new("exact_match", absent.clone()),
        }
    }

    fn generation(&self) -> ScorecardRow {
        match self.generation {
            Dimension::Figures(generation) => {
                ScorecardRow::new("chrf2", scaled(&generation.chrf2, 0.01)).with_raw("chrf2", generation.chrf2.clone())
            }
            Dimension::Absent(absent) => ScorecardRow::new("chrf2", absent.clone()),
        }
    }

    fn interpretability(&self) -> ScorecardRow {
        let Findings { interpretability, .. } = self.findings;
        let row = ScorecardRow::new("gain_over_random_orders", interpretability.figure.clone());
        interpretability
            .modalities
            .iter()
            .fold(row, |row, map| row.with_raw(&format!("gain_{}", map.modality), map.gain.clone()))
    }

    fn robustness(&self) -> ScorecardRow {
        let Findings { robustness, .. } = self.findings;
        ScorecardRow::new("kept_under_corruption_and_attack", robustness.figure.clone())
            .with_raw("mean_error", robustness.mean_error.clone())
            .with_raw("share_kept", robustness.share_kept.clone())
            .with_raw("robust_by_clean", robustness.attack.on_picture.robust_by_clean.clone())
            .with_raw("robust_by_clean_on_sound", robustness.attack.on_sound.robust_by_clean.clone())
            .with_raw("unbroken", robustness.attack.unbroken.clone())
    }

    fn fairness(&self) -> ScorecardRow {
        let Findings { fairness, .. } = self.findings;
        ScorecardRow::new("balance_of_modalities_and_groups", fairness.figure.clone())
            .with_raw("imbalance", fairness.imbalance.clone())
            .with_raw("worst_by_best", fairness.worst_by_best.clone())
    }
}

/// Reads `accuracy=2`.
///
/// # Errors
/// When it isn't a dimension and a number from 0 to 1000.
pub(super) fn parse_weight(text: &str) -> Result<(String, f64), String> {
    let pair = text.split_once('=').and_then(|(name, weight)| Some((name, weight.parse::<f64>().ok()?)));
    let Some((name, weight)) = pair.filter(|(_, weight)| (0.0..=1000.0).contains(weight)) else {
        return Err("write DIMENSION=WEIGHT, such as accuracy=2; a weight is from 0 to 1000".to_owned());
    };
    let known = ByDimension::equal_weights().named().map(|(name, _)| name);
    if !known.contains(&name) {
        return Err(format!("there is no dimension `{name}`; there are {}", known.join(", ")));
    }
    Ok((name.to_owned(), weight))
}

/// Equal weights, but for those that were said.
pub(super) fn weights(said: &[(String, f64)]) -> ByDimension<f64> {
    let mut weights = ByDimension::equal_weights();
    for (name, value) in weights.named_mut() {
        if let Some((_, weight)) = said.iter().rev().find(|(known, _)| known == name) {
            *value = *weight;
        }
    }
    weights
}

/// What a row says of itself: its figure, or why there is none.
pub(super) fn reason(row: &ScorecardRow) -> Option<&str> {
    match &row.figure {
        Measured::Figure(_) => None,
        Measured::NotMeasured { reason } => Some(reason),
    }
}
