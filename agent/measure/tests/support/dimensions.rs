//! The scorecard's dimensions by number.

use edgeval_measure::ByDimension;

/// One thing for each dimension, in the order of its fields.
pub fn by_dimension<T>(of: impl Fn(usize) -> T) -> ByDimension<T> {
    ByDimension {
        diversity: of(0),
        consistency: of(1),
        accuracy: of(2),
        efficiency: of(3),
        generation_quality: of(4),
        interpretability: of(5),
        robustness: of(6),
        fairness: of(7),
    }
}
