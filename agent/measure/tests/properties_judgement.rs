//! What must hold for any input: consistency, drift, fairness, interpretability and the scorecard.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use edgeval_measure as measure;
use measure::{Confusion, Figure, Measured, Resampled, Scorecard, ScorecardRow};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use support::dimensions::by_dimension;

mod support {
    pub mod dimensions;
}

const TOLERANCE: f64 = 1e-12;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < TOLERANCE
}

/// A score for each coalition of one to four modalities.
fn tables() -> impl Strategy<Value = Vec<f64>> {
    (1_u32..=4).prop_flat_map(|modalities| prop::collection::vec(0.0_f64..1.0, 1 << modalities))
}

fn curves() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec(0.0_f64..=1.0, 2..30).prop_map(|scores| {
        let last = (scores.len() - 1) as f64;
        scores.into_iter().enumerate().map(|(place, score)| (place as f64 / last, score)).collect()
    })
}

fn vectors(rows: usize) -> impl Strategy<Value = Vec<Vec<f32>>> {
    prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, 3), rows)
}

fn measured() -> impl Strategy<Value = Measured> {
    (0.0_f64..=1.0, 0.0_f64..=1.0, 0.0_f64..=1.0, 1_u64..1000).prop_map(|(a, b, c, n)| {
        let mut ends = [a, b, c];
        ends.sort_by(f64::total_cmp);
        Measured::Figure(Figure { low: ends[0], value: ends[1], high: ends[2], n })
    })
}

