//! `edgeval compare` as a user types it: two reports, two models, and what isn't either.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

const MODEL: &str = "models/zoo/av-digits";
const SET: &str = "calibration/sets/av-digits";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn edgeval(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgeval")).args(arguments).current_dir(root()).output().unwrap()
}

fn compared(arguments: &[&str], status: i32) -> Value {
    let output = edgeval(&[&["compare"], arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fails(arguments: &[&str], status: i32, words: &[&str]) {
    let output = edgeval(&[&["compare"], arguments].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?} must say `{word}`: {said}");
    }
}

fn line<'a>(compared: &'a Value, name: &str) -> &'a Value {
    compared["figures"].as_array().unwrap().iter().find(|line| line["name"] == name).unwrap()
}

fn figure(value: f64, half: f64) -> Value {
    json!({"value": value, "low": value - half, "high": value + half, "n": 100})
}

/// A report with this accuracy and calibration error, and nothing else measured.
fn report(accuracy: f64, ece: f64) -> Value {
    json!({
        "schema": 1,
        "model": {"name": "m", "version": "1", "sha256": "a".repeat(64), "precision": "int8"},
        "set": {"name": "digits", "version": "1.0.0", "sha256": "b".repeat(64), "split": "test", "samples": 100},
        "without": null,
        "accuracy": {"top1": figure(accuracy, 0.05), "ece": figure(ece, 0.01)},
        "efficiency": {"latency_p99_us": figure(1000.0 / accuracy, 1.0)},
        "scorecard": {"dimensions": {"accuracy": {"figure": figure(accuracy, 0.05)}, "fairness": {"figure": {"not_measured": "x"}}}}
    })
}

struct Reports(tempfile::TempDir);

impl Reports {
    fn of(first: &Value, second: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, report) in [("a.json", first), ("b.json", second)] {
            std::fs::write(folder.path().join(name), report.to_string()).unwrap();
        }
        Self(folder)
    }

    fn paths(&self) -> [String; 2] {
        ["a.json", "b.json"].map(|name| self.0.path().join(name).to_str().unwrap().to_owned())
    }
}

