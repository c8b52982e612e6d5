//! ROUGE-L.

use super::{ReferenceError, tokenized};

/// ROUGE-L of a sample (Lin 2004), 0 to 1: 2·P·R / (P + R), where P and R are the length of the longest common subsequence of tokens
/// over the hypothesis's and the reference's; of several references the best. rouge-score's `score_multi`, `use_stemmer=False`. A
/// corpus's is the mean.
///
/// Tokens are runs of a–z and 0–9 after lower-casing, so letters of other scripts are lost. A hypothesis without tokens has 0.
/// Time is the product of both lengths.
///
/// # Errors
/// Without references, or when one has no tokens: rouge-score gives 0 there.
pub fn rouge_l(hypothesis: &str, references: &[impl AsRef<str>]) -> Result<f64, ReferenceError> {
    let hypothesis = tokens(hypothesis);
    let references = tokenized(references, tokens)?;
    Ok(references.iter().map(|reference| f_score(&hypothesis, reference)).fold(0.0, f64::max))
}

fn tokens(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let runs = lower.split(|character: char| !character.is_ascii_lowercase() && !character.is_ascii_digit());
    runs.filter(|run| !run.is_empty()).map(str::to_owned).collect()
}

fn f_score(hypothesis: &[String], reference: &[String]) -> f64 {
    let common = longest_common_subsequence(hypothesis, reference);
    // 2·P·R / (P + R) with P = common / hypothesis and R = common / reference.
    2.0 * common as f64 / (hypothesis.len() + reference.len()) as f64
}

/// The length of the longest sequence that both have in this order, not necessarily side by side.
fn longest_common_subsequence(first: &[String], second: &[String]) -> usize {
    let mut row = vec![0; second.len() + 1];
    for token in first {
        let mut before_both = 0;
        for (index, other) in second.iter().enumerate() {
            let before_first = row[index + 1];
            row[index + 1] = if token == other { before_both + 1 } else { before_first.max(row[index]) };
            before_both = before_first;
        }
    }
    row[second.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_subsequence_may_have_gaps() {
        assert_eq!(rouge_l("police kill the gunman", &["police killed the gunman"]), Ok(0.75));
        assert_eq!(rouge_l("the gunman kill police", &["police killed the gunman"]), Ok(0.5));
    }

    #[test]
    fn the_best_reference_counts() {
        assert_eq!(rouge_l("A dog.", &["three cats", "a dog"]), Ok(1.0));
        assert_eq!(rouge_l("", &["a dog"]), Ok(0.0));
    }

    #[test]
    fn what_can_t_be_compared_says_why() {
        assert_eq!(rouge_l("a", &[""; 0]), Err(ReferenceError::Missing));
        assert_eq!(rouge_l("a", &["a", "犬"]), Err(ReferenceError::Empty { reference: 1 }));
    }
}
