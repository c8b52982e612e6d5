//! Exact match.

use super::text::trimmed;
use super::{ReferenceError, tokenized};

/// Whether a text is one of its references, after lower-casing and leaving out white space at the ends. A corpus's figure is the
/// share of samples; its interval is Wilson's.
///
/// # Errors
/// Without references, or when one is empty.
pub fn exact_match(hypothesis: &str, references: &[impl AsRef<str>]) -> Result<bool, ReferenceError> {
    let plain = |text: &str| trimmed(text).to_lowercase().chars().collect::<Vec<_>>();
    Ok(tokenized(references, plain)?.contains(&plain(hypothesis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_space_around_don_t_count() {
        assert_eq!(exact_match(" Zwei HÜTE\n", &["drei", "zwei hüte"]), Ok(true));
        assert_eq!(exact_match("zwei  hüte", &["zwei hüte"]), Ok(false));
        assert_eq!(exact_match("", &["zwei"]), Ok(false));
    }

    #[test]
    fn what_can_t_be_compared_says_why() {
        assert_eq!(exact_match("", &[""]), Err(ReferenceError::Empty { reference: 0 }));
        assert_eq!(exact_match("a", &[""; 0]), Err(ReferenceError::Missing));
    }
}
