//! What goes when there is no room: pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::message::Key;

/// Which report is given up when the outbox is full. The newest of all always stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// The oldest.
    DropOldest,
    /// One of the older half, so that what stays of it is spread evenly over time: a long absence is known at a
    /// lower rate, not cut off.
    #[default]
    ThinOut,
    /// The oldest, but the newest of each kind last: a rare bench isn't pushed out by many field reports.
    KeepNewestOfEachKind,
}

/// A report that could go. They are listed from the oldest to the newest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    /// Where it waits.
    pub place: usize,
    /// Its key: the distance of two keys stands for the time between them.
    pub key: Key,
    /// Its kind.
    pub kind: &'a str,
}

/// Who goes, as a position in `candidates`; nobody when one alone is left.
pub(super) fn victim(policy: WhenFull, candidates: &[Candidate<'_>]) -> Option<usize> {
    let older = candidates.len().checked_sub(1).filter(|&older| older > 0)?;
    Some(match policy {
        WhenFull::DropOldest => 0,
        WhenFull::ThinOut => closest_neighbours(candidates, older.div_ceil(2)),
        WhenFull::KeepNewestOfEachKind => oldest_with_a_newer_one(candidates).unwrap_or(0),
    })
}

/// Among the first `older`: the one whose neighbours of the same kind are closest to each other, so that its loss leaves
/// the smallest hole. The first of a kind goes when nothing else can.
fn closest_neighbours(candidates: &[Candidate<'_>], older: usize) -> usize {
    let before = neighbours(candidates.iter());
    let mut after = neighbours(candidates.iter().rev());
    after.reverse();
    let hole = |position: usize| Some((after[position]?.abs_diff(before[position]?), position));
    (0..older).filter_map(hole).min().map_or(0, |(_, position)| position)
}

/// For each, the key of the last one of its kind that came before it.
fn neighbours<'a>(candidates: impl Iterator<Item = &'a Candidate<'a>>) -> Vec<Option<Key>> {
    let mut last: BTreeMap<&str, Key> = BTreeMap::new();
    candidates.map(|candidate| last.insert(candidate.kind, candidate.key)).collect()
}

fn oldest_with_a_newer_one(candidates: &[Candidate<'_>]) -> Option<usize> {
    let newest: BTreeMap<&str, usize> =
        candidates.iter().enumerate().map(|(position, candidate)| (candidate.kind, position)).collect();
    candidates.iter().enumerate().position(|(position, candidate)| newest[candidate.kind] != position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(kinds_and_keys: &[(&'static str, Key)]) -> Vec<Candidate<'static>> {
        let candidate = |(place, &(kind, key)): (usize, &(&'static str, Key))| Candidate { place, key, kind };
        kinds_and_keys.iter().enumerate().map(candidate).collect()
    }

    /// Field reports that stay of so many, with room for a few.
    fn stay(policy: WhenFull, reports: Key, room: usize) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for key in 1..=reports {
            keys.push(key);
            if keys.len() > room {
                let candidates: Vec<_> = keys.iter().map(|&key| ("field", key)).collect();
                keys.remove(victim(policy, &held(&candidates)).unwrap());
            }
        }
        keys
    }

    #[test]
    fn the_oldest_go_first() {
        assert_eq!(stay(WhenFull::DropOldest, 100, 4), [97, 98, 99, 100]);
    }

    #[test]
    fn thinning_keeps_the_first_the_newer_half_and_an_even_spread_between() {
        let keys = stay(WhenFull::ThinOut, 1000, 40);
        assert_eq!((keys[0], keys[39]), (1, 1000));
        let widest = keys.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        // Forty spread evenly over a thousand lie 25 apart; the newer half is denser, so the older ones are wider.
        assert!(widest <= 4 * 1000 / 40, "{keys:?}");
        assert!(keys.windows(2).skip(30).all(|pair| pair[1] - pair[0] <= 25), "{keys:?}");
    }

    #[test]
    fn the_newest_of_each_kind_goes_last() {
        let policy = WhenFull::KeepNewestOfEachKind;
        assert_eq!(victim(policy, &held(&[("bench", 1), ("field", 2), ("field", 3)])), Some(1));
        assert_eq!(victim(policy, &held(&[("bench", 1), ("field", 2)])), Some(0), "nothing else is left");
    }

    #[test]
    fn the_last_one_stays() {
        for policy in [WhenFull::DropOldest, WhenFull::ThinOut, WhenFull::KeepNewestOfEachKind] {
            assert_eq!(victim(policy, &held(&[("field", 7)])), None);
            assert_eq!(victim(policy, &[]), None);
        }
    }

    #[test]
    fn kinds_are_thinned_each_by_itself() {
        let candidates =
            held(&[("accuracy", 1), ("field", 2), ("field", 3), ("field", 4), ("field", 5), ("accuracy", 6)]);
        assert_eq!(victim(WhenFull::ThinOut, &candidates), Some(2), "the field report with near neighbours");
    }
}
