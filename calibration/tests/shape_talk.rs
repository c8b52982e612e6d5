//! The reference model for generation on its reference set: what it says is what ONNX Runtime says, and right as often as its card claims.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use edgeval_calibration::{GeneratedRow, ReferenceSet, ScoredTexts, Severity, check};
use edgeval_measure::ChrfStatistics;
use edgeval_models::{Bundle, Execution, Model, Precision, Window};

/// The least share of right answers, word for word, by `ask`, `given` and `language`.
const FLOORS: [(&str, &str, &str, f64); 7] = [
    ("answer", "typed", "", 0.95),
    ("caption", "picture", "", 0.95),
    ("dialogue", "typed", "", 0.9),
    ("answer", "spoken", "en", 0.8),
    ("answer", "spoken", "es", 0.85),
    ("answer", "spoken", "fr", 0.6),
    ("answer", "spoken", "it", 0.85),
];
/// The least chrF2 of translations from each language.
const CHRF_FLOOR: f64 = 85.0;
/// How far answers without the picture may be from the best fixed answers.
const MAJORITY_TOLERANCE: f64 = 0.12;
/// Rounding elsewhere than ONNX Runtime may turn an answer that was nearly another.
const DIFFERENT_FP32: usize = 2;
const DIFFERENT_INT8: usize = 8;

static FP32: LazyLock<ScoredTexts> = LazyLock::new(|| scored(Precision::Fp32, Clone::clone));
static INT8: LazyLock<ScoredTexts> = LazyLock::new(|| scored(Precision::Int8, Clone::clone));

fn folder(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn set() -> ReferenceSet {
    ReferenceSet::open(&folder("sets/shape-talk")).unwrap()
}

fn bundle() -> PathBuf {
    folder("../models/zoo/shape-talk")
}

fn model(precision: Precision) -> Model {
    let execution = Execution { threads: 1, ..Execution::default() };
    Model::load(&Bundle::open(&bundle()).unwrap(), precision, execution).unwrap()
}

/// The test split answered; `change` makes what the model gets of a sample's window.
fn scored(precision: Precision, change: fn(&Window) -> Window) -> ScoredTexts {
    let mut model = model(precision);
    let asks = ["answer", "caption", "translate", "dialogue"].map(str::to_owned).to_vec();
    let (set, mut scored) = (set(), ScoredTexts::new(asks));
    for sample in set.samples().iter().filter(|sample| sample.split == "test") {
        let window = change(&set.window(sample).unwrap());
        scored.push(sample, model.predict(&window, &|| Duration::ZERO).unwrap().prediction).unwrap();
    }
    scored
}

/// Rows of these groups; an empty value takes all.
fn rows<'a>(texts: &'a ScoredTexts, groups: &[(&str, &str)]) -> Vec<&'a GeneratedRow> {
    let is_in = |row: &&GeneratedRow| {
        groups.iter().all(|(key, value)| value.is_empty() || row.slices.get(*key).is_some_and(|it| it == value))
    };
    let found: Vec<_> = texts.rows().iter().filter(is_in).collect();
    assert!(found.len() >= 30, "{groups:?}: {} samples", found.len());
    found
}

fn is_right(row: &GeneratedRow) -> bool {
    row.references.contains(&row.generated.text)
}

fn right_share(rows: &[&GeneratedRow]) -> f64 {
    rows.iter().filter(|row| is_right(row)).count() as f64 / rows.len() as f64
}

fn answers_are_right(texts: &ScoredTexts) {
    for (ask, given, language, floor) in FLOORS {
        let share = right_share(&rows(texts, &[("ask", ask), ("given", given), ("language", language)]));
        println!("{ask} {given} {language}: {share:.3}");
        assert!(share >= floor, "{ask} {given} {language}: {share}, at least {floor} is claimed");
    }
    for language in ["en", "es", "fr", "it"] {
        let rows = rows(texts, &[("ask", "translate"), ("language", language)]);
        let sum = rows.iter().map(|row| ChrfStatistics::new(&row.generated.text, &row.references).unwrap()).sum();
        let chrf2 = ChrfStatistics::score(&sum).unwrap();
        println!("translate {language}: chrF2 {chrf2:.1}, word for word {:.3}", right_share(&rows));
        assert!(chrf2 >= CHRF_FLOOR, "translate {language}: {chrf2}, at least {CHRF_FLOOR} is claimed");
    }
}

#[test]
fn fp32_answers_are_right() {
    answers_are_right(&FP32);
}

#[test]
fn int8_answers_are_right() {
    answers_are_right(&INT8);
}

