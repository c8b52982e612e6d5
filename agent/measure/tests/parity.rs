//! Every figure against its reference implementation, to 1e-6. The cases come from `tests/parity/make_cases.py`: those of the file
//! that EDGEVAL_PARITY_CASES names, made just now, or the recorded ones. torchmetrics' are always the recorded ones
//! (`tests/parity/record_calibration.py`).

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use edgeval_measure as measure;
use measure::Confusion;
use serde_json::Value;
use support::cases::{cases_of, recorded};
use support::numbers::{indices, numbers, same};

mod support {
    pub mod cases;
    pub mod numbers;
}

fn cases(kind: &str) -> Vec<Value> {
    support::cases::cases("parity.json", kind)
}

#[test]
fn percentiles_are_numpy_s() {
    for case in cases("percentile") {
        let values = numbers(&case["values"]);
        for (share, expected) in numbers(&case["shares"]).into_iter().zip(numbers(&case["percentiles"])) {
            assert_eq!(measure::percentile(&values, share), Some(expected), "{share} of {} values", values.len());
        }
    }
}

#[test]
fn classification_is_scikit_learn_s() {
    for case in cases("classification") {
        let classes = usize::try_from(case["classes"].as_u64().unwrap()).unwrap();
        let (truth, predicted) = (indices(&case["truth"]), indices(&case["predicted"]));
        let confusion = Confusion::new(&truth, &predicted, classes).unwrap();
        assert_eq!(serde_json::to_value(confusion.rows()).unwrap(), case["confusion"]);
        for (name, scores) in [
            ("macro", confusion.macro_average()),
            ("micro", confusion.micro_average()),
            ("weighted", confusion.weighted_average()),
        ] {
            let scores = scores.unwrap();
            for (index, ours) in [scores.precision, scores.recall, scores.f1].into_iter().enumerate() {
                same(name, ours, &case[name][index]);
            }
        }
        for (class, scores) in confusion.per_class().into_iter().enumerate() {
            for (index, ours) in [scores.precision, scores.recall, scores.f1].into_iter().enumerate() {
                match (ours, &case["per_class"][index][class]) {
                    (None, Value::Null) => {}
                    (Some(ours), reference) => same("per class", ours, reference),
                    (None, reference) => assert_eq!(reference, &Value::Null, "undefined here only"),
                }
            }
        }
        same("accuracy", confusion.accuracy().unwrap(), &case["accuracy"]);
        same("balanced", confusion.balanced_accuracy().unwrap(), &case["balanced_accuracy"]);
        same("matthews", confusion.matthews_correlation().unwrap(), &case["matthews_correlation"]);
    }
}

#[test]
fn probabilities_are_judged_as_the_references_do() {
    for case in cases("classification") {
        let rows: Vec<Vec<f64>> = case["rows"].as_array().unwrap().iter().map(numbers).collect();
        let (truth, predicted) = (indices(&case["truth"]), indices(&case["predicted"]));
        same("nll", measure::negative_log_likelihood(&rows, &truth).unwrap(), &case["negative_log_likelihood"]);
        same("brier", measure::brier_score(&rows, &truth).unwrap(), &case["brier"]);
        for (index, expected) in case["top_k"].as_array().unwrap().iter().enumerate() {
            same("top-k", measure::top_k_accuracy(&rows, &truth, index + 1).unwrap(), expected);
        }
        let confidences: Vec<f64> = rows.iter().map(|row| row.iter().copied().fold(0.0, f64::max)).collect();
        let right: Vec<bool> = truth.iter().zip(&predicted).map(|(t, p)| t == p).collect();
        let error = measure::calibration_error(&confidences, &right).unwrap();
        same("ece", error.expected, &case["ece"]);
        same("mce", error.maximum, &case["mce"]);
    }
}

#[test]
fn calibration_errors_are_torchmetrics_s() {
    for case in cases_of(&recorded("calibration_error.json"), "cases") {
        let right: Vec<bool> = case["right"].as_array().unwrap().iter().map(|right| right.as_bool().unwrap()).collect();
        let error = measure::calibration_error(&numbers(&case["confidences"]), &right).unwrap();
        let name = case["name"].as_str().unwrap();
        same(name, error.expected, &case["expected"]);
        same(name, error.maximum, &case["maximum"]);
    }
}

#[test]
fn comparisons_are_the_references() {
    for case in cases("auc") {
        same("auc", measure::auc(&numbers(&case["low"]), &numbers(&case["high"])).unwrap(), &case["auc"]);
    }
    for case in cases("divergence") {
        let ours = measure::jensen_shannon_divergence(&numbers(&case["p"]), &numbers(&case["q"])).unwrap();
        same("divergence", ours, &case["bits"]);
    }
}

#[test]
fn intervals_are_statsmodels_and_scipy_s() {
    for case in cases("interval") {
        let (low, high) = measure::percentile_interval(&numbers(&case["values"])).unwrap();
        same("bootstrap low", low, &case["low"]);
        same("bootstrap high", high, &case["high"]);
    }
    for case in cases("wilson") {
        let ours = measure::wilson(case["right"].as_u64().unwrap(), case["n"].as_u64().unwrap());
        same("low", ours.figure().unwrap().low, &case["low"]);
        same("high", ours.figure().unwrap().high, &case["high"]);
    }
    for case in cases("mcnemar") {
        let ours = measure::mcnemar_exact(case["first_only"].as_u64().unwrap(), case["second_only"].as_u64().unwrap());
        same("mcnemar", ours, &case["p"]);
    }
}

#[test]
fn numbers_of_queries_are_the_binomial_s() {
    for case in cases("early_stopping") {
        let ours = measure::queries_needed(case["percentile"].as_f64().unwrap(), case["t"].as_u64().unwrap());
        assert_eq!(Some(ours), case["n"].as_u64(), "{case}");
    }
}
