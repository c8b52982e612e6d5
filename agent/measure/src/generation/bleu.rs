//! BLEU.

use std::array::from_fn;
use std::iter::Sum;
use std::ops::Add;

use super::ngrams::{Counts, common, count, number};
use super::tokenizer_13a::tokens_13a;
use super::{ReferenceError, tokenized};

/// The longest n-grams that are counted.
const ORDERS: usize = 4;

/// What BLEU-4 needs to know of a sample. Those of samples add up to those of a corpus; the default is that of no samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BleuStatistics {
    /// Tokens of the hypothesis.
    pub hypothesis_tokens: u64,
    /// Tokens of the reference whose length is closest to the hypothesis's; of two as close, the shorter.
    pub reference_tokens: u64,
    /// 4-grams in the longest reference: without any, and none in the hypothesis, BLEU-4 is undefined.
    pub reference_four_grams: u64,
    /// N-grams of the hypothesis, n = 1 to 4, that a reference has too, each at most as often as in the reference that has most.
    pub matches: [u64; ORDERS],
    /// N-grams of the hypothesis, n = 1 to 4.
    pub totals: [u64; ORDERS],
}

impl BleuStatistics {
    /// Of a sample, with sacrebleu's `13a` tokenizer, case kept. An empty hypothesis matches nothing.
    ///
    /// # Errors
    /// Without references, or when one has no tokens.
    pub fn new(hypothesis: &str, references: &[impl AsRef<str>]) -> Result<Self, ReferenceError> {
        let (tokens, references) = (tokens_13a(hypothesis), tokenized(references, tokens_13a)?);
        let lengths = || references.iter().map(Vec::len);
        let closest = lengths().min_by_key(|&length| (length.abs_diff(tokens.len()), length)).unwrap_or(0);
        Ok(Self {
            hypothesis_tokens: tokens.len() as u64,
            reference_tokens: closest as u64,
            reference_four_grams: number(lengths().max().unwrap_or(0), ORDERS),
            matches: from_fn(|index| common(&count(&tokens, index + 1), &most_of_each(&references, index + 1))),
            totals: from_fn(|index| number(tokens.len(), index + 1)),
        })
    }

    /// BLEU-4 of the corpus (Papineni et al. 2002), 0 to 100: brevity penalty · exp(¼ Σ log pₙ), where the k-th order without a match
    /// counts as 2⁻ᵏ matches (Chen & Cherry 2014, method 3). sacrebleu's `BLEU().corpus_score`.
    ///
    /// `None` without samples, and when neither any hypothesis nor any reference is 4 tokens long: sacrebleu gives 0 there, even to
    /// texts that are the same. Otherwise 0 when nothing matches or no hypothesis has a 4-gram.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let four_grams = self.reference_four_grams + self.totals[ORDERS - 1];
        if self.reference_tokens == 0 || four_grams == 0 {
            return None;
        }
        if self.matches == [0; ORDERS] || self.totals.contains(&0) {
            return Some(0.0);
        }
        Some(100.0 * self.brevity_penalty() * libm::exp(self.log_precisions() / ORDERS as f64))
    }

    fn brevity_penalty(&self) -> f64 {
        let ratio = self.reference_tokens as f64 / self.hypothesis_tokens as f64;
        libm::exp((1.0 - ratio).min(0.0))
    }

    fn log_precisions(&self) -> f64 {
        let mut smoothing = 1.0;
        let pairs = self.matches.into_iter().zip(self.totals);
        let matches_and_totals = pairs.map(|(matches, total)| {
            if matches > 0 {
                return libm::log(matches as f64 / total as f64);
            }
            smoothing *= 2.0;
            -libm::log(smoothing * total as f64)
        });
        matches_and_totals.sum()
    }
}

/// How often each n-gram occurs in the reference that has it most.
fn most_of_each(references: &[Vec<String>], order: usize) -> Counts<'_, String> {
    let mut most = Counts::new();
    for (ngram, times) in references.iter().flat_map(|tokens| count(tokens, order)) {
        let so_far = most.entry(ngram).or_default();
        *so_far = times.max(*so_far);
    }
    most
}

impl Add for BleuStatistics {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            hypothesis_tokens: self.hypothesis_tokens + other.hypothesis_tokens,
            reference_tokens: self.reference_tokens + other.reference_tokens,
            reference_four_grams: self.reference_four_grams + other.reference_four_grams,
            matches: from_fn(|index| self.matches[index] + other.matches[index]),
            totals: from_fn(|index| self.totals[index] + other.totals[index]),
        }
    }
}

impl Sum for BleuStatistics {
    fn sum<I: Iterator<Item = Self>>(statistics: I) -> Self {
        statistics.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_clipped_at_the_reference_that_has_most() {
        let references = ["the cat is on the mat", "there is a cat on the mat"];
        let statistics = BleuStatistics::new("the the the the the the the", &references).unwrap();
        assert_eq!((statistics.matches, statistics.totals), ([2, 0, 0, 0], [7, 6, 5, 4]));
        assert_eq!((statistics.hypothesis_tokens, statistics.reference_tokens), (7, 7));
    }

    #[test]
    fn short_texts_have_no_bleu_4_and_short_answers_to_long_ones_score_nothing() {
        assert_eq!(BleuStatistics::new("two dogs", &["two dogs"]).unwrap().score(), None);
        assert_eq!(BleuStatistics::new("two dogs", &["two dogs on a bench"]).unwrap().score(), Some(0.0));
        assert_eq!(BleuStatistics::new("", &["two dogs on a bench"]).unwrap().score(), Some(0.0));
        assert_eq!(BleuStatistics::default().score(), None);
    }

    #[test]
    fn what_can_t_be_compared_says_why() {
        assert_eq!(BleuStatistics::new("a", &[""; 0]), Err(ReferenceError::Missing));
        assert_eq!(BleuStatistics::new("a", &["b", " "]), Err(ReferenceError::Empty { reference: 1 }));
    }
}
