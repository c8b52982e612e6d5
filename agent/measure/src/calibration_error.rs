//! How honest probabilities are.

use serde::Serialize;

/// Bins of the calibration error (Guo et al. 2017).
const BINS: usize = 15;

/// How far confidence and accuracy are apart, each 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationError {
    /// Expected: Σ (n_b / N) · |acc_b − conf_b|.
    pub expected: f64,
    /// Of the worst bin.
    pub maximum: f64,
}

/// Expected and maximum calibration error over 15 equal bins (Guo et al. 2017, "On Calibration of Modern Neural
/// Networks"; torchmetrics' `l1` and `max`).
///
/// `confidences` are the predicted classes' probabilities, 0 to 1; `right` tells whether each prediction was. `None` without
/// samples or when they aren't as many. A confidence on a border belongs to the bin above it, so that exactly 1 has a bin of its
/// own: torchmetrics does the same, where Guo's half-open bins would put it with the last.
#[must_use]
pub fn calibration_error(confidences: &[f64], right: &[bool]) -> Option<CalibrationError> {
    if confidences.is_empty() || confidences.len() != right.len() {
        return None;
    }
    let count = confidences.len() as f64;
    let gaps = reliability_bins(confidences, right)
        .into_iter()
        .filter_map(|bin| Some((bin.count as f64 / count, (bin.accuracy? - bin.confidence?).abs())));
    Some(gaps.fold(CalibrationError { expected: 0.0, maximum: 0.0 }, |error, (share, gap)| CalibrationError {
        expected: error.expected + share * gap,
        maximum: error.maximum.max(gap),
    }))
}

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Confidences from this, 0 to 1.
    pub low: f64,
    /// Up to this, which belongs to the next bin; the last holds exactly 1.
    pub high: f64,
    /// Predictions in it.
    pub count: u64,
    /// Their mean confidence; none of an empty bin.
    pub confidence: Option<f64>,
    /// The share of them that was right; none of an empty bin.
    pub accuracy: Option<f64>,
}

/// What [`calibration_error`] sums up: 15 equal bins, and one of confidences of exactly 1. A confidence without a counterpart in `right` is left
/// out, all bins of no predictions are empty.
#[must_use]
pub fn reliability_bins(confidences: &[f64], right: &[bool]) -> Vec<ReliabilityBin> {
    let border = |bin: usize| bin.min(BINS) as f64 / BINS as f64;
    let mut bins = [(0_u64, 0.0, 0.0); BINS + 1];
    for (&confidence, &right) in confidences.iter().zip(right) {
        // Where it falls but for rounding, then by the borders themselves.
        let mut bin = ((confidence * BINS as f64) as usize).min(BINS);
        while bin < BINS && confidence >= border(bin + 1) {
            bin += 1;
        }
        while bin > 0 && confidence < border(bin) {
            bin -= 1;
        }
        bins[bin].0 += 1;
        bins[bin].1 += confidence;
        bins[bin].2 += f64::from(u8::from(right));
    }
    let bin = |(place, &(count, confidence, right)): (usize, &(u64, f64, f64))| {
        let mean = |sum: f64| (count > 0).then(|| sum / count as f64);
        let (low, high) = (border(place), border(place + 1));
        ReliabilityBin { low, high, count, confidence: mean(confidence), accuracy: mean(right) }
    };
    bins.iter().enumerate().map(bin).collect()
}

/// Mean over samples of Σ (p_c − y_c)² over classes, 0 to 2 (Brier 1950; scikit-learn's multi-class `brier_score_loss` with
/// `scale_by_half=False`).
///
/// A row of `probabilities` for each sample, a column for each class; a class without a column has p = 0. `None` without samples or
/// when they aren't as many.
#[must_use]
pub fn brier_score(probabilities: &[Vec<f64>], truths: &[usize]) -> Option<f64> {
    if probabilities.len() != truths.len() {
        return None;
    }
    let of_sample = |(row, truth): (&Vec<f64>, &usize)| {
        let squared = |(class, p): (usize, f64)| (p - f64::from(u8::from(class == *truth))).powi(2);
        row.iter().copied().enumerate().map(squared).sum::<f64>() + if *truth < row.len() { 0.0 } else { 1.0 }
    };
    mean(probabilities.iter().zip(truths).map(of_sample))
}

