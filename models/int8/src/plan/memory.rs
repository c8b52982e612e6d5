//! Which bytes of the arena belong to which buffer, and when.

use std::ops::Range;

/// Where buffers start: processors like cache lines.
pub const ALIGNMENT: usize = 64;

/// A buffer: how large it is, and from which step to which it is needed (both inclusive).
#[derive(Clone, Debug)]
pub struct Lifetime {
    /// Its length.
    pub bytes: usize,
    /// The first step that needs it.
    pub first: usize,
    /// The last step that needs it.
    pub last: usize,
}

/// Gives every buffer a place such that none shares a byte with another that lives at the same time, and tells how
/// many bytes all need. Largest first, each into the smallest gap that holds it.
pub fn lay_out(lifetimes: &[Lifetime]) -> (Vec<Range<usize>>, usize) {
    let mut by_size: Vec<usize> = (0..lifetimes.len()).collect();
    by_size.sort_by_key(|buffer| (std::cmp::Reverse(lifetimes[*buffer].bytes), *buffer));
    let mut places: Vec<Option<Range<usize>>> = vec![None; lifetimes.len()];
    let mut total = 0;
    for buffer in by_size {
        let lifetime = &lifetimes[buffer];
        let length = lifetime.bytes.next_multiple_of(ALIGNMENT);
        let mut taken: Vec<Range<usize>> = (0..lifetimes.len())
            .filter(|other| overlap(lifetime, &lifetimes[*other]))
            .filter_map(|other| places[other].clone())
            .collect();
        taken.sort_by_key(|range| range.start);
        let start = smallest_gap(&taken, length);
        total = total.max(start + length);
        places[buffer] = Some(start..start + length);
    }
    let exact = |(place, lifetime): (Option<Range<usize>>, &Lifetime)| {
        let start = place.map_or(0, |place| place.start);
        start..start + lifetime.bytes
    };
    (places.into_iter().zip(lifetimes).map(exact).collect(), total)
}

const fn overlap(one: &Lifetime, two: &Lifetime) -> bool {
    one.first <= two.last && two.first <= one.last
}

/// The start of the smallest gap between sorted ranges that holds `length` bytes, or the end of them all.
fn smallest_gap(taken: &[Range<usize>], length: usize) -> usize {
    let mut best: Option<(usize, usize)> = None;
    let mut end = 0;
    for range in taken {
        if let Some(gap) = range.start.checked_sub(end).filter(|gap| *gap >= length) {
            best = best.min(Some((gap, end))).or(Some((gap, end)));
        }
        end = end.max(range.end);
    }
    best.map_or(end, |(_, start)| start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_chain_needs_its_two_largest_neighbours() {
        let chain = |bytes: &[usize]| {
            let lifetime = |(step, bytes): (usize, &usize)| Lifetime { bytes: *bytes, first: step, last: step + 1 };
            bytes.iter().enumerate().map(lifetime).collect::<Vec<_>>()
        };
        assert_eq!(lay_out(&chain(&[640, 1280, 640, 64, 64])).1, 1920);
    }

    proptest! {
        #[test]
        fn buffers_that_live_together_share_no_byte(
            buffers in prop::collection::vec((1_usize..2000, 0_usize..20, 0_usize..5), 1..40)
        ) {
            let lifetime = |(bytes, first, length)| Lifetime { bytes, first, last: first + length };
            let lifetimes: Vec<Lifetime> = buffers.into_iter().map(lifetime).collect();
            let (places, total) = lay_out(&lifetimes);
            for (one, place) in places.iter().enumerate() {
                prop_assert!(place.end <= total && place.start % ALIGNMENT == 0);
                prop_assert_eq!(place.len(), lifetimes[one].bytes);
                for other in 0..one {
                    let apart = place.end <= places[other].start || places[other].end <= place.start;
                    prop_assert!(apart || !overlap(&lifetimes[one], &lifetimes[other]));
                }
            }
        }
    }
}
