//! What must hold for any generated text.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use edgeval_measure as measure;
use measure::{BleuStatistics, ChrfStatistics, CiderError, ErrorCounts};
use proptest::prelude::*;

type Samples = Vec<(String, Vec<String>)>;

/// Few different words, so that texts have some in common.
fn text(fewest: usize) -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["a", "dog", "dogs", "runs", "3,5", "犬", "don't", "on", "the", "…x"]);
    prop::collection::vec(word, fewest..12).prop_map(|words| words.join(" "))
}

/// At least two; none of the references is empty for any metric.
fn samples() -> impl Strategy<Value = Samples> {
    let reference = text(1).prop_map(|text| format!("{text} end"));
    prop::collection::vec((text(0), prop::collection::vec(reference, 1..4)), 2..12)
}

fn each<T, E: std::fmt::Debug>(samples: &Samples, of: impl Fn(&str, &[String]) -> Result<T, E>) -> Vec<T> {
    samples.iter().map(|(hypothesis, references)| of(hypothesis, references).unwrap()).collect()
}

fn cider_d(samples: &Samples) -> Result<Vec<f64>, CiderError> {
    let (hypotheses, references): (Vec<_>, Vec<_>) = samples.iter().cloned().unzip();
    measure::cider_d(&hypotheses, &references)
}

fn reversed(samples: &Samples) -> Samples {
    samples.iter().rev().cloned().collect()
}

/// The corpus figures that are scores of a sum.
fn corpus(samples: &Samples) -> [Option<f64>; 4] {
    [
        each(samples, BleuStatistics::new).into_iter().sum::<BleuStatistics>().score(),
        each(samples, ChrfStatistics::new).into_iter().sum::<ChrfStatistics>().score(),
        each(samples, measure::word_errors).into_iter().sum::<ErrorCounts>().rate(),
        each(samples, measure::character_errors).into_iter().sum::<ErrorCounts>().rate(),
    ]
}

proptest! {
    #[test]
    fn the_same_text_is_the_best_there_is(mut samples in samples()) {
        for (hypothesis, references) in &mut samples {
            hypothesis.clone_from(&references[references.len() - 1]);
        }
        let [bleu, chrf, words, characters] = corpus(&samples);
        prop_assert!(bleu.is_none_or(|bleu| (bleu - 100.0).abs() < 1e-9), "{:?}", bleu);
        // Undefined only where nothing is long enough.
        let long = samples.iter().flat_map(|(_, references)| references).any(|text| measure::tokens_13a(text).len() >= 4);
        prop_assert_eq!(bleu.is_some(), long);
        prop_assert!((chrf.unwrap() - 100.0).abs() < 1e-9);
        prop_assert_eq!((words, characters), (Some(0.0), Some(0.0)));
        prop_assert!(each(&samples, measure::rouge_l).iter().all(|score| *score == 1.0));
        prop_assert!(each(&samples, measure::exact_match).iter().all(|same| *same));
    }

    /// Words that no other sample has keep every order's weight.
    #[test]
    fn the_same_long_text_has_a_cider_d_of_ten(texts in prop::collection::vec(text(3), 2..8)) {
        let own = |(index, text): (usize, &String)| format!("{text} no{index}");
        let references: Vec<[String; 1]> = texts.iter().enumerate().map(|sample| [own(sample)]).collect();
        let hypotheses: Vec<&String> = references.iter().map(|[reference]| reference).collect();
        for score in measure::cider_d(&hypotheses, &references).unwrap() {
            prop_assert!((score - 10.0).abs() < 1e-9, "{}", score);
        }
    }

    #[test]
    fn the_order_of_samples_changes_nothing(samples in samples()) {
        let backwards = reversed(&samples);
        prop_assert_eq!(corpus(&samples), corpus(&backwards));
        let turned = cider_d(&backwards).map(|scores| scores.into_iter().rev().collect());
        prop_assert_eq!(cider_d(&samples), turned);
    }

    #[test]
    fn statistics_add_up(samples in samples(), cut in 0_usize..12) {
        let cut = cut.min(samples.len());
        let (first, second) = (samples[..cut].to_vec(), samples[cut..].to_vec());
        let bleu = |samples: &Samples| each(samples, BleuStatistics::new).into_iter().sum::<BleuStatistics>();
        let chrf = |samples: &Samples| each(samples, ChrfStatistics::new).into_iter().sum::<ChrfStatistics>();
        let words = |samples: &Samples| each(samples, measure::word_errors).into_iter().sum::<ErrorCounts>();
        prop_assert_eq!(bleu(&samples), bleu(&first) + bleu(&second));
        prop_assert_eq!(chrf(&samples), chrf(&first) + chrf(&second));
        prop_assert_eq!(words(&samples), words(&first) + words(&second));
    }

    /// As evaluation bootstraps: a sample drawn twice counts as two samples with the same texts.
    #[test]
    fn a_resample_is_a_corpus(samples in samples(), drawn in prop::collection::vec(any::<prop::sample::Index>(), 1..12)) {
        let drawn: Vec<usize> = drawn.iter().map(|index| index.index(samples.len())).collect();
        let texts: Samples = drawn.iter().map(|&index| samples[index].clone()).collect();
        let bleu = each(&samples, BleuStatistics::new);
        let resampled = drawn.iter().map(|&index| bleu[index]).sum::<BleuStatistics>().score();
        prop_assert_eq!(resampled, corpus(&texts)[0]);
    }

    #[test]
    fn figures_of_any_text_stay_in_range(hypothesis in any::<String>(), references in prop::collection::vec(any::<String>(), 0..3)) {
        let within = |score: f64, most: f64| (0.0..=most * (1.0 + 1e-12)).contains(&score);
        let bleu = BleuStatistics::new(&hypothesis, &references).ok().and_then(|statistics| statistics.score());
        let chrf = ChrfStatistics::new(&hypothesis, &references).ok().map(|statistics| statistics.score().unwrap());
        let rouge = measure::rouge_l(&hypothesis, &references).ok();
        prop_assert!([bleu, chrf].into_iter().flatten().all(|score| within(score, 100.0)));
        prop_assert!(rouge.is_none_or(|score| within(score, 1.0)));
        for errors in [measure::word_errors(&hypothesis, &references), measure::character_errors(&hypothesis, &references)] {
            prop_assert_eq!(errors.is_err(), references.is_empty());
            prop_assert!(errors.is_ok_and(|counts| counts.rate().is_none_or(|rate| rate >= 0.0 && rate.is_finite())) || references.is_empty());
        }
    }

    #[test]
    fn cider_d_stays_in_range(samples in samples()) {
        match cider_d(&samples) {
            Ok(scores) => prop_assert!(scores.iter().all(|score| (0.0..=10.0 + 1e-9).contains(score)), "{:?}", scores),
            Err(error) => prop_assert_eq!(error, CiderError::NoWeight),
        }
    }

    #[test]
    fn one_reference_more_is_never_worse(hypothesis in text(0), references in prop::collection::vec(text(1), 2..4)) {
        let references: Vec<String> = references.into_iter().map(|text| text + " end").collect();
        let fewer = &references[1..];
        let chrf = |references: &[String]| ChrfStatistics::new(&hypothesis, references).unwrap().score();
        let rouge = |references: &[String]| measure::rouge_l(&hypothesis, references).unwrap();
        let rate = |references: &[String]| measure::word_errors(&hypothesis, references).unwrap().rate();
        prop_assert!(chrf(&references) >= chrf(fewer) && rouge(&references) >= rouge(fewer));
        prop_assert!(rate(&references) <= rate(fewer));
    }
}