/// Mean of −ln p of the true class, in nats, p clipped to 2⁻⁵² and 1 − 2⁻⁵² as scikit-learn's `log_loss` does for 64-bit floats.
///
/// A row of `probabilities` for each sample, a column for each class; a class without a column has p = 0. `None` without samples or
/// when they aren't as many.
#[must_use]
pub fn negative_log_likelihood(probabilities: &[Vec<f64>], truths: &[usize]) -> Option<f64> {
    if probabilities.len() != truths.len() {
        return None;
    }
    let of_sample = |(row, truth): (&Vec<f64>, &usize)| {
        let p = row.get(*truth).copied().unwrap_or(0.0);
        -libm::log(p.clamp(f64::EPSILON, 1.0 - f64::EPSILON))
    };
    mean(probabilities.iter().zip(truths).map(of_sample))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u64, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_holds_what_its_borders_say() {
        let borders = (0..=BINS).map(|bin| bin as f64 / BINS as f64);
        for confidence in borders.flat_map(|border| [border.next_down(), border, border.next_up()]).chain([f64::NAN]) {
            let reached = (1..=BINS).filter(|&bin| confidence >= bin as f64 / BINS as f64).count();
            let bins = reliability_bins(&[confidence], &[true]);
            assert_eq!(bins.iter().position(|bin| bin.count == 1), Some(reached), "{confidence}");
        }
    }

    #[test]
    fn sure_and_right_is_calibrated_sure_and_wrong_is_not() {
        assert_eq!(calibration_error(&[1.0, 1.0], &[true, true]).unwrap().expected, 0.0);
        let wrong = calibration_error(&[1.0, 1.0], &[false, false]).unwrap();
        assert_eq!((wrong.expected, wrong.maximum), (1.0, 1.0));
    }

    #[test]
    fn bins_count_by_their_share() {
        let error = calibration_error(&[0.95, 0.95, 0.95, 0.5], &[true, true, false, true]).unwrap();
        let (high, middle) = ((2.0_f64 / 3.0 - 0.95).abs(), 0.5);
        assert!((error.expected - (0.75 * high + 0.25 * middle)).abs() < 1e-12);
        assert_eq!(error.maximum, middle);
    }

    #[test]
    fn a_class_without_a_column_was_given_nothing() {
        let score = brier_score(&[vec![1.0, 0.0], vec![0.5, 0.5]], &[2, 0]).unwrap();
        assert_eq!(score, f64::midpoint(1.0 + 1.0, 0.25 + 0.25));
        let likelihood = negative_log_likelihood(&[vec![1.0, 0.0]], &[2]).unwrap();
        assert!((likelihood + f64::EPSILON.ln()).abs() < 1e-12);
    }

    #[test]
    fn certainty_has_a_bin_of_its_own() {
        let error = calibration_error(&[1.0, 0.95], &[true, false]).unwrap();
        assert!((error.expected - 0.475).abs() < 1e-12, "in one bin it would be less: {error:?}");
        assert_eq!(error.maximum, 0.95);
    }

    #[test]
    fn bins_hold_every_prediction_once() {
        let bins = reliability_bins(&[0.0, 0.5, 0.52, 1.0], &[false, true, false, true]);
        assert_eq!((bins.len(), bins.iter().map(|bin| bin.count).sum::<u64>()), (16, 4));
        assert_eq!((bins[7].count, bins[7].accuracy, bins[15].count), (2, Some(0.5), 1));
        assert_eq!((bins[14].high, bins[15].low, bins[1].confidence), (1.0, 1.0, None));
    }

    #[test]
    fn what_isn_t_a_pair_has_no_figure() {
        assert!(calibration_error(&[0.5], &[]).is_none());
        assert!(brier_score(&[vec![1.0]], &[]).is_none());
        assert!(negative_log_likelihood(&[vec![1.0]], &[0, 0]).is_none());
    }

    #[test]
    fn nothing_has_no_error() {
        assert!(calibration_error(&[], &[]).is_none());
        assert!(brier_score(&[], &[]).is_none() && negative_log_likelihood(&[], &[]).is_none());
    }
}
