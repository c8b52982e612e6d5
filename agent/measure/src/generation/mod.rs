//! Generated text against reference texts.
//!
//! Each figure is taken in two steps, so that a bootstrap over sample indices is cheap: statistics of a sample, computed once, and
//! a score of their sum (BLEU, chrF, WER, CER) or their mean (ROUGE-L, CIDEr-D, exact match). `tests/parity` holds them against
//! sacrebleu, rouge-score, jiwer and pycocoevalcap to 1e-6.

mod bleu;
mod chrf;
mod cider;
mod error_rate;
mod exact_match;
mod ngrams;
mod rouge;
mod text;
mod tokenizer_13a;

pub use bleu::BleuStatistics;
pub use chrf::ChrfStatistics;
pub use cider::{CiderError, cider_d, cider_d_comparable};
pub use error_rate::{ErrorCounts, character_errors, word_errors};
pub use exact_match::exact_match;
pub use rouge::rouge_l;
pub use tokenizer_13a::tokens_13a;

/// Why a sample's text can't be compared with its references. The sample then has no figure: it isn't one of 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The sample has none.
    #[error("there is no reference to compare with")]
    Missing,
    /// One of them has nothing that the metric counts.
    #[error("reference {reference} (from 0) is empty once it is tokenized: nothing can be compared with it")]
    Empty {
        /// Which of the sample's references, from 0.
        reference: usize,
    },
}

/// Every reference in a metric's tokens: at least one, each with at least one token.
fn tokenized<T>(
    references: &[impl AsRef<str>],
    tokenize: impl Fn(&str) -> Vec<T>,
) -> Result<Vec<Vec<T>>, ReferenceError> {
    if references.is_empty() {
        return Err(ReferenceError::Missing);
    }
    let tokens = references.iter().map(|text| tokenize(text.as_ref())).enumerate();
    tokens
        .map(
            |(reference, tokens)| if tokens.is_empty() { Err(ReferenceError::Empty { reference }) } else { Ok(tokens) },
        )
        .collect()
}
