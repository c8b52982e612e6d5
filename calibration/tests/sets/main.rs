//! Reference sets, whole and broken: each fault is found and named, and nothing panics on hostile files.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod builder;
mod sounds;
mod tasks;

use std::path::Path;

use edgeval_calibration::{ReferenceSet, Scored, SetError, check};
use edgeval_models::{Prediction, Window};
use proptest::prelude::*;

use builder::{Builder, codes, notes};

const LABELS: [&str; 2] = ["dark", "bright"];

fn shipped() -> ReferenceSet {
    ReferenceSet::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sets/av-digits")).unwrap()
}

fn labels() -> Vec<String> {
    LABELS.map(str::to_owned).to_vec()
}

/// Answers by the picture's mean brightness.
fn by_brightness(window: &Window) -> Result<Prediction, std::convert::Infallible> {
    let data = &window.image.as_ref().unwrap().data;
    let class = usize::from(data.iter().map(|&level| u32::from(level)).sum::<u32>() > 128 * data.len() as u32);
    let mut probabilities = vec![0.1, 0.1];
    probabilities[class] = 0.9;
    Ok(Prediction { class, confidence: 0.9, probabilities, ..Prediction::default() })
}

/// Asks about every sample of the split `test`.
fn score(
    set: &ReferenceSet,
    predict: impl Fn(&Window) -> Result<Prediction, std::convert::Infallible>,
) -> Result<Scored, SetError> {
    let mut scored = Scored::new(&labels());
    for place in set.positions("test")? {
        let sample = &set.samples()[place];
        let Ok(prediction) = predict(&set.window(sample)?);
        scored.push(sample, prediction)?;
    }
    Ok(scored)
}