proptest! {
    #[test]
    fn contributions_add_up(values in tables()) {
        let sum: f64 = measure::shapley(&values).unwrap().iter().sum();
        prop_assert!(near(sum, values[values.len() - 1] - values[0]));
    }

    #[test]
    fn a_modality_that_never_matters_contributes_nothing(values in tables(), dummy in 0_usize..4) {
        let dummy = dummy % values.len().ilog2() as usize;
        let without: Vec<f64> = (0..values.len()).map(|coalition| values[coalition & !(1 << dummy)]).collect();
        prop_assert_eq!(measure::shapley(&without).unwrap()[dummy], 0.0);
    }

    #[test]
    fn modalities_that_change_places_change_contributions(values in tables()) {
        let modalities = values.len().ilog2() as usize;
        let last = modalities - 1;
        let swapped = |coalition: usize| {
            let (first, other) = (coalition & 1, coalition >> last & 1);
            coalition & !(1 | 1 << last) | other | first << last
        };
        let turned: Vec<f64> = (0..values.len()).map(|coalition| values[swapped(coalition)]).collect();
        let (before, after) = (measure::shapley(&values).unwrap(), measure::shapley(&turned).unwrap());
        prop_assert!(near(before[0], after[last]) && near(before[last], after[0]));
    }

    #[test]
    fn shares_add_up_and_their_imbalance_is_a_share(values in tables()) {
        if let Some(shares) = measure::contribution_shares(&measure::shapley(&values).unwrap()) {
            prop_assert!(near(shares.iter().map(|share| share.abs()).sum(), 1.0));
            let imbalance = measure::imbalance(&shares);
            prop_assert!(imbalance.is_none_or(|value| (0.0..=1.0 + TOLERANCE).contains(&value)));
            prop_assert_eq!(imbalance.is_none(), shares.len() < 2);
        }
    }

    #[test]
    fn an_area_lies_between_the_extremes(points in curves()) {
        let area = measure::area_over_share(&points).unwrap();
        let (lowest, highest) = points.iter().fold((1.0_f64, 0.0_f64), |(l, h), (_, y)| (l.min(*y), h.max(*y)));
        prop_assert!(lowest - TOLERANCE <= area && area <= highest + TOLERANCE);
        let backwards: Vec<_> = points.iter().rev().copied().collect();
        prop_assert_eq!(measure::area_over_share(&backwards), Some(area));
    }

    #[test]
    fn an_snr_lies_between_those_tested(scores in prop::collection::vec(0.0_f64..=1.0, 1..20), clean in 0.1_f64..=1.0) {
        let points: Vec<_> = scores.iter().enumerate().map(|(place, score)| (place as f64, *score)).collect();
        if let Ok(snr_db) = measure::snr_keeping_most(&points, clean) {
            prop_assert!((0.0..=(scores.len() - 1) as f64).contains(&snr_db));
            let above = points.iter().filter(|(db, _)| *db > snr_db);
            prop_assert!(above.clone().all(|(_, score)| *score >= 0.9 * clean));
        }
    }

    #[test]
    fn ranks_lie_among_the_candidates_and_recall_grows(first in vectors(9), second in vectors(9)) {
        let distances = measure::embedding_distances(&first, &second).unwrap();
        let ranks = measure::retrieval_ranks(&distances, |i, j| i == j).unwrap();
        prop_assert!(ranks.iter().all(|rank| (1..=9).contains(rank)));
        let recall: Vec<f64> = (0..=9).map(|k| measure::recall_at(&ranks, k).unwrap()).collect();
        prop_assert!(recall.windows(2).all(|pair| pair[0] <= pair[1]) && recall[0] == 0.0 && recall[9] == 1.0);
    }

    #[test]
    fn an_energy_distance_is_symmetric_and_never_negative(first in vectors(8), second in vectors(5)) {
        let there = measure::energy_distance(&first, &second).unwrap();
        let back = measure::energy_distance(&second, &first).unwrap();
        prop_assert!(there >= 0.0 && (there - back).abs() < TOLERANCE);
        prop_assert!(measure::energy_distance(&first, &first).unwrap() < TOLERANCE);
    }

    #[test]
    fn stability_is_never_negative_and_all_values_are_in_bins(
        baseline in prop::collection::vec(0_u8..30, 1..80),
        live in prop::collection::vec(0_u8..30, 1..80),
        bins in 2_usize..15,
    ) {
        let (baseline, live): (Vec<f64>, Vec<f64>) = (baseline.into_iter().map(f64::from).collect(), live.into_iter().map(f64::from).collect());
        let binned = measure::StabilityBaseline::of(&baseline, bins).unwrap();
        prop_assert_eq!(binned.counts.iter().sum::<u64>(), baseline.len() as u64);
        prop_assert!(binned.index(&live).unwrap() >= 0.0);
        prop_assert_eq!(binned.index(&baseline), Some(0.0));
    }

    #[test]
    fn a_divergence_is_never_negative(
        (p, q) in (1_usize..12).prop_flat_map(|n| (prop::collection::vec(0.0_f64..1.0, n), prop::collection::vec(0.01_f64..1.0, n))),
    ) {
        if let Some(nats) = measure::kl_divergence(&p, &q) {
            prop_assert!((0.0..37.0).contains(&nats));
        }
    }

    #[test]
    fn an_order_holds_every_cell_once_and_falls(map in prop::collection::vec(-3_i8..3, 1..60)) {
        let map: Vec<f64> = map.into_iter().map(f64::from).collect();
        let order = measure::map_order(&map).unwrap();
        let falls = |pair: &[usize]| map[pair[0]] > map[pair[1]] || (map[pair[0]] == map[pair[1]] && pair[0] < pair[1]);
        prop_assert!(order.len() == map.len() && order.windows(2).all(falls));
    }

    #[test]
    fn a_total_lies_in_its_interval_and_in_0_to_1(
        figures in prop::collection::vec(measured(), 8),
        weights in prop::collection::vec(0.0_f64..5.0, 8),
    ) {
        let row = |place: usize| ScorecardRow::new("figure", figures[place].clone());
        let card = Scorecard::new(by_dimension(row), by_dimension(|place| weights[place]));
        let total = *card.total.figure().unwrap();
        prop_assert!(0.0 <= total.low && total.low <= total.value && total.value <= total.high && total.high <= 1.0);
        prop_assert_eq!(Some(total.n), figures.iter().filter_map(|figure| Some(figure.figure()?.n)).min());
    }
}

