//! What must hold for any input.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use edgeval_measure as measure;
use measure::{Confusion, Measured};
use proptest::prelude::*;

const CLASSES: usize = 5;

fn pairs() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..CLASSES, 0..CLASSES), 1..80)
}

fn confusion(pairs: &[(usize, usize)]) -> Confusion {
    let (truths, predictions): (Vec<usize>, Vec<usize>) = pairs.iter().copied().unzip();
    Confusion::new(&truths, &predictions, CLASSES).unwrap()
}

proptest! {
    #[test]
    fn classification_figures_stay_in_range(pairs in pairs()) {
        let confusion = confusion(&pairs);
        prop_assert_eq!(confusion.total(), pairs.len() as u64);
        let averages = [confusion.macro_average(), confusion.micro_average(), confusion.weighted_average()];
        for scores in averages.map(Option::unwrap) {
            prop_assert!([scores.precision, scores.recall, scores.f1].iter().all(|value| (0.0..=1.0).contains(value)));
        }
        // The weighted mean of recalls is the accuracy: what is weighted is what was divided by.
        let (weighted, accuracy) = (confusion.weighted_average().unwrap().recall, confusion.accuracy().unwrap());
        prop_assert!((weighted - accuracy).abs() < 1e-12);
        prop_assert!(confusion.matthews_correlation().unwrap().abs() <= 1.0 + 1e-12);
    }

    #[test]
    fn the_order_of_samples_changes_nothing(pairs in pairs()) {
        let backwards: Vec<_> = pairs.iter().rev().copied().collect();
        prop_assert_eq!(confusion(&pairs), confusion(&backwards));
    }

    #[test]
    fn a_calibration_error_is_at_most_that_of_the_worst_bin(
        samples in prop::collection::vec((0.0_f64..=1.0, any::<bool>()), 1..100),
    ) {
        let (confidences, right): (Vec<f64>, Vec<bool>) = samples.into_iter().unzip();
        let error = measure::calibration_error(&confidences, &right).unwrap();
        prop_assert!(0.0 <= error.expected && error.expected <= error.maximum + 1e-12 && error.maximum <= 1.0);
    }

    #[test]
    fn top_k_grows_to_all(rows in prop::collection::vec((prop::collection::vec(0.0_f64..1.0, CLASSES), 0..CLASSES), 1..40)) {
        let (probabilities, truths): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let found: Vec<f64> = (0..=CLASSES).map(|k| measure::top_k_accuracy(&probabilities, &truths, k).unwrap()).collect();
        prop_assert!(found.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert_eq!((found[0], found[CLASSES]), (0.0, 1.0));
    }

    #[test]
    fn a_rate_lies_in_its_interval(n in 1_u64..100_000, share in 0.0_f64..=1.0) {
        let right = (share * n as f64) as u64;
        let figure = *measure::wilson(right, n).figure().unwrap();
        prop_assert!(0.0 <= figure.low && figure.low <= figure.value + 1e-12);
        prop_assert!(figure.value <= figure.high + 1e-12 && figure.high <= 1.0);
        prop_assert_eq!(figure.n, n);
    }

    #[test]
    fn swapping_sides_turns_the_auc_round(
        low in prop::collection::vec(0_u8..20, 1..60),
        high in prop::collection::vec(0_u8..20, 1..60),
    ) {
        let (low, high): (Vec<f64>, Vec<f64>) = (low.into_iter().map(f64::from).collect(), high.into_iter().map(f64::from).collect());
        let sum = measure::auc(&low, &high).unwrap() + measure::auc(&high, &low).unwrap();
        prop_assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_divergence_is_symmetric_and_at_most_a_bit(
        (p, q) in (1_usize..12).prop_flat_map(|n| (prop::collection::vec(0.01_f64..1.0, n), prop::collection::vec(0.01_f64..1.0, n))),
    ) {
        let there = measure::jensen_shannon_divergence(&p, &q).unwrap();
        prop_assert!((there - measure::jensen_shannon_divergence(&q, &p).unwrap()).abs() < 1e-12);
        prop_assert!((-1e-12..=1.0 + 1e-12).contains(&there));
    }

    #[test]
    fn an_estimate_is_one_of_the_times_and_at_least_the_percentile(
        times in prop::collection::vec(0.0_f64..1e6, 64..400),
    ) {
        let mut sorted = times.clone();
        sorted.sort_by(f64::total_cmp);
        let estimate = measure::early_stopping_estimate(&times, 0.9).unwrap();
        prop_assert!(times.contains(&estimate));
        prop_assert!(estimate >= measure::percentile(&sorted, 0.9).unwrap());
    }

    #[test]
    fn resamples_hold_known_samples_and_whole_clusters(
        clusters in prop::collection::vec(0_u8..6, 1..40),
        seed in any::<u64>(),
    ) {
        let names: Vec<String> = clusters.iter().map(u8::to_string).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let strata = vec![""; names.len()];
        for drawn in measure::resample_clusters(&names, &strata, 5, seed) {
            let times = |sample: usize| drawn.iter().filter(|&&other| other == sample).count();
            for (first, second) in (0..names.len()).zip(1..names.len()) {
                prop_assert!(names[first] != names[second] || times(first) == times(second));
            }
            prop_assert!(!drawn.is_empty() && drawn.iter().all(|&sample| sample < names.len()));
        }
    }

    #[test]
    fn clusters_are_drawn_whole_and_within_strata_that_are_large_enough(
        samples in prop::collection::vec((0_u8..30, 0_u8..6), 1..120),
        least in 1_usize..8,
    ) {
        let names: Vec<(String, String)> = samples.iter().map(|(cluster, stratum)| (cluster.to_string(), stratum.to_string())).collect();
        let (clusters, strata): (Vec<&str>, Vec<&str>) = names.iter().map(|(a, b)| (a.as_str(), b.as_str())).unzip();
        let drawn_within = measure::strata_of_clusters(&clusters, &strata, least);
        let count = |stratum: &str, among: &[usize]| {
            let of = among.iter().filter(|&&sample| drawn_within[sample] == stratum).map(|&sample| clusters[sample]);
            of.collect::<std::collections::BTreeSet<_>>().len()
        };
        let all: Vec<usize> = (0..names.len()).collect();
        let found: std::collections::BTreeSet<&str> = drawn_within.iter().copied().collect();
        prop_assert!(found.len() == 1 || found.iter().all(|stratum| count(stratum, &all) >= least));
        // What is drawn within one stratum is in no other, and what was one stratum still is.
        for (one, other) in all.iter().flat_map(|&one| all.iter().map(move |&other| (one, other))) {
            let belong = clusters[one] == clusters[other] || strata[one] == strata[other];
            prop_assert!(!belong || drawn_within[one] == drawn_within[other]);
        }
        // Each stratum is drawn as many clusters of as it has: of clusters with one sample each, as many samples.
        let own: Vec<String> = all.iter().map(usize::to_string).collect();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let within = measure::strata_of_clusters(&own, &strata, least);
        for drawn in measure::resample_clusters(&own, &within, 3, 1) {
            for stratum in &within {
                let size = |among: &[usize]| among.iter().filter(|&&sample| within[sample] == *stratum).count();
                prop_assert_eq!(size(&drawn), size(&all));
            }
        }
    }

    #[test]
    fn a_bootstrapped_figure_holds_its_value(values in prop::collection::vec(-1e3_f64..1e3, 2..40), seed in any::<u64>()) {
        let names: Vec<String> = (0..values.len()).map(|index| index.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let resamples = measure::resample_clusters(&names, &vec![""; names.len()], 50, seed);
        let largest = |indices: &[usize]| indices.iter().map(|&index| values[index]).reduce(f64::max);
        let Measured::Figure(figure) = measure::bootstrap(values.len(), &resamples, largest) else {
            return Err(TestCaseError::fail("not measured"));
        };
        prop_assert!(figure.low <= figure.value && figure.value <= figure.high);
    }
}