#[test]
fn a_good_set_is_fit_and_scored() {
    let mut builder = Builder::new().good();
    let set = builder.open().unwrap();
    let report = check(&set, || {});
    assert!(report.fit, "{:?}", report.findings);
    let scored = score(&set, by_brightness).unwrap();
    let top1 = *scored.accuracy().top1.figure().unwrap();
    assert_eq!((top1.value, top1.n), (1.0, 2));
    let mut lines = Vec::new();
    scored.write_predictions(&mut lines).unwrap();
    assert!(String::from_utf8(lines).unwrap().starts_with(r#"{"id":"1","label":"dark","predicted":"dark","#));
}

#[test]
fn the_identity_covers_every_byte() {
    let first = Builder::new().good().open().unwrap().identity().to_owned();
    let mut changed = Builder::new().good();
    changed.picture("extra.png", [1, 2, 3, 4]);
    assert_ne!(first, changed.open().unwrap().identity());
}

#[test]
fn missing_and_changed_files_are_found() {
    let mut builder = Builder::new().good();
    builder.line(r#"{"id":"3","image":"gone.png","label":"dark"}"#);
    let set = builder.open().unwrap();
    std::fs::write(builder.path().join("low.wav"), b"RIFF").unwrap();
    let report = check(&set, || {});
    assert!(!report.fit);
    assert_eq!(codes(&report), ["changed_file", "missing_or_unreadable"]);
    assert_eq!(report.findings[0].samples, ["1"]);
    let error = score(&set, by_brightness).unwrap_err().to_string();
    assert!(error.contains("low.wav") && error.contains("changed"), "{error}");
}

#[test]
fn a_folder_that_isn_t_there_is_told_from_one_that_is_no_set() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| ReferenceSet::open(path).unwrap_err().to_string();
    assert!(error(folder.path()).contains("set.toml"));
    assert!(error(&folder.path().join("gone")).contains("gone can't be read"));
}

#[test]
fn a_changed_list_is_refused_when_opened() {
    let mut builder = Builder::new().good();
    builder.open().unwrap();
    let path = builder.path().join("samples.jsonl");
    let text = std::fs::read_to_string(&path).unwrap().replace("dark\"", "bright\"");
    std::fs::write(&path, text).unwrap();
    let error = ReferenceSet::open(builder.path()).unwrap_err().to_string();
    assert!(error.contains("samples.jsonl") && error.contains("changed"), "{error}");
}

#[test]
fn paths_may_not_leave_the_folder() {
    let mut builder = Builder::new().good();
    builder.line(r#"{"id":"3","image":"../secret.png","label":"dark"}"#);
    builder.line(r#"{"id":"4","image":"/etc/passwd","label":"dark"}"#);
    let report = builder.check();
    let finding = &report.findings[0];
    assert_eq!((finding.code, finding.count), ("outside_the_folder", 2));
    assert!(finding.text.contains("outside the set's folder"), "{}", finding.text);
}

#[test]
fn links_may_not_leave_the_folder_either() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    let mut builder = Builder::new().good();
    std::os::unix::fs::symlink(outside.path(), builder.path().join("link.png")).unwrap();
    builder.line(r#"{"id":"3","image":"link.png","label":"dark"}"#);
    assert!(builder.check().findings[0].text.contains("outside"));
}

#[test]
fn unknown_labels_are_named() {
    let mut builder = Builder::new().good();
    builder.picture("other.png", [9, 99, 9, 99]);
    builder.line(r#"{"id":"3","image":"other.png","label":"drak"}"#);
    let set = builder.open().unwrap();
    let report = check(&set, || {});
    assert_eq!(codes(&report), ["unknown_label"]);
    let error = score(&set, by_brightness).unwrap_err().to_string();
    assert!(error.contains("sample 3") && error.contains("drak") && error.contains("dark, bright"), "{error}");
}

#[test]
fn what_misleads_is_warned_of() {
    let mut builder = Builder::new().good();
    builder.picture("blank.png", [7, 7, 7, 8]);
    builder.sound("silent.wav", &[0, 1, -1, 0]);
    builder.line(r#"{"id":"3","image":"blank.png","audio":"silent.wav","label":"dark"}"#);
    builder.line(r#"{"id":"4","image":"dark.png","audio":"low.wav","label":"dark"}"#);
    let report = builder.check();
    assert!(report.fit);
    assert_eq!(codes(&report), ["blank_image", "duplicate_sample", "silent_audio"]);
}

#[test]
fn what_evaluate_would_refuse_is_an_error() {
    let mut builder = Builder::new().good();
    builder.line(r#"{"id":"3","split":"test","text":"unlabelled"}"#);
    builder.line(r#"{"id":"4","split":"calibration","text":"another"}"#);
    builder.file("reference-errors.json", br#"{"schema":2,"model":"x","errors":{"fogg":{"clean":0,"corrupted":[]}}}"#);
    let report = builder.check();
    assert!(!report.fit);
    assert_eq!(codes(&report), ["partly_labelled", "reference_errors", "no_label"]);
    assert_eq!(report.findings[0].samples, ["3"], "a split without any label is scored by nobody");
}

#[test]
fn splits_may_not_share_content() {
    let mut builder = Builder::new().good();
    builder.line(r#"{"id":"3","split":"calibration","image":"bright.png","label":"bright"}"#);
    let report = builder.check();
    assert_eq!((codes(&report), report.fit), (vec!["shared_content"], false));
}

#[test]
fn one_picture_in_two_splits_is_shared_whatever_it_is_paired_with() {
    let mut builder = Builder::new().good();
    builder.sound("other.wav", &[5, 4000, -4000]);
    builder.picture("copy.png", [200, 210, 220, 255]);
    builder.line(r#"{"id":"3","split":"calibration","image":"copy.png","audio":"other.wav","label":"bright"}"#);
    let report = builder.check();
    assert_eq!((codes(&report), &report.findings[0].samples), (vec!["shared_content"], &vec!["3".to_owned()]));
}

#[test]
fn the_shipped_set_is_fit_without_a_word_against_it() {
    let report = check(&shipped(), || {});
    assert!(report.fit && report.findings.is_empty(), "{:?}", report.findings);
    assert!(report.splits["test"] >= 300 && report.modalities["audio"] == report.modalities["image"]);
}

#[test]
fn a_check_s_json_stays_as_it_is() {
    let mut builder = Builder::new().good();
    builder.picture("small.png", [1, 40, 80, 90]);
    builder.line(r#"{"id":"3","image":"gone.png","label":"dark"}"#);
    builder.line(r#"{"id":"4","image":"small.png","label":"grey","room":"kitchen"}"#);
    let mut report = builder.check();
    report.sha256 = "(of this folder)".to_owned();
    let folder = report.findings.iter().find_map(|finding| finding.text.split("/gone.png").next()).unwrap().to_owned();
    for finding in &mut report.findings {
        finding.text = finding.text.replace(&folder, "(folder)");
    }
    insta::assert_json_snapshot!(report);
}

#[test]
fn files_that_nothing_holds_or_nobody_names_are_looked_at() {
    let mut builder = Builder::new().good();
    builder.picture("unused.png", [1, 2, 30, 40]);
    let set = builder.open().unwrap();
    std::fs::create_dir(builder.path().join("more")).unwrap();
    std::fs::write(builder.path().join("more/stray.txt"), "?").unwrap();
    let report = check(&set, || {});
    assert_eq!((codes(&report), notes(&report)), (vec!["stray_file"], vec!["partial_modality", "unused_file"]));
    assert_eq!(report.findings[0].samples, ["more/stray.txt"]);
    std::fs::write(builder.path().join("unused.png"), "changed").unwrap();
    assert_eq!(codes(&check(&set, || {})), ["changed_file", "stray_file"]);
}

#[test]
fn what_isn_t_a_file_is_named_instead_of_waited_for() {
    let mut builder = Builder::new().good();
    let pipe = builder.path().join("pipe.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::create_dir(builder.path().join("folder.wav")).unwrap();
    builder.line(r#"{"id":"3","image":"pipe.png","label":"dark"}"#);
    builder.line(r#"{"id":"4","audio":"folder.wav","label":"dark"}"#);
    let report = builder.check();
    let finding = report.findings.iter().find(|finding| finding.code == "not_a_file").unwrap();
    assert_eq!(finding.count, 2);
    assert!(finding.text.contains("pipe.png isn't a regular file"), "{}", finding.text);
}

#[test]
fn a_modality_that_no_sample_has_is_named() {
    let mut builder = Builder::new();
    builder.picture("dark.png", [0, 10, 20, 30]);
    builder.picture("bright.png", [200, 210, 220, 255]);
    builder.line(r#"{"id":"1","image":"dark.png","label":"dark","room":"hall"}"#);
    builder.line(r#"{"id":"2","image":"bright.png","label":"bright"}"#);
    let report = builder.check();
    assert_eq!((codes(&report), notes(&report)), (vec!["modality_without_samples"], vec!["small_group"]));
}

#[test]
fn a_line_without_end_is_refused() {
    let mut builder = Builder::new().good();
    builder.line(&format!(r#"{{"id":"{}"}}"#, "x".repeat(2 << 20)));
    let error = builder.open().unwrap_err().to_string();
    assert!(error.contains("samples.jsonl, line 3") && error.contains("bytes"), "{error}");
}

#[test]
fn an_answer_that_can_t_be_scored_names_its_sample() {
    let set = Builder::new().good().open_and_keep();
    let answers = [
        (Prediction { class: 2, confidence: 0.9, probabilities: vec![0.1, 0.9], ..Prediction::default() }, "class 2"),
        (Prediction { confidence: 0.9, probabilities: vec![1.0], ..Prediction::default() }, "1 probabilities"),
        (Prediction { confidence: f32::NAN, probabilities: vec![0.1, 0.9], ..Prediction::default() }, "between"),
    ];
    for (answer, reason) in answers {
        let error = score(&set.1, |_| Ok(answer.clone()));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("sample 1") && error.contains(reason), "{error}");
    }
}

/// Sixty samples of two classes, all answered right; `cluster` of a sample's number.
fn all_right(cluster: fn(usize) -> Option<String>) -> edgeval_calibration::Scored {
    let mut scored = edgeval_calibration::Scored::new(&labels());
    for number in 0..60 {
        let class = number % 2;
        let sample = edgeval_calibration::Sample {
            id: number.to_string(),
            label: Some(LABELS[class].to_owned()),
            cluster: cluster(number),
            ..Default::default()
        };
        let mut probabilities = vec![0.1, 0.1];
        probabilities[class] = 0.9;
        scored.push(&sample, Prediction { class, confidence: 0.9, probabilities, ..Prediction::default() }).unwrap();
    }
    scored
}

#[test]
fn all_right_isn_t_certainty() {
    for (cluster, said) in [
        ((|_| None) as fn(usize) -> Option<String>, "Wilson for top-1, top-5 and slices"),
        (|number| Some((number / 10).to_string()), "over 6 clusters"),
        (|_| Some("one".to_owned()), "this one cluster alone"),
    ] {
        let accuracy = all_right(cluster).accuracy();
        let top1 = accuracy.top1.figure().unwrap();
        assert!(top1.value == 1.0 && top1.high > 0.999_999 && top1.low < 0.95, "{top1:?}");
        assert!(accuracy.interval.contains(said), "{}", accuracy.interval);
        assert_eq!(accuracy.top1, accuracy.f1_micro);
        for class in &accuracy.per_class {
            let (precision, recall) = (class.precision.figure().unwrap(), class.recall.figure().unwrap());
            assert!(precision.low < 0.9 && recall.low < 0.9, "{class:?}");
            assert!([precision.n, recall.n, class.f1.figure().unwrap().n] == [class.support; 3], "{class:?}");
        }
    }
}

#[test]
fn probabilities_are_scored() {
    let accuracy = all_right(|_| None).accuracy();
    // Each sample's: (0.1)² + (0.1)², and −ln 0.9.
    assert!((accuracy.brier.figure().unwrap().value - 0.02).abs() < 1e-6);
    assert!((accuracy.nll.figure().unwrap().value - 0.105_360_516).abs() < 1e-6);
}

#[test]
fn a_hugging_face_folder_is_read_without_checksums_and_says_so() {
    let mut builder = Builder::new();
    builder.picture("a.png", [0, 50, 100, 150]);
    std::fs::write(builder.path().join("metadata.jsonl"), "{\"file_name\":\"a.png\",\"label\":\"dark\"}\n").unwrap();
    let set = ReferenceSet::open(builder.path()).unwrap();
    let report = check(&set, || {});
    assert_eq!((codes(&report), notes(&report), report.fit), (vec![], vec!["no_checksums"], true));
    assert!(set.window(&set.samples()[0]).unwrap().image.is_some());
}

#[test]
fn a_line_that_isn_t_json_is_named_by_its_number() {
    let mut builder = Builder::new().good();
    builder.line("{oops");
    let error = builder.open().unwrap_err().to_string();
    assert!(error.contains("samples.jsonl, line 3"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn hostile_files_are_errors(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..4000, kind in 0..3) {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("sets/av-digits");
        let whole = |name: &str| std::fs::read(shipped.join(name)).unwrap();
        let (name, mut content) = match kind {
            0 => ("x.png", whole("images/0000.png")),
            1 => ("x.flac", whole("audio/0000.flac")),
            _ => ("x.wav", [b"RIFF\x24\0\0\0WAVEfmt ".as_slice(), &bytes].concat()),
        };
        let cut = cut % content.len();
        content.truncate(cut);
        content.extend_from_slice(&bytes);
        let mut builder = Builder::new();
        builder.file(name, &content);
        let key = if kind == 0 { "image" } else { "audio" };
        builder.line(&format!(r#"{{"id":"1","{key}":"{name}","label":"dark"}}"#));
        let set = builder.open().unwrap();
        let _ = set.window(&set.samples()[0]);
    }

    #[test]
    fn changed_bytes_are_an_error_or_another_sound(
        changes in prop::collection::vec((0_usize..200, any::<u8>()), 1..6), flac in any::<bool>()
    ) {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("sets/av-digits");
        let mut builder = Builder::new();
        builder.sound("whole.wav", &[100, -3000, 3000, 0]);
        let (name, source) = if flac { ("x.flac", shipped.join("audio/0000.flac")) } else { ("x.wav", builder.path().join("whole.wav")) };
        let mut content = std::fs::read(source).unwrap();
        for (place, value) in changes {
            let place = place % content.len();
            content[place] = value;
        }
        builder.file(name, &content);
        builder.line(&format!(r#"{{"id":"1","audio":"{name}","label":"dark"}}"#));
        let set = builder.open().unwrap();
        if let Ok(window) = set.window(&set.samples()[0]) {
            prop_assert!(window.audio.unwrap().samples.iter().all(|sample| sample.is_finite()));
        }
    }

    #[test]
    fn lines_of_any_kind_are_samples_or_errors(
        line in prop_oneof![
            ".{0,200}",
            "\\{\"(id|image|label|slice|references|context|file_name)\":(null|1|-1e400|\"..?/x\"|\\[\\[\\]\\]|\\{\"a\":1\\})\\}",
        ]
    ) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("metadata.jsonl"), &line).unwrap();
        if let Ok(set) = ReferenceSet::open(folder.path()) {
            let report = check(&set, || {});
            prop_assert!(serde_json::to_string(&report).is_ok());
        }
    }
}
