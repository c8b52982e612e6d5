//! What disturbances leave of a score.

mod corruption;
mod noise;

pub use corruption::{
    CorruptionErrors, Incomparable, corruption_error, mean_corruption_error, mean_error,
    mean_relative_corruption_error, relative_corruption_error, share_kept,
};
pub use noise::{RelativeRobustness, SnrUnknown, effective_robustness, relative_robustness, snr_keeping_most};
