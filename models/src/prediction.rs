//! What a model says about a window.

use serde::{Deserialize, Serialize};

use crate::manifest::Modality;

/// One window's answer. A classifier tells a class, a model that generates words, a model for retrieval embeddings alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// A classifier's most probable class; of equals, the first.
    pub class: usize,
    /// How sure a classifier is of its class, or a model of its words: 0 to 1. It says nothing without an answer, see
    /// [`Prediction::has_answer`].
    pub confidence: f32,
    /// Each class's probability; they add up to 1.
    pub probabilities: Vec<f32>,
    /// What a classifier's graph gave, before softmax.
    pub logits: Vec<f32>,
    /// The words of a model that generates.
    pub generated: Option<Generated>,
    /// Each modality's place in the shared space, where the model tells it.
    pub embeddings: Vec<(Modality, Vec<f32>)>,
    /// How much each modality counted, where the model tells it; the weights add up to 1.
    pub attention: Vec<(Modality, f32)>,
}

/// An answer in words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// The words.
    pub text: String,
    /// The tokens that they are made of, without the first and the end.
    pub tokens: Vec<u32>,
    /// How probable each token was when it was chosen, 0 to 1; that of the end is the last, if the answer came to it.
    pub probabilities: Vec<f32>,
    /// Whether the answer came to its end; otherwise it was cut at the longest that the model may say.
    pub complete: bool,
}

impl Generated {
    /// The geometric mean of the tokens' probabilities, 0 to 1: a long answer isn't less sure for its length.
    #[must_use]
    pub fn confidence(&self) -> f32 {
        let logarithms = self.probabilities.iter().map(|&probability| libm::log(f64::from(probability)));
        let count = self.probabilities.len().max(1) as f64;
        libm::exp(logarithms.sum::<f64>() / count) as f32
    }
}

impl Prediction {
    /// Whether there is a class or a text; a model for retrieval gives embeddings alone.
    #[must_use]
    pub const fn has_answer(&self) -> bool {
        !self.probabilities.is_empty() || self.generated.is_some()
    }

    /// The most probable class and its probability.
    #[must_use]
    pub(crate) fn best(&self) -> (usize, f32) {
        let better = |best: (usize, f32), next: (usize, f32)| if next.1 > best.1 { next } else { best };
        self.probabilities.iter().copied().enumerate().fold((0, f32::NEG_INFINITY), better)
    }

    /// One minus the cosine of the first two embeddings, 0 to 2; `None` without two, or with one of length zero.
    #[must_use]
    pub fn embedding_distance(&self) -> Option<f64> {
        let [(_, first), (_, second), ..] = self.embeddings.as_slice() else { return None };
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let lengths = (dot(first, first) * dot(second, second)).sqrt();
        (lengths > 0.0).then(|| 1.0 - dot(first, second) / lengths)
    }
}

/// Probabilities of logits, without overflow.
#[must_use]
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&logit| libm::exp(f64::from(logit - largest))).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

/// The most probable token and its probability (softmax); of equals the first. `None` when a logit isn't a number, or none is
/// finite.
#[must_use]
pub(crate) fn most_probable(logits: &[f32]) -> Option<(u32, f32)> {
    let better = |best: (usize, f32), next: (usize, f32)| if next.1 > best.1 { next } else { best };
    let (place, _) = logits.iter().copied().enumerate().fold((0, f32::NEG_INFINITY), better);
    let token = u32::try_from(place).ok()?;
    Some((token, probability_of(logits, token)?))
}

/// A token's probability (softmax), 0 for one that the model can't say. `None` when a logit isn't a number, or none is finite.
#[must_use]
pub(crate) fn probability_of(logits: &[f32], token: u32) -> Option<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if !largest.is_finite() || logits.iter().any(|logit| logit.is_nan()) {
        return None;
    }
    let power = |logit: &f32| libm::exp(f64::from(logit - largest));
    let sum: f64 = logits.iter().map(power).sum();
    Some(logits.get(token as usize).map_or(0.0, |logit| power(logit) / sum) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_logits_don_t_overflow() {
        let probabilities = softmax(&[1000.0, 1000.0, -1000.0]);
        assert_eq!(probabilities, [0.5, 0.5, 0.0]);
    }

    #[test]
    fn of_equals_the_first_is_best() {
        let prediction = Prediction { probabilities: vec![0.2, 0.4, 0.4], ..Prediction::default() };
        assert_eq!(prediction.best(), (1, 0.4));
    }

    #[test]
    fn opposite_embeddings_are_two_apart() {
        let embeddings = vec![(Modality::Image, vec![2.0, 0.0]), (Modality::Audio, vec![-1.0, 0.0])];
        assert_eq!(Prediction { embeddings, ..Prediction::default() }.embedding_distance(), Some(2.0));
        assert_eq!(Prediction::default().embedding_distance(), None);
    }

    #[test]
    fn a_token_is_chosen_with_its_probability() {
        assert_eq!(most_probable(&[0.0, 2.0, 2.0]).unwrap().0, 1);
        let (_, probability) = most_probable(&[0.0, libm::logf(3.0), f32::NEG_INFINITY]).unwrap();
        assert!((probability - 0.75).abs() < 1e-6, "{probability}");
        for logits in [&[][..], &[0.0, f32::NAN], &[f32::INFINITY], &[f32::NEG_INFINITY; 2]] {
            assert_eq!(most_probable(logits), None, "{logits:?}");
        }
    }

    #[test]
    fn confidence_is_the_geometric_mean() {
        let generated = Generated { probabilities: vec![0.5, 0.125], ..Generated::default() };
        assert!((generated.confidence() - 0.25).abs() < 1e-6);
    }
}
