//! CIDEr-D.

use std::array::from_fn;
use std::collections::{BTreeMap, BTreeSet};

use super::ngrams::count;
use super::text::words;
use super::{ReferenceError, tokenized};

/// The longest n-grams that are counted.
const ORDERS: usize = 4;
/// Spread of the penalty for differing lengths, in words.
const SIGMA: f64 = 6.0;
/// Left out at either end of a word.
const PUNCTUATION: &[char] = &[
    '.', ',', '?', '!', ':', ';', '\'', '"', '`', '-', '(', ')', '[', ']', '{', '}', '‘', '’', '“', '”', '–', '—', '…',
];

/// Why there can be no CIDEr-D.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CiderError {
    /// Hypotheses and references aren't pairs.
    #[error("{hypotheses} hypotheses and references of {samples} samples: they must be as many")]
    Lengths {
        /// How many hypotheses.
        hypotheses: usize,
        /// How many samples have references.
        samples: usize,
    },
    /// A sample can't be compared.
    #[error("sample {sample} (from 0): {reason}")]
    References {
        /// Which sample, from 0.
        sample: usize,
        /// Why.
        reason: ReferenceError,
    },
    /// In fewer than two samples no n-gram is rarer than another.
    #[error("CIDEr-D weighs n-grams by how few samples have them, which needs at least 2 samples")]
    TooFewSamples,
    /// Every n-gram of the references is in every sample's references.
    #[error("CIDEr-D weighs n-grams by how few samples have them, and all samples have the same")]
    NoWeight,
}

/// An n-gram of words.
type Ngram<'a> = &'a [String];

/// In how many samples' references each n-gram occurs.
struct Documents<'a> {
    log_samples: f64,
    frequency: BTreeMap<Ngram<'a>, u64>,
}

/// A text's n-grams, weighted, by order.
struct Weighted<'a> {
    weights: [BTreeMap<Ngram<'a>, f64>; ORDERS],
    norms: [f64; ORDERS],
    words: f64,
}

/// CIDEr-D of each sample (Vedantam et al. 2015), 0 to 10: cosine of tf-idf weighted n-grams, clipped at the reference's weights, times
/// exp(−δ² / 2σ²) with σ = 6 and δ the difference in words, mean over n = 1 to 4 and over the sample's references, times 10.
/// pycocoevalcap's `CiderScorer`. The corpus's is the mean of samples; a bootstrap resamples these, with the idf of the whole set.
/// A text too short for an order has 0 there, so texts under 4 words stay below 10.
///
/// Words: lower case, between white space, without these at their ends: `. , ? ! : ; ' " - ( ) [ ] { }`, backticks, typographic
/// quotes, dashes and the ellipsis; what is then empty is left out. So `don't`, `dog's`, `50%` and `t-shirt` are a word each. Stanford's
/// PTBTokenizer, that pycocoevalcap runs first, cuts the first three in two and makes words of brackets (`-lrb-`).
///
/// One hypothesis and a list of references for each sample. An empty hypothesis has 0.
///
/// # Errors
/// When they aren't as many, with fewer than two samples, when a sample has no references or an empty one, and when no n-gram
/// has any weight; pycocoevalcap gives 0 for the latter and for a single sample.
pub fn cider_d<R: AsRef<str>>(
    hypotheses: &[impl AsRef<str>],
    references: &[impl AsRef<[R]>],
) -> Result<Vec<f64>, CiderError> {
    let samples = references.len();
    if hypotheses.len() != samples {
        return Err(CiderError::Lengths { hypotheses: hypotheses.len(), samples });
    }
    if samples < 2 {
        return Err(CiderError::TooFewSamples);
    }
    let of_sample = |(sample, texts): (usize, _)| {
        tokenized(AsRef::<[R]>::as_ref(texts), tokens).map_err(|reason| CiderError::References { sample, reason })
    };
    let references = references.iter().enumerate().map(of_sample).collect::<Result<Vec<_>, _>>()?;
    let documents = Documents::new(&references);
    if documents.all_alike() {
        return Err(CiderError::NoWeight);
    }
    let pairs = hypotheses.iter().zip(&references);
    Ok(pairs.map(|(hypothesis, references)| documents.score(&tokens(hypothesis.as_ref()), references)).collect())
}

/// Whether CIDEr-D can compare with a sample's references: [`cider_d`] refuses a set with one that it can't.
///
/// # Errors
/// Without references, or when one has no words.
pub fn cider_d_comparable(references: &[impl AsRef<str>]) -> Result<(), ReferenceError> {
    tokenized(references, tokens).map(|_| ())
}

