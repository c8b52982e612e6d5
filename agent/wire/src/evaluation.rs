//! A whole evaluation in one bounded message: the scorecard, and the figures that it was made from.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::{Figure, Latency, Reading, Text};

/// What a model is worth on a reference set, by the eight dimensions. Per-class figures, slices and curves stay in the local report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationReport {
    /// The set's split.
    pub split: Text<64>,
    /// Samples that were asked about as they are.
    pub samples: u64,
    /// Samples of the split.
    pub of_samples: u64,
    /// Samples that were tried: corrupted, attacked, explained.
    pub tried: u64,
    /// Samples that could have been tried.
    pub to_try: u64,
    /// Where all randomness started.
    pub seed: u64,
    /// The weighted mean of the dimensions' figures, 0 to 1; measured only when all eight are.
    pub total: Figure,
    /// The dimensions.
    pub dimensions: Dimensions,
    /// From decoded input in memory to prediction, in microseconds.
    pub latency_us: Reading<Latency>,
}

/// The eight dimensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dimensions {
    /// How much of what the set could hold it holds.
    pub diversity: DimensionRow,
    /// Whether modalities that belong together are close.
    pub consistency: DimensionRow,
    /// How often the model is right.
    pub accuracy: DimensionRow,
    /// Whether budgets are kept.
    pub efficiency: DimensionRow,
    /// How good its words are.
    pub generation_quality: DimensionRow,
    /// Whether its maps show what counts.
    pub interpretability: DimensionRow,
    /// What corruptions and attacks leave.
    pub robustness: DimensionRow,
    /// Balance of modalities and groups.
    pub fairness: DimensionRow,
}

/// One dimension's figure with what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DimensionRow {
    /// 0 to 1, more is better; or why it wasn't measured.
    pub figure: Figure,
    /// Which figure it is, such as `f1_macro`.
    pub kind: Text<48>,
    /// What it counts in the total.
    pub weight: f64,
    /// The raw figures beside it, in their own units, which their names carry.
    pub raw: Vec<NamedFigure, 8>,
    /// What the figure lacks, such as a budget.
    pub lacks: Vec<Text<96>, 4>,
}

/// A figure and its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedFigure {
    /// Its name, with its unit.
    pub name: Text<48>,
    /// The figure.
    pub figure: Figure,
}
