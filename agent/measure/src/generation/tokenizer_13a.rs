//! The tokenizer of BLEU.

use super::text::{is_space, words};

/// Replaced in this order, so that `&amp;lt;` ends as `<`.
const ENTITIES: [(&str, &str); 4] = [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")];

/// Cuts a text into words, numbers and punctuation as BLEU counts them (sacrebleu's `13a`, NIST's mteval-v13a): every ASCII symbol but the apostrophe stands alone; a point or a comma does
/// unless digits are on both sides, a dash after a digit. Lines are joined, words broken over lines with a dash too.
#[must_use]
pub fn tokens_13a(text: &str) -> Vec<String> {
    let lines = text.trim_end_matches(is_space).replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    let line = ENTITIES.iter().fold(lines, |line, (entity, symbol)| line.replace(entity, symbol));
    let mut apart = String::with_capacity(2 * line.len() + 2);
    for character in format!(" {line} ").chars() {
        if is_symbol(character) { apart.extend([' ', character, ' ']) } else { apart.push(character) }
    }
    let apart = spread(&apart, |a, b| !a.is_ascii_digit() && is_point(b), |a, b| [a, ' ', b, ' ']);
    let apart = spread(&apart, |a, b| is_point(a) && !b.is_ascii_digit(), |a, b| [' ', a, ' ', b]);
    let apart = spread(&apart, |a, b| a.is_ascii_digit() && b == '-', |a, b| [a, ' ', b, ' ']);
    words(&apart).map(str::to_owned).collect()
}

fn is_symbol(character: char) -> bool {
    character.is_ascii_punctuation() && !matches!(character, '\'' | ',' | '-' | '.')
}

const fn is_point(character: char) -> bool {
    matches!(character, '.' | ',')
}

/// Rewrites pairs of neighbours from left to right; a rewritten character is in no further pair, as in a substitution by a regular
/// expression.
fn spread(text: &str, found: impl Fn(char, char) -> bool, rewritten: impl Fn(char, char) -> [char; 4]) -> String {
    let mut result = String::with_capacity(2 * text.len());
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        match rest.next_if(|&second| found(first, second)) {
            Some(second) => result.extend(rewritten(first, second)),
            None => result.push(first),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_dashes_stay_in_numbers_and_words() {
        assert_eq!(tokens_13a("It's 3,000.5 km, well-known."), ["It's", "3,000.5", "km", ",", "well-known", "."]);
        assert_eq!(tokens_13a("2019-20 (x)"), ["2019", "-", "20", "(", "x", ")"]);
    }

    #[test]
    fn entities_and_line_ends_are_resolved() {
        assert_eq!(tokens_13a("a&amp;lt;b hy-\nphen\n"), ["a", "<", "b", "hyphen"]);
        assert!(tokens_13a(" \n").is_empty());
    }
}