fn tokens(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let bare = words(&lower).map(|word| word.trim_matches(PUNCTUATION));
    bare.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl<'a> Documents<'a> {
    fn new(references: &'a [Vec<Vec<String>>]) -> Self {
        let mut frequency = BTreeMap::new();
        for sample in references {
            let ngrams = sample.iter().flat_map(|tokens| (1..=ORDERS).flat_map(|order| tokens.windows(order)));
            for ngram in ngrams.collect::<BTreeSet<_>>() {
                *frequency.entry(ngram).or_default() += 1;
            }
        }
        Self { log_samples: libm::log(references.len() as f64), frequency }
    }

    fn all_alike(&self) -> bool {
        self.frequency.keys().all(|ngram| self.inverse_frequency(ngram) == 0.0)
    }

    fn inverse_frequency(&self, ngram: Ngram<'_>) -> f64 {
        self.log_samples - libm::log(self.frequency.get(ngram).copied().unwrap_or(1) as f64)
    }

    fn weigh<'b>(&self, tokens: &'b [String]) -> Weighted<'b> {
        let weight = |(ngram, times)| (ngram, times as f64 * self.inverse_frequency(ngram));
        let weights: [BTreeMap<_, _>; ORDERS] =
            from_fn(|index| count(tokens, index + 1).into_iter().map(weight).collect());
        let norms = from_fn(|index| libm::sqrt(weights[index].values().map(|weight| weight * weight).sum()));
        Weighted { weights, norms, words: tokens.len() as f64 }
    }

    fn score(&self, hypothesis: &[String], references: &[Vec<String>]) -> f64 {
        let hypothesis = self.weigh(hypothesis);
        let sum: f64 = references.iter().map(|reference| hypothesis.similarity(&self.weigh(reference))).sum();
        10.0 * sum / references.len() as f64
    }
}

impl Weighted<'_> {
    /// Mean over the orders of the clipped cosine, times the penalty for differing lengths: 0 to 1.
    fn similarity(&self, reference: &Self) -> f64 {
        let cosine = |index: usize| {
            let norms = self.norms[index] * reference.norms[index];
            if norms > 0.0 { self.clipped_product(reference, index) / norms } else { 0.0 }
        };
        let apart = self.words - reference.words;
        let penalty = libm::exp(-apart * apart / (2.0 * SIGMA * SIGMA));
        (0..ORDERS).map(cosine).sum::<f64>() * penalty / ORDERS as f64
    }

    fn clipped_product(&self, reference: &Self, index: usize) -> f64 {
        let of_reference = |ngram| reference.weights[index].get(ngram).copied().unwrap_or(0.0);
        let product = |(ngram, &weight): (_, &f64)| weight.min(of_reference(ngram)) * of_reference(ngram);
        self.weights[index].iter().map(product).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_ten_and_another_nothing() {
        let scores =
            cider_d(&["Two dogs run home.", "a car"], &[["two dogs run home"], ["one red bus stops"]]).unwrap();
        assert!((scores[0] - 10.0).abs() < 1e-12 && scores[1] == 0.0, "{scores:?}");
    }

    #[test]
    fn punctuation_is_left_out_at_the_ends_of_words() {
        assert_eq!(tokens("“It's a T-shirt” -- (50%), 3.5!"), ["it's", "a", "t-shirt", "50%", "3.5"]);
    }

    #[test]
    fn what_can_t_be_compared_says_why() {
        let two = ["a", "b"];
        assert_eq!(cider_d(&two, &[["a"]]), Err(CiderError::Lengths { hypotheses: 2, samples: 1 }));
        assert_eq!(cider_d(&["a"], &[["a"]]), Err(CiderError::TooFewSamples));
        assert_eq!(cider_d(&two, &[["a"], ["a"]]), Err(CiderError::NoWeight));
        let reason = ReferenceError::Empty { reference: 0 };
        assert_eq!(cider_d(&two, &[["a"], ["?!"]]), Err(CiderError::References { sample: 1, reason }));
        assert_eq!((cider_d_comparable(&["a"]), cider_d_comparable(&["?!"])), (Ok(()), Err(reason)));
        let none: [Vec<&str>; 2] = [vec!["a"], vec![]];
        let reason = ReferenceError::Missing;
        assert_eq!(cider_d(&two, &none), Err(CiderError::References { sample: 1, reason }));
    }
}
