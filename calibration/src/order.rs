//! In which order samples are tried: whatever time is left for, it is a fair part of the whole.

use std::collections::BTreeMap;

use crate::Sample;
use crate::corruption::Random;

/// Some of a set's samples in an order of which every beginning has each stratum in its share (proportional stratification, as near as whole samples
/// allow). A stratum is what is asked for and the right class; within one the order is drawn.
pub(crate) fn stratified(samples: &[Sample], positions: &[usize], seed: u64) -> Vec<usize> {
    let mut strata: BTreeMap<(Option<&str>, Option<&str>), Vec<usize>> = BTreeMap::new();
    for &place in positions {
        let Some(sample) = samples.get(place) else { continue };
        strata.entry((sample.ask.as_deref(), sample.label.as_deref())).or_default().push(place);
    }
    let mut random = Random::seeded(seed);
    let mut ranked: Vec<(f64, usize)> = Vec::with_capacity(positions.len());
    for mut stratum in strata.into_values() {
        shuffle(&mut stratum, &mut random);
        let size = stratum.len() as f64;
        // A first draw within its share keeps strata of one size from always coming in the same order.
        let offset = random.unit();
        ranked.extend(stratum.into_iter().enumerate().map(|(rank, place)| ((rank as f64 + offset) / size, place)));
    }
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    ranked.into_iter().map(|(_, place)| place).collect()
}

/// Fisher and Yates's shuffle.
pub(crate) fn shuffle<T>(values: &mut [T], random: &mut Random) {
    for last in (1..values.len()).rev() {
        values.swap(last, random.below(last + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_is_a_fair_part() {
        let label = |place: usize| if place < 60 { "often" } else { "seldom" };
        let sample = |place: usize| Sample { label: Some(label(place).to_owned()), ..Sample::default() };
        let samples: Vec<Sample> = (0..80).map(sample).collect();
        let positions: Vec<usize> = (0..80).collect();
        let order = stratified(&samples, &positions, 1);
        for length in [8, 20, 41, 80] {
            let often = order[..length].iter().filter(|place| **place < 60).count() as f64;
            assert!((often - 0.75 * length as f64).abs() <= 1.0, "{often} of {length}");
        }
        assert_eq!(order, stratified(&samples, &positions, 1));
        assert_ne!(order, stratified(&samples, &positions, 2));
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, positions);
    }
}