#[test]
fn a_report_is_no_worse_than_itself() {
    let reports = Reports::of(&report(0.9, 0.05), &report(0.9, 0.05));
    let [a, b] = reports.paths();
    let compared = compared(&[&a, &b], 0);
    assert_eq!((&compared["regression"], &compared["paired"]), (&false.into(), &false.into()));
    assert_eq!(line(&compared, "accuracy")["verdict"], "no_difference_shown");
    assert!(compared["figures"].as_array().unwrap().iter().all(|line| line["name"] != "fairness"));
    let shown = edgeval(&["compare", &a, &b]);
    let shown = String::from_utf8_lossy(&shown.stdout);
    for words in ["intervals alone", "--set SET", "no regression", "digits 1.0.0 (test)"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn a_regression_has_status_1_unless_it_is_tolerated() {
    let reports = Reports::of(&report(0.9, 0.05), &report(0.7, 0.05));
    let [a, b] = reports.paths();
    let worse = compared(&[&a, &b], 1);
    assert_eq!(line(&worse, "top-1")["verdict"], "regression");
    let change = &line(&worse, "top-1")["difference"];
    let half = (2.0_f64 * 0.05 * 0.05).sqrt();
    assert!((change["high"].as_f64().unwrap() - (half - 0.2)).abs() < 1e-9, "{change}");
    // Latency rose as well, but it is of the board.
    assert_eq!(line(&worse, "latency, 99 %, µs")["verdict"], "not_judged");
    assert_eq!(compared(&[&a, &b, "--tolerance", "0.15"], 0)["regression"], false);
    assert_eq!(line(&compared(&[&b, &a], 0), "top-1")["verdict"], "better");
}

#[test]
fn less_of_an_error_is_better() {
    let reports = Reports::of(&report(0.9, 0.05), &report(0.9, 0.15));
    let [a, b] = reports.paths();
    assert_eq!(line(&compared(&[&a, &b], 1), "calibration error (ECE)")["verdict"], "regression");
    assert_eq!(line(&compared(&[&b, &a], 0), "calibration error (ECE)")["verdict"], "better");
}

#[test]
fn what_one_report_lacks_is_no_regression() {
    let mut second = report(0.9, 0.05);
    second["accuracy"]["top1"] = json!({"not_measured": "no time"});
    let reports = Reports::of(&report(0.9, 0.05), &second);
    let [a, b] = reports.paths();
    assert_eq!(line(&compared(&[&a, &b], 0), "top-1")["verdict"], "not_comparable");
}

#[test]
fn different_sets_are_refused_by_name() {
    let mut other = report(0.9, 0.05);
    other["set"]["name"] = "faces".into();
    other["set"]["sha256"] = "c".repeat(64).into();
    let reports = Reports::of(&report(0.9, 0.05), &other);
    let [a, b] = reports.paths();
    fails(&[&a, &b], 1, &["digits 1.0.0", "faces 1.0.0", "different sets"]);
    let mut other = report(0.9, 0.05);
    other["set"]["split"] = "calibration".into();
    let reports = Reports::of(&report(0.9, 0.05), &other);
    let [a, b] = reports.paths();
    fails(&[&a, &b], 1, &["(test,", "(calibration,"]);
}

#[test]
fn what_is_no_report_is_named() {
    let mut later = report(0.9, 0.05);
    later["schema"] = 2.into();
    let reports = Reports::of(&json!({"x": 1}), &later);
    let [a, b] = reports.paths();
    fails(&[&a, &b], 1, &["a.json", "isn't a report"]);
    fails(&[&b, &b], 1, &["b.json", "schema 2"]);
    fails(&["README.md", &b], 1, &["README.md", "isn't a report"]);
    fails(&[MODEL, MODEL], 1, &["is a folder", "--set SET"]);
    fails(&["nowhere.json", &b], 1, &["nowhere.json"]);
    fails(&["README.md", "README.md", "--set", SET], 1, &["README.md", "bundle"]);
    fails(&[&a, &b, "--tolerance=-1"], 2, &["0 or more"]);
    fails(&[&a, &b, "--split", "test"], 2, &["--set"]);
}

#[test]
fn two_models_are_compared_in_pairs() {
    let same = compared(&[MODEL, MODEL, "--set", SET, "--precision-of-b", "fp32"], 0);
    assert_eq!((&same["paired"], &same["first"]["model"]), (&true.into(), &"av-digits int8".into()));
    assert_eq!(same["second"]["model"], "av-digits fp32");
    assert!(same["disagreements"]["mcnemar_p"].as_f64().unwrap() > 0.05, "{}", same["disagreements"]);
    assert_eq!(same["figures"].as_array().unwrap().len(), 3);
    assert_ne!(line(&same, "top1")["verdict"], "regression");
}

/// The shipped model with two of its labels taken for each other: wrong on a fifth of the samples.
#[test]
fn a_worse_model_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["model.int8.onnx", "model.fp32.onnx"] {
        std::fs::copy(root().join(MODEL).join(file), folder.path().join(file)).unwrap();
    }
    let manifest = std::fs::read_to_string(root().join(MODEL).join("model.toml")).unwrap();
    let manifest = manifest.replacen("\"zero\", \"one\"", "\"one\", \"zero\"", 1);
    std::fs::write(folder.path().join("model.toml"), manifest).unwrap();
    let worse = folder.path().to_str().unwrap();
    let told = compared(&[MODEL, worse, "--set", SET], 1);
    assert_eq!(line(&told, "top1")["verdict"], "regression");
    assert_eq!(line(&told, "brier")["verdict"], "regression");
    let counted = &told["disagreements"];
    assert!(counted["first_only"].as_u64().unwrap() >= 79 && counted["second_only"] == 0, "{counted}");
    assert!(counted["mcnemar_p"].as_f64().unwrap() < 1e-9, "{counted}");
}
