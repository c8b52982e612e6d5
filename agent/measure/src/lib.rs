//! The mathematics of evaluation, pure: slices in, figures out. No file, clock or thread.
//!
//! Definitions and sources are in each function's comment; `tests/parity` holds them against scikit-learn, scipy,
//! statsmodels, numpy and torchmetrics to 1e-6.

mod calibration_error;
mod confusion;
mod consistency;
mod curve;
mod diversity;
mod drift;
mod early_stopping;
mod energy;
mod fairness;
mod figure;
mod generation;
mod interpretability;
mod interval;
mod latency;
mod quantization;
mod robustness;
mod scorecard;
mod slice;
mod soak;
mod strata;
mod top_k;
mod vectors;

pub use calibration_error::{
    CalibrationError, ReliabilityBin, brier_score, calibration_error, negative_log_likelihood, reliability_bins,
};
pub use confusion::{ClassScores, Confusion, ConfusionError, ConfusionSummary, Scores};
pub use consistency::{
    RetrievalRanks, Separation, SkewTolerance, UniformityKernel, agreement, alignment, auc, embedding_distances,
    jensen_shannon_divergence, median_rank, modality_gap, recall_at, retrieval_ranks, skew_tolerance, uniformity,
};
pub use curve::area_under_curve;
pub use diversity::{Diversity, diversity, evenness};
pub use drift::{EnergyTest, NoEnergyTest, StabilityBaseline, block_assignments, energy_distance, energy_test};
pub use early_stopping::{TooFewQueries, early_stopping_estimate, queries_needed};
pub use energy::{EnergyPerInference, EnergyTrace, MeanPower, energy_per_inference};
pub use fairness::{GroupGap, PerceptualScore, contribution_shares, group_gap, imbalance, perceptual_score, shapley};
pub use figure::{Figure, Measured};
pub use generation::{
    BleuStatistics, ChrfStatistics, CiderError, ErrorCounts, ReferenceError, character_errors, cider_d,
    cider_d_comparable, exact_match, rouge_l, tokens_13a, word_errors,
};
pub use interpretability::{Region, area_over_share, interpretability, map_order, pointing_hit};
pub use interval::{Resampled, bootstrap, difference, mcnemar_exact, percentile_interval, resample_clusters, wilson};
pub use latency::{HistogramBin, LatencySummary, histogram, percentile};
pub use quantization::{QuantizationAgreement, kl_divergence, quantization_agreement};
pub use robustness::{
    CorruptionErrors, Incomparable, RelativeRobustness, SnrUnknown, corruption_error, effective_robustness,
    mean_corruption_error, mean_error, mean_relative_corruption_error, relative_corruption_error, relative_robustness,
    share_kept, snr_keeping_most,
};
pub use scorecard::{
    Budgeted, ByDimension, Efficiency, Scorecard, ScorecardRow, efficiency, fairness_figure, first_measured,
    less_from_one, mean_of, robustness_figure, scaled, within_0_and_1,
};
pub use slice::{RANKED_SAMPLES, Slice};
pub use soak::{STEADY_KELVINS, STEADY_MINUTES, SoakClock, SoakDrift, SoakMinute, is_steady};
pub use strata::strata_of_clusters;
pub use top_k::top_k_accuracy;
