//! Generated texts held against their references: figures worked out by hand, and what can't be measured.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

use std::path::Path;
use std::time::Duration;

use edgeval_calibration::{Generation, ReferenceSet, ScoredTexts, SetError};
use edgeval_measure::Measured;
use edgeval_models::{Bundle, Execution, Generated, Model, Precision, Prediction, Window};

/// A Hugging Face folder of these lines; it lives as long as it is kept.
fn set(lines: &[&str]) -> (tempfile::TempDir, ReferenceSet) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("metadata.jsonl"), lines.join("\n")).unwrap();
    let set = ReferenceSet::open(folder.path()).unwrap();
    (folder, set)
}

/// Says the sample's own text, a token a word. A text without an end has a `…`.
fn echo(window: &Window) -> Prediction {
    let text = window.text.clone().unwrap_or_default();
    let complete = !text.contains('…');
    let tokens: Vec<u32> = text.split_whitespace().map(|_| 7).collect();
    let probabilities = vec![0.5; tokens.len()];
    let generated = Some(Generated { text, tokens, probabilities, complete });
    Prediction { confidence: 0.5, generated, ..Prediction::default() }
}

fn scored(lines: &[&str]) -> ScoredTexts {
    score(&set(lines).1, echo).unwrap()
}

/// Asks about every sample.
fn score(set: &ReferenceSet, mut predict: impl FnMut(&Window) -> Prediction) -> Result<ScoredTexts, SetError> {
    let mut scored = ScoredTexts::new(vec!["answer".to_owned()]);
    for sample in set.samples() {
        scored.push(sample, predict(&set.window(sample)?))?;
    }
    Ok(scored)
}

fn figures(lines: &[&str]) -> Generation {
    scored(lines).generation()
}

#[track_caller]
fn is(measured: &Measured, value: f64, n: u64) {
    let figure = measured.figure().unwrap_or_else(|| panic!("{measured:?}"));
    assert!((figure.value - value).abs() < 1e-12, "{figure:?}, not {value}");
    assert_eq!(figure.n, n);
    assert!(figure.low <= figure.value && figure.value <= figure.high && figure.high.is_finite(), "{figure:?}");
}

#[track_caller]
fn isn_t(measured: &Measured, why: &str) {
    let Measured::NotMeasured { reason } = measured else { panic!("{measured:?}") };
    assert!(reason.contains(why), "{reason}");
}

const SMALL: [&str; 5] = [
    r#"{"id":"a","text":"the red star","references":["the red star"],"ask":"answer","language":"en"}"#,
    r#"{"id":"b","text":"a red star","references":["the red star","one star"],"ask":"answer","language":"en"}"#,
    r#"{"id":"c","text":"blue","references":["green"],"ask":"answer","language":"fr"}"#,
    r#"{"id":"d","text":"","references":["a circle"],"ask":"answer","language":"fr"}"#,
    r#"{"id":"e","text":"without…","ask":"answer","language":"de"}"#,
];

#[test]
fn a_small_set_by_hand() {
    let generation = figures(&SMALL);
    assert_eq!((generation.samples, generation.with_references), (5, 4));
    is(&generation.exact_match, 1.0 / 4.0, 4);
    // Of the words 0 of 3, 1 of 3 (the first reference is nearer), 1 of 1, 2 of 2; of the characters 0 of 12, 3 of 12, 4 of 5, 8 of 8.
    is(&generation.wer, 4.0 / 9.0, 4);
    is(&generation.cer, 15.0 / 37.0, 4);
    // 1, and two of three words in common: 2/3; the others 0.
    is(&generation.rouge_l, 5.0 / 12.0, 4);
    // From a few lines of Python that follow the definitions.
    is(&generation.chrf2, 59.630_094_423_771_67, 4);
    is(&generation.cider_d, 2.177_402_577_566_289_7, 4);
    isn_t(&generation.bleu4, "4 tokens long");
    is(&generation.tokens, 8.0 / 5.0, 5);
    is(&generation.confidence, 0.5, 5);
    is(&generation.complete, 4.0 / 5.0, 5);
    assert_eq!(
        *generation.exact_match.figure().unwrap(),
        *edgeval_measure::wilson(1, 4).figure().unwrap(),
        "samples without clusters are independent"
    );
}

