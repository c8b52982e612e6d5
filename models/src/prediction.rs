//! What a classifier says about a window.

use crate::manifest::Modality;

/// One window's answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    /// The most probable class; of equals, the first.
    pub class: usize,
    /// Its probability, 0 to 1.
    pub confidence: f32,
    /// Each class's probability; they add up to 1.
    pub probabilities: Vec<f32>,
    /// What the graph gave, before softmax.
    pub logits: Vec<f32>,
    /// Each modality's place in the shared space, where the model tells it.
    pub embeddings: Vec<(Modality, Vec<f32>)>,
    /// How much each modality counted, where the model tells it; the weights add up to 1.
    pub attention: Vec<(Modality, f32)>,
}

impl Prediction {
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
}
