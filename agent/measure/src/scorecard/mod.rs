//! One figure a dimension, and their weighted mean.

mod efficiency;
mod ends;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use efficiency::{Budgeted, Efficiency, efficiency};
pub use ends::{fairness_figure, first_measured, less_from_one, mean_of, robustness_figure, scaled, within_0_and_1};

use crate::{Figure, Measured};

/// Something for each of the eight dimensions: a row, a weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByDimension<T> {
    /// Coverage × evenness of the set's cells: [`crate::diversity`].
    pub diversity: T,
    /// AUC of embedding distance, or agreement of the modalities alone.
    pub consistency: T,
    /// Macro F1 (classification), recall@5 (retrieval), exact match (generation).
    pub accuracy: T,
    /// Budgets kept: [`efficiency`].
    pub efficiency: T,
    /// chrF2 / 100.
    pub generation_quality: T,
    /// What a map gains over random orders: [`crate::interpretability`].
    pub interpretability: T,
    /// What corruptions and attacks leave: [`robustness_figure`].
    pub robustness: T,
    /// Balance of modalities and groups: [`fairness_figure`].
    pub fairness: T,
}

impl<T> ByDimension<T> {
    /// All eight with their names, in the order of the scorecard.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &T); 8] {
        [
            ("diversity", &self.diversity),
            ("consistency", &self.consistency),
            ("accuracy", &self.accuracy),
            ("efficiency", &self.efficiency),
            ("generation_quality", &self.generation_quality),
            ("interpretability", &self.interpretability),
            ("robustness", &self.robustness),
            ("fairness", &self.fairness),
        ]
    }
}

impl<T> ByDimension<T> {
    /// All eight with their names, to be changed.
    pub fn named_mut(&mut self) -> [(&'static str, &mut T); 8] {
        [
            ("diversity", &mut self.diversity),
            ("consistency", &mut self.consistency),
            ("accuracy", &mut self.accuracy),
            ("efficiency", &mut self.efficiency),
            ("generation_quality", &mut self.generation_quality),
            ("interpretability", &mut self.interpretability),
            ("robustness", &mut self.robustness),
            ("fairness", &mut self.fairness),
        ]
    }
}

impl ByDimension<f64> {
    /// The same weight for each.
    #[must_use]
    pub const fn equal_weights() -> Self {
        Self {
            diversity: 1.0,
            consistency: 1.0,
            accuracy: 1.0,
            efficiency: 1.0,
            generation_quality: 1.0,
            interpretability: 1.0,
            robustness: 1.0,
            fairness: 1.0,
        }
    }
}

/// A dimension's figure with what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScorecardRow {
    /// 0 to 1, more is better.
    pub figure: Measured,
    /// Which figure it is, such as `f1_macro` or `recall_at_5`.
    pub kind: String,
    /// The raw figures beside it, in their own units, which their names carry.
    pub raw: BTreeMap<String, Measured>,
    /// What the figure lacks, such as a budget.
    pub lacks: Vec<String>,
}

impl ScorecardRow {
    /// A row without raw figures yet. A figure outside 0 to 1 isn't one: it becomes absent, and says so.
    #[must_use]
    pub fn new(kind: &str, figure: Measured) -> Self {
        let is_share = figure.figure().is_none_or(|figure| (0.0..=1.0).contains(&figure.value));
        let refused = || Measured::not_measured(&format!("{kind} isn't a number from 0 to 1"));
        let figure = if is_share { figure } else { refused() };
        Self { figure, kind: kind.to_owned(), raw: BTreeMap::new(), lacks: Vec::new() }
    }

    /// The row with a raw figure more.
    #[must_use]
    pub fn with_raw(mut self, name: &str, figure: Measured) -> Self {
        self.raw.insert(name.to_owned(), figure);
        self
    }
}

/// The scorecard: a row for each dimension, and their weighted mean with its weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scorecard {
    /// The dimensions.
    pub dimensions: ByDimension<ScorecardRow>,
    /// What each counts in the total.
    pub weights: ByDimension<f64>,
    /// The weighted mean, 0 to 1.
    pub total: Measured,
}