#[test]
fn slices_have_figures_of_their_own() {
    let generation = figures(&SMALL);
    let keys: Vec<(&str, &str)> =
        generation.slices.iter().map(|slice| (slice.key.as_str(), slice.value.as_str())).collect();
    assert_eq!(keys, [("ask", "answer"), ("language", "de"), ("language", "en"), ("language", "fr")]);
    let [answer, german, english, french] = generation.slices.as_slice() else { unreachable!() };
    is(&answer.exact_match, 0.25, 4);
    isn_t(&german.exact_match, "no sample has references");
    isn_t(&german.chrf2, "no sample has references");
    is(&english.exact_match, 0.5, 2);
    is(&french.exact_match, 0.0, 2);
    assert!(french.chrf2.figure().unwrap().value < english.chrf2.figure().unwrap().value);
    assert!(generation.slices.iter().all(|slice| !slice.ranked));
}

#[test]
fn longer_texts_have_bleu() {
    let line = r#"{"id":"1","text":"two dogs run home","references":["two dogs run home"]}"#;
    let other = r#"{"id":"2","text":"one two three four","references":["five six seven eight"]}"#;
    // Half of the n-grams of each order match, and the lengths are the same.
    is(&figures(&[line, other]).bleu4, 50.0, 2);
}

/// Samples of a speaker are no more independent than the speaker: two speakers tell little, however much they say.
#[test]
fn intervals_are_of_clusters() {
    let line = |number: usize| {
        let (said, speaker) = if number.is_multiple_of(2) { ("yes", "right") } else { ("no", "wrong") };
        format!(r#"{{"id":"{number}","text":"{said}","references":["yes"],"ask":"answer","cluster":"{speaker}"}}"#)
    };
    let lines: Vec<String> = (0..60).map(line).collect();
    let generation = figures(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(generation.interval.contains("2 clusters"), "{}", generation.interval);
    let exact = generation.exact_match.figure().unwrap();
    assert_eq!((exact.low, exact.value, exact.high, exact.n), (0.0, 0.5, 1.0, 60));
    let chrf2 = generation.chrf2.figure().unwrap();
    assert_eq!((chrf2.low, chrf2.high), (0.0, 100.0));
    let [ask, right, wrong] = generation.slices.as_slice() else { unreachable!() };
    assert_eq!((ask.key.as_str(), right.key.as_str(), right.value.as_str()), ("ask", "cluster", "right"));
    assert_eq!(ask.exact_match, generation.exact_match);
    assert_eq!(right.exact_match, edgeval_measure::wilson(30, 30));
    assert_eq!(wrong.exact_match, edgeval_measure::wilson(0, 30));
    assert!(ask.ranked && right.ranked, "30 samples are enough");
    isn_t(&generation.cider_d, "all samples have the same");
    let fewer = figures(&lines[..58].iter().map(String::as_str).collect::<Vec<_>>());
    assert!(fewer.slices[0].ranked && !fewer.slices[1].ranked && !fewer.slices[2].ranked);
}

#[test]
fn empty_references_count_where_they_can() {
    let silence = r#"{"id":"1","text":"hello there","references":[""]}"#;
    let generation = figures(&[silence, r#"{"id":"2","text":"one two","references":["one two"]}"#]);
    assert_eq!(generation.with_references, 2);
    // Words that are said into silence are errors.
    is(&generation.wer, 2.0 / 2.0, 2);
    is(&generation.exact_match, 1.0, 1);
    isn_t(&generation.chrf2, "one sample alone");
    isn_t(&generation.cider_d, "is empty");
    let generation = figures(&[silence, r#"{"id":"2","text":"and here","references":["", " "]}"#]);
    for figure in [&generation.exact_match, &generation.chrf2, &generation.bleu4, &generation.rouge_l] {
        isn_t(figure, "reference 0 (from 0) is empty");
    }
    isn_t(&generation.wer, "all references are empty");
    isn_t(&generation.cer, "all references are empty");
}

#[test]
fn without_references_the_answers_alone_are_told() {
    let generation = figures(&[r#"{"id":"1","text":"a b"}"#, r#"{"id":"2","text":"c d","references":[]}"#]);
    let Generation { exact_match, chrf2, bleu4, rouge_l, wer, cer, cider_d, .. } = &generation;
    for figure in [exact_match, chrf2, bleu4, rouge_l, wer, cer, cider_d] {
        isn_t(figure, "no sample has references");
    }
    is(&generation.tokens, 2.0, 2);
    assert_eq!((generation.samples, generation.with_references), (2, 0));
    let json = serde_json::to_value(&generation).unwrap();
    assert_eq!(json["exact_match"], serde_json::json!({"not_measured": "no sample has references"}));
}

/// What `predict` says about one sample is refused, with these words.
fn refused(prediction: Prediction, words: &str) {
    let (_folder, set) = set(&[r#"{"id":"one","text":"a","references":["a"]}"#]);
    let error = score(&set, |_| prediction.clone()).unwrap_err().to_string();
    assert!(error.contains("sample one") && error.contains(words), "{error}");
}

#[test]
fn answers_that_can_t_be_scored_are_refused() {
    let good = echo(&Window { text: Some("a".to_owned()), ..Window::default() });
    refused(Prediction { generated: None, ..good.clone() }, "without words");
    for number in [f32::NAN, -0.5, 1.5, f32::INFINITY] {
        refused(Prediction { confidence: number, ..good.clone() }, "isn't between 0 and 1");
        let generated = good.generated.clone().map(|it| Generated { probabilities: vec![0.5, number], ..it });
        refused(Prediction { generated, ..good.clone() }, "isn't between 0 and 1");
    }
}

#[test]
fn what_can_t_be_asked_is_named() {
    let (_folder, set) = set(&[r#"{"id":"2","text":"a","references":["a"],"ask":"poem"}"#]);
    let scored = ScoredTexts::new(vec!["answer".to_owned(), "caption".to_owned()]);
    let error = scored.check_ask(&set.samples()[0]).unwrap_err();
    assert!(matches!(&error, SetError::Ask { sample, .. } if sample == "2"), "{error}");
    assert!(error.to_string().contains("`poem`") && error.to_string().contains("answer, caption"), "{error}");
    assert!(score(&set, echo).is_err());
}

#[test]
fn predictions_are_written_in_order() {
    let mut lines = Vec::new();
    scored(&SMALL[1..]).write_predictions(&mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[0], r#"{"id":"b","references":["the red star","one star"],"text":"a red star"}"#);
    assert_eq!((lines.len(), lines[3]), (4, r#"{"id":"e","references":[],"text":"without…"}"#));
}

#[test]
fn the_same_rows_give_the_same_figures() {
    let json = || serde_json::to_string(&figures(&SMALL)).unwrap();
    assert_eq!(json(), json());
}

/// The tiny model says `shape shape shape right right a` to this question, as ONNX Runtime does.
#[test]
fn a_model_is_asked() {
    let talk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/data/talk");
    let bundle = Bundle::open(&talk).unwrap();
    let mut model = Model::load(&bundle, Precision::Int8, Execution::default()).unwrap();
    let question = "which colour is the red circle, and where is the green square?";
    let line = |id: &str, reference: &str| {
        format!(r#"{{"id":"{id}","ask":"answer","text":"{question}","references":["{reference}"]}}"#)
    };
    let lines = [line("1", "Shape shape shape right right a "), line("2", "shape shape right right a circle")];
    let (_folder, set) = set(&lines.each_ref().map(String::as_str));
    let predict = |window: &Window| model.predict(window, &|| Duration::ZERO).unwrap().prediction;
    let scored = score(&set, predict).unwrap();
    assert_eq!(scored.rows()[1].generated.text, "shape shape shape right right a");
    let generation = scored.generation();
    is(&generation.exact_match, 0.5, 2);
    // One word differs in case; of the other's, one is too many and one is missing.
    is(&generation.wer, 3.0 / 12.0, 2);
    is(&generation.tokens, 6.0, 2);
    is(&generation.complete, 1.0, 2);
}
