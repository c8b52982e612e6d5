//! White space as Python has it: the implementations that figures must agree with are written in it.

/// Unicode's white space and the separators U+001C to U+001F: Python's `str.isspace`, and so its `split`, `strip` and `\s`.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Without white space at either end.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// What stands between white space.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}
