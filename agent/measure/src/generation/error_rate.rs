//! Word and character error rates.

use std::iter::Sum;
use std::ops::Add;

use super::ReferenceError;
use super::text::{is_space, trimmed};

/// Errors of a sample, and what they are divided by. Those of samples add up to those of a corpus; the default is that of no samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorCounts {
    /// Substitutions, deletions and insertions that make the hypothesis of the reference: the fewest possible (Levenshtein 1966).
    pub errors: u64,
    /// Words or characters of the reference.
    pub length: u64,
}

impl ErrorCounts {
    /// (S + D + I) / N, from 0, above 1 where a hypothesis is longer than its reference. Of a sum it is the corpus's, jiwer's `wer` and
    /// `cer` of lists: errors over lengths, not a mean of rates. `None` without samples, and when all references are empty.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.length > 0).then(|| self.errors as f64 / self.length as f64)
    }

    /// To choose by: infinite for errors against an empty reference.
    fn badness(&self) -> f64 {
        if self.errors == 0 { 0.0 } else { self.errors as f64 / self.length as f64 }
    }
}

/// Word errors of a sample against that of its references with the lowest rate, the first of those; jiwer knows one reference alone.
///
/// Normalization is jiwer's default: white space at the ends is left out, two or more in a row count as one space, words lie
/// between spaces (a single tab or line end doesn't part words), case and punctuation are kept. Against an empty reference every word is
/// an insertion and the length is 0: alone it has no rate, and in a sum it counts. Time is the product of both lengths.
///
/// # Errors
/// Without references.
pub fn word_errors(hypothesis: &str, references: &[impl AsRef<str>]) -> Result<ErrorCounts, ReferenceError> {
    fewest_errors(hypothesis, references, words)
}

/// Character errors of a sample: as [`word_errors`], over Unicode scalar values. White space at the ends is left out, that between words
/// counts like any character.
///
/// # Errors
/// Without references.
pub fn character_errors(hypothesis: &str, references: &[impl AsRef<str>]) -> Result<ErrorCounts, ReferenceError> {
    fewest_errors(hypothesis, references, |text| trimmed(text).chars().collect())
}

fn fewest_errors<T: PartialEq>(
    hypothesis: &str,
    references: &[impl AsRef<str>],
    tokenize: impl Fn(&str) -> Vec<T>,
) -> Result<ErrorCounts, ReferenceError> {
    let hypothesis = tokenize(hypothesis);
    let against = |reference: &str| {
        let reference = tokenize(reference);
        let errors = strsim::generic_levenshtein(&hypothesis, &reference) as u64;
        ErrorCounts { errors, length: reference.len() as u64 }
    };
    let each = references.iter().map(|reference| against(reference.as_ref()));
    each.min_by(|a, b| a.badness().total_cmp(&b.badness())).ok_or(ReferenceError::Missing)
}

fn words(text: &str) -> Vec<String> {
    let mut single_spaced = String::with_capacity(text.len());
    let mut rest = trimmed(text).chars().peekable();
    while let Some(character) = rest.next() {
        let several = is_space(character) && rest.next_if(|&next| is_space(next)).is_some();
        while several && rest.next_if(|&next| is_space(next)).is_some() {}
        single_spaced.push(if several { ' ' } else { character });
    }
    single_spaced.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl Add for ErrorCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { errors: self.errors + other.errors, length: self.length + other.length }
    }
}

impl Sum for ErrorCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_case_by_hand() {
        let words = word_errors("the cat sat mat now", &["the cat sits on mat"]).unwrap();
        assert_eq!(words, ErrorCounts { errors: 3, length: 5 });
        assert_eq!(character_errors(" kitten", &["sitting "]).unwrap(), ErrorCounts { errors: 3, length: 7 });
    }

    #[test]
    fn the_closest_reference_counts() {
        let counts = word_errors("two dogs", &["a cat", "two dogs run", "two dogs run"]).unwrap();
        assert_eq!(counts, ErrorCounts { errors: 1, length: 3 });
        assert_eq!(word_errors("two", &["", "a b"]).unwrap().length, 2);
        assert_eq!(word_errors("", &["a b", ""]).unwrap(), ErrorCounts::default());
    }

    #[test]
    fn words_said_into_silence_count_in_a_sum_and_have_no_rate_alone() {
        let silence = word_errors("hello there", &[""]).unwrap();
        assert_eq!((silence.errors, silence.rate()), (2, None));
        let speech = word_errors("one two", &["one two"]).unwrap();
        assert_eq!([silence, speech].into_iter().sum::<ErrorCounts>().rate(), Some(1.0));
    }

    #[test]
    fn nothing_has_no_rate() {
        assert_eq!(ErrorCounts::default().rate(), None);
        assert_eq!(character_errors("a", &[""; 0]), Err(ReferenceError::Missing));
    }
}