/// Which answer a sentence is, for counting the most frequent one: yes, no, or the shape or colour that it ends with.
fn one_word(sentence: &str) -> &str {
    let last = sentence.split_whitespace().next_back().unwrap();
    sentence.split_once(',').map_or(last, |(first, _)| first)
}

/// How often the most frequent answer to each kind of question is right.
fn majority(rows: &[&GeneratedRow]) -> f64 {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for row in rows {
        *counts.entry((row.slices["question"].as_str(), one_word(&row.references[0]))).or_default() += 1;
    }
    let mut most: BTreeMap<&str, usize> = BTreeMap::new();
    for ((question, _), count) in counts {
        let most = most.entry(question).or_default();
        *most = count.max(*most);
    }
    most.values().sum::<usize>() as f64 / rows.len() as f64
}

#[test]
fn the_question_alone_gives_no_more_than_a_fixed_answer() {
    let blind = scored(Precision::Int8, |window| Window { image: None, ..window.clone() });
    let answers = rows(&blind, &[("ask", "answer"), ("given", "typed")]);
    let (share, majority) = (right_share(&answers), majority(&answers));
    println!("question alone {share:.3}, best fixed answers {majority:.3}");
    assert!(majority < 0.5, "{majority}: the set is balanced");
    assert!((share - majority).abs() <= MAJORITY_TOLERANCE, "{share} without a picture, {majority} by fixed answers");
}

#[test]
fn follow_ups_need_the_turn_before() {
    let forgetful = scored(Precision::Int8, |window| Window { turns: Vec::new(), ..window.clone() });
    let share = right_share(&rows(&forgetful, &[("ask", "dialogue")]));
    println!("follow-ups without the turn before {share:.3}");
    assert!(share < 0.5, "{share}");
}

/// What is read leaves nothing behind: tract's recurrences go on from the last run unless they are told not to.
#[test]
fn an_answer_doesn_t_depend_on_the_last() {
    let set = set();
    let typed: Vec<Window> =
        set.samples().iter().filter(|it| it.text.is_some()).map(|it| set.window(it).unwrap()).take(12).collect();
    for precision in [Precision::Fp32, Precision::Int8] {
        let mut kept = model(precision);
        for window in &typed {
            let alone = model(precision).predict(window, &|| Duration::ZERO).unwrap().prediction;
            assert_eq!(kept.predict(window, &|| Duration::ZERO).unwrap().prediction, alone);
        }
    }
}

/// Ids of samples to which ours and ONNX Runtime's answers differ.
fn different<'a>(texts: &'a ScoredTexts, precision: &str) -> Vec<&'a str> {
    let recorded: serde_json::Value =
        serde_json::from_slice(&std::fs::read(bundle().join("expected.json")).unwrap()).unwrap();
    let recorded = recorded["samples"].as_array().unwrap();
    assert_eq!(recorded.len(), texts.rows().len());
    let pairs = texts.rows().iter().zip(recorded);
    let differs = |(row, sample): &(&GeneratedRow, &serde_json::Value)| {
        assert_eq!(sample["id"], row.id.as_str());
        sample[precision] != row.generated.text.as_str()
    };
    pairs.filter(differs).map(|(row, _)| row.id.as_str()).collect()
}

#[test]
fn answers_are_onnx_runtimes() {
    let (fp32, int8) = (different(&FP32, "fp32"), different(&INT8, "int8"));
    println!("other answers than ONNX Runtime's: fp32 {fp32:?}, int8 {int8:?}");
    assert!(fp32.len() <= DIFFERENT_FP32, "{fp32:?}");
    assert!(int8.len() <= DIFFERENT_INT8, "{int8:?}");
}

#[test]
fn the_set_is_fit_and_its_groups_are_large_enough() {
    let set = set();
    let report = check(&set, || {});
    assert!(report.findings.iter().all(|finding| finding.severity == Severity::Note), "{:?}", report.findings);
    let mut groups: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for sample in set.samples().iter().filter(|sample| sample.split == "test") {
        for (key, value) in &sample.slices {
            *groups.entry((key, value)).or_default() += 1;
        }
    }
    for key in
        ["ask", "given", "language", "speaker", "synthesizer", "shape", "colour", "question", "answer", "follow_up"]
    {
        let sizes: Vec<_> = groups.iter().filter(|((of, _), _)| *of == key).collect();
        assert!(sizes.len() > 1 && sizes.iter().all(|(_, size)| **size >= 30), "{sizes:?}");
    }
}
