//! How often each run of tokens occurs.

use std::collections::BTreeMap;

/// How often each n-gram occurs, in a fixed order, so that sums of floats over them have the same bits everywhere.
pub(super) type Counts<'a, T> = BTreeMap<&'a [T], u64>;

/// Counts runs of `order` tokens, `order` at least 1.
pub(super) fn count<T: Ord>(tokens: &[T], order: usize) -> Counts<'_, T> {
    let mut counts = Counts::new();
    for ngram in tokens.windows(order) {
        *counts.entry(ngram).or_default() += 1;
    }
    counts
}

/// How many n-grams of `order` so many tokens have, `order` at least 1.
pub(super) const fn number(tokens: usize, order: usize) -> u64 {
    (tokens + 1).saturating_sub(order) as u64
}

/// How many n-grams the two have in common, each at most as often as it occurs in both.
pub(super) fn common<T: Ord>(first: &Counts<'_, T>, second: &Counts<'_, T>) -> u64 {
    first.iter().map(|(ngram, &times)| times.min(second.get(ngram).copied().unwrap_or(0))).sum()
}
