//! Figures of generated text against their reference implementations, to 1e-6. The cases come from
//! `tests/parity/cases_generation.py`: those of the file that EDGEVAL_PARITY_CASES names, made just now, or the recorded ones.
//! pycocoevalcap's are always the recorded ones (`tests/parity/record_cider.py`).

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use edgeval_measure as measure;
use measure::{BleuStatistics, ChrfStatistics, ErrorCounts, ReferenceError};
use serde_json::{Value, json};
use support::cases::{cases_of, recorded};

const TOLERANCE: f64 = 1e-6;

type Errors = fn(&str, &[String]) -> Result<ErrorCounts, ReferenceError>;

mod support {
    pub mod cases;
}

fn cases(kind: &str) -> Vec<Value> {
    support::cases::cases("generation.json", kind)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(|value| text(value).to_owned()).collect()
}

/// Hypothesis and references of each sample.
fn samples(case: &Value) -> Vec<(String, Vec<String>)> {
    let (hypotheses, references) = (texts(&case["hypotheses"]), list(&case["references"]).iter().map(texts));
    assert_eq!(hypotheses.len(), references.len());
    hypotheses.into_iter().zip(references).collect()
}

fn drawn<T: Copy>(case: &Value, statistics: &[T]) -> Vec<T> {
    list(&case["drawn"]).iter().map(|index| statistics[usize::try_from(index.as_u64().unwrap()).unwrap()]).collect()
}

/// Both undefined, or as close as the tolerance.
fn same(case: &Value, ours: Option<f64>, reference: &Value) {
    let agrees = match (ours, reference.as_f64()) {
        (Some(ours), Some(reference)) => (ours - reference).abs() <= TOLERANCE,
        (ours, reference) => ours == reference,
    };
    assert!(agrees, "{ours:?}, the reference says {reference} for {case}");
}

#[test]
fn bleu_is_sacrebleu_s() {
    for case in cases("bleu") {
        let statistics: Vec<_> =
            samples(&case).iter().map(|(text, references)| BleuStatistics::new(text, references).unwrap()).collect();
        for (ours, reference) in statistics.iter().zip(list(&case["statistics"])) {
            let lengths = [ours.hypothesis_tokens, ours.reference_tokens];
            assert_eq!(json!([&lengths[..], &ours.matches, &ours.totals].concat()), *reference, "{case}");
        }
        same(&case, statistics.iter().copied().sum::<BleuStatistics>().score(), &case["score"]);
        // Where nothing that was drawn has 4 tokens sacrebleu says 0, and we that there is no figure.
        let resampled = drawn(&case, &statistics).into_iter().sum::<BleuStatistics>().score();
        same(&case, Some(resampled.unwrap_or(0.0)), &case["drawn_score"]);
    }
}

#[test]
fn tokens_are_those_of_13a() {
    for case in cases("tokens_13a") {
        assert_eq!(json!(measure::tokens_13a(text(&case["text"]))), case["tokens"], "{case}");
    }
}

#[test]
fn chrf_is_sacrebleu_s() {
    for case in cases("chrf") {
        let statistics: Vec<_> =
            samples(&case).iter().map(|(text, references)| ChrfStatistics::new(text, references).unwrap()).collect();
        for (ours, reference) in statistics.iter().zip(list(&case["sentences"])) {
            same(&case, ours.score(), reference);
        }
        same(&case, statistics.iter().copied().sum::<ChrfStatistics>().score(), &case["score"]);
        same(&case, drawn(&case, &statistics).into_iter().sum::<ChrfStatistics>().score(), &case["drawn_score"]);
    }
}

#[test]
fn rouge_l_is_rouge_score_s() {
    for case in cases("rouge_l") {
        let ours = measure::rouge_l(text(&case["hypothesis"]), &texts(&case["references"]));
        same(&case, ours.ok(), &case["score"]);
    }
}

#[test]
fn error_rates_are_jiwer_s() {
    let metrics: [(&str, Errors); 2] = [("word", measure::word_errors), ("character", measure::character_errors)];
    for (case, (name, errors)) in cases("errors").iter().flat_map(|case| metrics.map(|metric| (case, metric))) {
        let counts: Vec<ErrorCounts> =
            samples(case).iter().map(|(text, references)| errors(text, references).unwrap()).collect();
        let ours: Vec<_> = counts.iter().map(|counts| [counts.errors, counts.length]).collect();
        assert_eq!(json!(ours), case[format!("{name}_counts")], "{name}: {case}");
        same(case, counts.into_iter().sum::<ErrorCounts>().rate(), &case[name]);
    }
}

#[test]
fn exact_matches_are_python_s() {
    for case in cases("exact_match") {
        let ours = measure::exact_match(text(&case["hypothesis"]), &texts(&case["references"]));
        assert_eq!(ours.ok(), case["match"].as_bool(), "{case}");
    }
}

#[test]
fn cider_d_is_pycocoevalcap_s() {
    for case in cases_of(&recorded("cider.json"), "cases") {
        let (hypotheses, references): (Vec<_>, Vec<_>) = samples(&case).into_iter().unzip();
        let ours = measure::cider_d(&hypotheses, &references).unwrap();
        assert_eq!(ours.len(), list(&case["scores"]).len());
        for (ours, reference) in ours.iter().zip(list(&case["scores"])) {
            same(&case, Some(*ours), reference);
        }
        same(&case, Some(ours.iter().sum::<f64>() / ours.len() as f64), &case["mean"]);
    }
}
