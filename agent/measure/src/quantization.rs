//! How far a quantized model's answers are from the original's, sample by sample.

use serde::Serialize;

use crate::vectors::mean;
use crate::{Measured, wilson};

/// What a probability under the divergence is at least, 2⁻⁵²: integer outputs hold exact zeros, of which the logarithm is infinite.
/// The same as for the negative log-likelihood.
const FLOOR: f64 = f64::EPSILON;

/// Paired answers of two precisions of one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuantizationAgreement {
    /// How often both pick the same class, 0 to 1, with Wilson's interval. Of equal probabilities the lowest class is picked.
    pub top1: Measured,
    /// Mean over samples of the divergence KL(fp32 ‖ int8), in nats.
    pub mean_kl_nats: f64,
    /// The largest of them, in nats.
    pub worst_kl_nats: f64,
    /// Which sample that is, from 0; the first of equals.
    pub worst_sample: usize,
}

/// Agreement of a row of class probabilities per sample in `fp32` with those in `int8`; McNemar's test of who is right is
/// [`crate::mcnemar_exact`].
///
/// `None` without samples, when they aren't as many, or as [`kl_divergence`] for any sample.
#[must_use]
pub fn quantization_agreement(fp32: &[Vec<f64>], int8: &[Vec<f64>]) -> Option<QuantizationAgreement> {
    if fp32.len() != int8.len() {
        return None;
    }
    let divergences: Option<Vec<f64>> = fp32.iter().zip(int8).map(|(p, q)| kl_divergence(p, q)).collect();
    let divergences = divergences?;
    let worse = |worst: (usize, f64), next: (usize, f64)| if next.1 > worst.1 { next } else { worst };
    let (worst_sample, worst_kl_nats) = divergences.iter().copied().enumerate().reduce(worse)?;
    let same = fp32.iter().zip(int8).filter(|(p, q)| highest(p) == highest(q)).count();
    Some(QuantizationAgreement {
        top1: wilson(same as u64, fp32.len() as u64),
        mean_kl_nats: mean(divergences.iter().copied())?,
        worst_kl_nats,
        worst_sample,
    })
}

/// Kullback–Leibler divergence KL(p ‖ q) = Σ p ln(p / q) of two distributions over the same classes, in nats, 0 to 52 ln 2
/// (Kullback & Leibler 1951; scipy's `entropy(p, q)`).
///
/// Each is divided by its sum first, then q is at least 2⁻⁵², so that a zero of it gives a large figure and not an infinite one. `None`
/// when they have other lengths, hold a negative value, or don't add up to something.
#[must_use]
pub fn kl_divergence(p: &[f64], q: &[f64]) -> Option<f64> {
    let (sum_p, sum_q): (f64, f64) = (p.iter().sum(), q.iter().sum());
    let is_distribution = |values: &[f64], sum: f64| sum > 0.0 && sum.is_finite() && values.iter().all(|v| *v >= 0.0);
    if p.len() != q.len() || !is_distribution(p, sum_p) || !is_distribution(q, sum_q) {
        return None;
    }
    let of_class = |(p, q): (&f64, &f64)| {
        let (p, q) = (p / sum_p, (q / sum_q).max(FLOOR));
        if p > 0.0 { p * libm::log(p / q) } else { 0.0 }
    };
    // Rounding may leave equal distributions a last bit under zero.
    Some(p.iter().zip(q).map(of_class).sum::<f64>().max(0.0))
}

fn highest(row: &[f64]) -> Option<usize> {
    let higher = |best: (usize, f64), next: (usize, f64)| if next.1 > best.1 { next } else { best };
    row.iter().copied().enumerate().reduce(higher).map(|(class, _)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_by_hand() {
        let expected = 0.5 * (0.5_f64 / 0.25).ln() + 0.5 * (0.5_f64 / 0.75).ln();
        assert!((kl_divergence(&[0.5, 0.5], &[0.25, 0.75]).unwrap() - expected).abs() < 1e-12);
        assert_eq!(kl_divergence(&[1.0, 1.0], &[0.5, 0.5]), Some(0.0));
        assert_eq!(kl_divergence(&[1.0, 0.0], &[0.0, 1.0]), Some(52.0 * std::f64::consts::LN_2), "not infinite");
    }

    #[test]
    fn the_worst_sample_is_named() {
        let fp32 = [vec![0.9, 0.1], vec![0.6, 0.4], vec![0.9, 0.1]];
        let int8 = [vec![0.9, 0.1], vec![0.4, 0.6], vec![0.8, 0.2]];
        let agreement = quantization_agreement(&fp32, &int8).unwrap();
        assert_eq!((agreement.worst_sample, agreement.top1), (1, wilson(2, 3)));
        assert!(agreement.worst_kl_nats > agreement.mean_kl_nats && agreement.mean_kl_nats > 0.0);
    }

    #[test]
    fn of_equal_probabilities_the_lowest_class_is_picked() {
        let agreement = quantization_agreement(&[vec![0.5, 0.5]], &[vec![0.6, 0.4]]).unwrap();
        assert_eq!(agreement.top1.figure().unwrap().value, 1.0);
    }

    #[test]
    fn what_isn_t_paired_has_no_agreement() {
        assert!(quantization_agreement(&[], &[]).is_none());
        assert!(quantization_agreement(&[vec![1.0]], &[]).is_none());
        for (p, q) in [
            (vec![1.0], vec![]),
            (vec![0.0], vec![1.0]),
            (vec![-1.0, 2.0], vec![1.0, 0.0]),
            (vec![f64::NAN], vec![1.0]),
        ] {
            assert_eq!(kl_divergence(&p, &q), None, "{p:?} {q:?}");
        }
    }
}
