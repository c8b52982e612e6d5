//! Sets for models that generate and for retrieval.

use edgeval_calibration::{ReferenceSet, check};
use edgeval_models::{Task, Turn};

use super::builder::{Builder, GENERATION, RETRIEVAL, codes};

/// A set for a model that generates, with these lines added to two good ones.
fn generation(lines: &[&str]) -> Builder {
    let mut builder = Builder::of(GENERATION);
    builder.picture("dark.png", [0, 10, 20, 30]);
    builder.line(r#"{"id":"1","ask":"answer","image":"dark.png","text":"is it dark?","references":["yes"]}"#);
    builder.line(r#"{"id":"2","ask":"caption","image":"dark.png","references":["a dark picture","darkness"]}"#);
    lines.iter().for_each(|line| builder.line(line));
    builder
}

#[test]
fn a_set_for_generation_is_read_and_fit() {
    let dialogue = r#"{"id":"3","ask":"answer","image":"dark.png","text":"why?","references":["it is night"],
        "turns":[{"text":"is it dark?","answer":"yes"}]}"#
        .replace('\n', "");
    let (builder, set) = generation(&[&dialogue]).open_and_keep();
    assert_eq!((set.task(), set.declared_asks().len()), (Task::Generation, 2));
    let window = set.window(&set.samples()[2]).unwrap();
    assert_eq!((window.ask.as_deref(), window.text.as_deref()), (Some("answer"), Some("why?")));
    assert_eq!(window.turns, [Turn { text: "is it dark?".to_owned(), answer: "yes".to_owned() }]);
    assert_eq!(set.samples()[1].references, ["a dark picture", "darkness"]);
    let report = check(&set, || {});
    assert!(report.fit && codes(&report).is_empty(), "{:?}", report.findings);
    assert_eq!(report.slices["ask"]["answer"], 2);
    drop(builder);
}

#[test]
fn what_generation_lacks_is_found() {
    let found = |line: &str| codes(&generation(&[line]).check()).into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(found(r#"{"id":"3","ask":"answer","text":"and?"}"#), ["no_references"]);
    assert_eq!(found(r#"{"id":"3","ask":"answer","text":"and?","references":[]}"#), ["no_references"]);
    assert_eq!(found(r#"{"id":"3","ask":"answer","text":"and?","references":["x"," "]}"#), ["empty_reference"]);
    assert_eq!(found(r#"{"id":"3","ask":"poem","text":"and?","references":["x"]}"#), ["unknown_ask"]);
    assert_eq!(found(r#"{"id":"3","text":"and?","references":["x"]}"#), ["partial_ask"]);
    let turn = r#"{"id":"3","ask":"answer","text":"and?","references":["x"],"turns":[{"text":"what?","answer":""}]}"#;
    assert_eq!(found(turn), ["empty_turn"]);
    // The same picture may be asked about again, not asked the same.
    let again = r#"{"id":"3","ask":"answer","image":"dark.png","text":"is it dark?","references":["no"]}"#;
    assert_eq!(found(again), ["duplicate_sample"]);
    let mut builder = Builder::of(GENERATION);
    builder.line(r#"{"id":"1","ask":"answer","text":"is it dark?","references":["yes"]}"#);
    assert_eq!(codes(&builder.check()), ["ask_without_samples", "modality_without_samples"]);
}

#[test]
fn bounds_of_texts_are_named_with_their_line() {
    let long = format!(r#"{{"id":"3","ask":"answer","text":"{}","references":["x"]}}"#, "a".repeat(70_000));
    let error = generation(&[&long]).open().unwrap_err().to_string();
    assert!(error.contains("samples.jsonl, line 3") && error.contains("70000 bytes"), "{error}");
}

#[test]
fn retrieval_needs_pairs_that_can_be_told_apart() {
    let mut builder = Builder::of(RETRIEVAL);
    builder.picture("dark.png", [0, 10, 20, 30]);
    builder.picture("bright.png", [200, 210, 220, 255]);
    builder.line(r#"{"id":"1","image":"dark.png","text":"night"}"#);
    builder.line(r#"{"id":"2","image":"bright.png","text":"day"}"#);
    let (mut builder, set) = builder.open_and_keep();
    let report = check(&set, || {});
    assert!(set.task() == Task::Retrieval && report.fit && codes(&report).is_empty(), "{:?}", report.findings);
    builder.listed.truncate(builder.listed.find('\n').unwrap() + 1);
    let second_picture = builder.path().join("bright.png");
    builder.file("bright.png", &std::fs::read(second_picture).unwrap());
    builder.line(r#"{"id":"3","image":"bright.png"}"#);
    builder.line(r#"{"id":"4","image":"dark.png","text":" day "}"#);
    assert_eq!(codes(&builder.check()), ["no_pair", "shared_text"]);
}

#[test]
fn an_unknown_task_is_refused_by_name() {
    let error = Builder::of("task = \"detection\"\nmodalities = []\n").open().unwrap_err().to_string();
    assert!(error.contains("set.toml") && error.contains("`task` is detection"), "{error}");
}

#[test]
fn a_folder_without_a_description_has_its_likely_task() {
    let task = |line: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("metadata.jsonl"), line).unwrap();
        ReferenceSet::open(folder.path()).unwrap().task()
    };
    assert_eq!(task(r#"{"file_name":"a.png","label":"x"}"#), Task::Classification);
    assert_eq!(task(r#"{"file_name":"a.png","text":"a cat"}"#), Task::Retrieval);
    assert_eq!(task(r#"{"file_name":"a.png","text":"what?","references":["a cat"]}"#), Task::Generation);
}