/// Rows that remember their neighbours: a share of the last one is kept.
fn series(random: &mut Pcg64Mcg, rows: usize, kept: f32) -> Vec<Vec<f32>> {
    let mut last = [0.0_f32; 2];
    let mut next = || {
        for value in &mut last {
            let drawn: f32 = random.random();
            *value = kept * *value + drawn - 0.5;
        }
        last.to_vec()
    };
    (0..rows).map(|_| next()).collect()
}

/// How often a test of two samples of one distribution says p ≤ 0.1, and the mean of p.
fn false_alarms(kept: f32, block: usize) -> (f64, f64) {
    let mut random = Pcg64Mcg::seed_from_u64(5);
    let blocks = 60 / block;
    let p = |run: u64| {
        let all = series(&mut random, 120, kept);
        let deals = measure::block_assignments(blocks, blocks, 99, run);
        measure::energy_test(&all[..60], &all[60..], block, &deals).unwrap().p_value
    };
    let values: Vec<f64> = (0..200).map(p).collect();
    let alarms = values.iter().filter(|value| **value <= 0.1).count();
    (alarms as f64 / 200.0, values.iter().sum::<f64>() / 200.0)
}

#[test]
fn without_drift_p_is_uniform() {
    let (alarms, mean) = false_alarms(0.0, 5);
    // Of 200 runs 20 are expected, with a deviation of 4.2; the mean of p is ½ with one of 0.02.
    assert!((0.03..=0.17).contains(&alarms) && (0.44..=0.56).contains(&mean), "{alarms} {mean}");
}

#[test]
fn neighbours_that_are_alike_are_no_drift_in_blocks() {
    let ((by_row, _), (by_block, _)) = (false_alarms(0.8, 1), false_alarms(0.8, 10));
    assert!(by_row > 0.4, "rows dealt one by one take likeness for drift: {by_row}");
    assert!(by_block < 0.25, "blocks don't: {by_block}");
}

const CLASSES: usize = 4;

proptest! {
    #[test]
    fn one_matrix_a_resample_gives_the_same_bits(
        pairs in prop::collection::vec((0..CLASSES, 0..CLASSES), 1..40),
        seed in any::<u64>(),
    ) {
        let names: Vec<String> = (0..pairs.len()).map(|place| place.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let resamples = measure::resample_clusters(&names, &vec![""; names.len()], 30, seed);
        let confusion = |indices: &[usize]| {
            let (truths, predictions): (Vec<usize>, Vec<usize>) = indices.iter().map(|&index| pairs[index]).unzip();
            Confusion::new(&truths, &predictions, CLASSES).unwrap()
        };
        let summaries = Resampled::new(pairs.len(), &resamples, |indices| confusion(indices).summary());
        let alone = |statistic: fn(&Confusion) -> Option<f64>| {
            measure::bootstrap(pairs.len(), &resamples, |indices| statistic(&confusion(indices)))
        };
        prop_assert_eq!(summaries.figure(|c| c.accuracy), alone(Confusion::accuracy));
        prop_assert_eq!(summaries.figure(|c| Some(c.macro_average?.f1)), alone(|c| Some(c.macro_average()?.f1)));
        prop_assert_eq!(summaries.figure(|c| Some(c.weighted_average?.recall)), alone(|c| Some(c.weighted_average()?.recall)));
        prop_assert_eq!(summaries.figure(|c| c.balanced_accuracy), alone(Confusion::balanced_accuracy));
        prop_assert_eq!(summaries.figure(|c| c.matthews_correlation), alone(Confusion::matthews_correlation));
        prop_assert_eq!(summaries.figure(|c| c.per_class[2].precision), alone(|c| c.per_class()[2].precision));
    }
}