impl Scorecard {
    /// The scorecard of these rows.
    ///
    /// The total is given only when every dimension was measured, whatever its weight; otherwise it names those that weren't.
    /// Its interval takes the same mean of the lower ends and of the upper ends (see [`mean_of`] for what that is worth), its sample
    /// count is the smallest. Weights are 0 or more, not all 0: with others there is no total.
    #[must_use]
    pub fn new(dimensions: ByDimension<ScorecardRow>, weights: ByDimension<f64>) -> Self {
        let total = total(&dimensions, &weights);
        Self { dimensions, weights, total }
    }
}

fn total(dimensions: &ByDimension<ScorecardRow>, weights: &ByDimension<f64>) -> Measured {
    let weighted = dimensions.named().into_iter().zip(weights.named());
    let missing: Vec<&str> =
        dimensions.named().into_iter().filter(|(_, row)| row.figure.figure().is_none()).map(|(name, _)| name).collect();
    if !missing.is_empty() {
        return Measured::not_measured(&format!("not every dimension was measured: {}", missing.join(", ")));
    }
    let parts: Vec<(f64, &Figure)> =
        weighted.filter_map(|((_, row), (_, weight))| Some((*weight, row.figure.figure()?))).collect();
    ends::weighted_mean(&parts)
        .unwrap_or_else(|| Measured::not_measured("weights must be finite, 0 or more, and not all 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(value: f64, n: u64) -> Measured {
        Measured::Figure(Figure { value, low: value / 2.0, high: 1.0, n })
    }

    fn rows(figure: impl Fn(u64) -> Measured) -> ByDimension<ScorecardRow> {
        let row = |place: u64| ScorecardRow::new("figure", figure(place));
        ByDimension {
            diversity: row(0),
            consistency: row(1),
            accuracy: row(2),
            efficiency: row(3),
            generation_quality: row(4),
            interpretability: row(5),
            robustness: row(6),
            fairness: row(7),
        }
    }

    #[test]
    fn the_total_is_the_weighted_mean() {
        let weights = ByDimension { accuracy: 9.0, ..ByDimension::equal_weights() };
        let card = Scorecard::new(rows(|place| measured(if place == 2 { 0.75 } else { 0.25 }, 100 - place)), weights);
        let total = *card.total.figure().unwrap();
        assert!((total.value - (9.0 * 0.75 + 7.0 * 0.25) / 16.0).abs() < 1e-12);
        assert!((total.low - total.value / 2.0).abs() < 1e-12 && total.high == 1.0 && total.n == 93);
    }

    #[test]
    fn a_missing_dimension_is_named_and_there_is_no_total() {
        let absent = |place| if place == 4 { Measured::not_measured("no text") } else { measured(0.5, 10) };
        let weights = ByDimension { generation_quality: 0.0, ..ByDimension::equal_weights() };
        let card = Scorecard::new(rows(absent), weights);
        let expected = Measured::not_measured("not every dimension was measured: generation_quality");
        assert_eq!(card.total, expected);
    }

    #[test]
    fn weights_that_aren_t_give_no_total() {
        for weight in [f64::NAN, -1.0, f64::INFINITY] {
            let weights = ByDimension { fairness: weight, ..ByDimension::equal_weights() };
            assert!(Scorecard::new(rows(|_| measured(0.5, 10)), weights).total.figure().is_none(), "{weight}");
        }
    }

    #[test]
    fn a_row_is_a_share_or_says_why_not() {
        assert!(ScorecardRow::new("chrf2", measured(37.0, 10)).figure.figure().is_none());
        assert!(ScorecardRow::new("f1_macro", measured(f64::NAN, 10)).figure.figure().is_none());
        let absent = Measured::not_measured("no samples");
        assert_eq!(ScorecardRow::new("f1_macro", absent.clone()).figure, absent);
    }

    #[test]
    fn json_has_a_row_for_each_dimension() {
        let mut dimensions = rows(|_| measured(0.5, 10));
        dimensions.efficiency = dimensions.efficiency.with_raw("latency_p99_us", measured(900.0, 10));
        let json = serde_json::to_value(Scorecard::new(dimensions, ByDimension::equal_weights())).unwrap();
        assert_eq!(json["dimensions"]["efficiency"]["raw"]["latency_p99_us"]["value"], 900.0);
        assert_eq!(json["dimensions"].as_object().unwrap().len(), 8);
        assert_eq!((&json["weights"]["fairness"], &json["total"]["value"]), (&1.0.into(), &0.5.into()));
        let weights: ByDimension<f64> = serde_json::from_value(json["weights"].clone()).unwrap();
        assert_eq!(weights, ByDimension::equal_weights());
    }
}
