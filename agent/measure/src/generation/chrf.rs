//! chrF.

use std::array::from_fn;
use std::iter::Sum;
use std::ops::Add;

use super::ngrams::{common, count, number};
use super::text::is_space;
use super::{ReferenceError, tokenized};

/// The longest n-grams that are counted.
const ORDERS: usize = 6;
/// β²: recall weighs β = 2 times as much as precision.
const BETA_SQUARED: f64 = 4.0;

/// What chrF2 needs to know of a sample. Those of samples add up to those of a corpus; the default is that of no samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChrfStatistics {
    /// Character n-grams of the hypothesis, n = 1 to 6; none of an order that the reference has none of.
    pub hypothesis: [u64; ORDERS],
    /// Character n-grams of the reference.
    pub reference: [u64; ORDERS],
    /// Those that both have, each as often as both have it.
    pub matches: [u64; ORDERS],
}

impl ChrfStatistics {
    /// Of a sample and that of its references which gives the highest score, the first of those. Case is kept, white space left out.
    /// An empty hypothesis matches nothing.
    ///
    /// # Errors
    /// Without references, or when one is empty.
    pub fn new(hypothesis: &str, references: &[impl AsRef<str>]) -> Result<Self, ReferenceError> {
        let hypothesis = characters(hypothesis);
        let each =
            tokenized(references, characters)?.into_iter().map(|reference| Self::of_pair(&hypothesis, &reference));
        let best = each.reduce(|best, other| if other.f_score() > best.f_score() { other } else { best });
        best.ok_or(ReferenceError::Missing)
    }

    fn of_pair(hypothesis: &[char], reference: &[char]) -> Self {
        let in_reference = from_fn(|index| number(reference.len(), index + 1));
        Self {
            hypothesis: from_fn(|index| if in_reference[index] > 0 { number(hypothesis.len(), index + 1) } else { 0 }),
            reference: in_reference,
            matches: from_fn(|index| common(&count(hypothesis, index + 1), &count(reference, index + 1))),
        }
    }

    /// chrF2 (Popović 2015), 0 to 100: F of β = 2 over character n-grams, precision and recall averaged over the orders that both
    /// sides have. Of a sample's statistics sacrebleu's `CHRF().sentence_score`, of a sum `corpus_score`. `None` without samples.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        (self.reference[0] > 0).then(|| self.f_score())
    }

    fn f_score(&self) -> f64 {
        let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0.0);
        for index in (0..ORDERS).filter(|&index| self.hypothesis[index] > 0 && self.reference[index] > 0) {
            precision += self.matches[index] as f64 / self.hypothesis[index] as f64;
            recall += self.matches[index] as f64 / self.reference[index] as f64;
            orders += 1.0;
        }
        if precision + recall == 0.0 {
            return 0.0;
        }
        let (precision, recall) = (precision / orders, recall / orders);
        100.0 * (1.0 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)
    }
}

fn characters(text: &str) -> Vec<char> {
    text.chars().filter(|&character| !is_space(character)).collect()
}

impl Add for ChrfStatistics {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            hypothesis: from_fn(|index| self.hypothesis[index] + other.hypothesis[index]),
            reference: from_fn(|index| self.reference[index] + other.reference[index]),
            matches: from_fn(|index| self.matches[index] + other.matches[index]),
        }
    }
}

impl Sum for ChrfStatistics {
    fn sum<I: Iterator<Item = Self>>(statistics: I) -> Self {
        statistics.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_reference_counts() {
        let score = |references: &[&str]| ChrfStatistics::new("two dogs", references).unwrap().score();
        assert_eq!(score(&["two dogs"]), Some(100.0));
        assert_eq!(score(&["ein Hund", "two  dogs"]), Some(100.0));
        assert_eq!(score(&["ÄÖÜ"]), Some(0.0));
    }

    #[test]
    fn short_texts_have_fewer_orders() {
        let statistics = ChrfStatistics::new("abc", &["ab"]).unwrap();
        assert_eq!((statistics.hypothesis, statistics.reference), ([3, 2, 0, 0, 0, 0], [2, 1, 0, 0, 0, 0]));
        assert_eq!(statistics.matches, [2, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn what_can_t_be_compared_says_why() {
        assert_eq!(ChrfStatistics::new("a", &[""; 0]), Err(ReferenceError::Missing));
        assert_eq!(ChrfStatistics::new("a", &["\u{3000}"]), Err(ReferenceError::Empty { reference: 0 }));
        assert_eq!(ChrfStatistics::default().score(), None);
    }
}
