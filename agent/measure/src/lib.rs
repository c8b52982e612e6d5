//! The mathematics of evaluation, pure: slices in, figures out. No file, clock or thread.
//!
//! Definitions and sources are in each function's comment; `tests/parity` holds them against scikit-learn, scipy,
//! statsmodels, numpy and torchmetrics to 1e-6.

mod calibration_error;
mod confusion;
mod consistency;
mod early_stopping;
mod figure;
mod generation;
mod interval;
mod latency;
mod top_k;

pub use calibration_error::{CalibrationError, brier_score, calibration_error, negative_log_likelihood};
pub use confusion::{ClassScores, Confusion, ConfusionError, Scores};
pub use consistency::{agreement, auc, jensen_shannon_divergence, separation};
pub use early_stopping::{TooFewQueries, early_stopping_estimate, queries_needed};
pub use figure::{Figure, Measured};
pub use generation::{
    BleuStatistics, ChrfStatistics, CiderError, ErrorCounts, ReferenceError, character_errors, cider_d,
    cider_d_comparable, exact_match, rouge_l, tokens_13a, word_errors,
};
pub use interval::{bootstrap, mcnemar_exact, percentile_interval, resample_clusters, wilson};
pub use latency::{LatencySummary, percentile};
pub use top_k::top_k_accuracy;
