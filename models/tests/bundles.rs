//! Bundles that can't be: each is refused with the field, what it says, and what would do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

mod common;

use std::path::Path;

use edgeval_models::{Bundle, Execution, Model, Precision};
use tempfile::TempDir;

const GRAPHS: [&str; 2] = ["model.int8.onnx", "model.fp32.onnx"];

/// A copy of the reference bundle, its manifest changed.
fn bundle(change: impl Fn(&str) -> String) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for graph in GRAPHS {
        std::fs::copy(common::bundle_folder().join(graph), folder.path().join(graph)).unwrap();
    }
    let manifest = std::fs::read_to_string(common::bundle_folder().join("model.toml")).unwrap();
    let changed = change(&manifest);
    std::fs::write(folder.path().join("model.toml"), changed).unwrap();
    folder
}

/// The reference bundle with `from` in its manifest replaced.
fn replaced(from: &'static str, to: &str) -> TempDir {
    bundle(|manifest| {
        assert!(manifest.contains(from), "{from}");
        manifest.replacen(from, to, 1)
    })
}

/// Opens and loads it; the error's words.
fn refusal(folder: &Path) -> String {
    match Bundle::open(folder) {
        Err(error) => error.to_string(),
        Ok(bundle) => match Model::load(&bundle, Precision::Fp32, Execution::default()) {
            Err(error) => error.to_string(),
            Ok(_) => "nothing: it was loaded".to_owned(),
        },
    }
}

#[track_caller]
fn refused(from: &'static str, to: &str, words: &[&str]) {
    let error = refusal(replaced(from, to).path());
    for word in words {
        assert!(error.contains(word), "no `{word}` in: {error}");
    }
    assert!(!error.contains('\n'), "one line: {error}");
}

#[test]
fn the_reference_bundle_opens_by_folder_and_by_file() {
    let by_folder = Bundle::open(&common::bundle_folder()).unwrap();
    let by_file = Bundle::open(&common::bundle_folder().join("model.toml")).unwrap();
    assert_eq!(by_folder.identity(), by_file.identity());
    assert_eq!(by_folder.identity().len(), 64);
    assert_eq!(by_folder.manifest().labels.len(), 10);
}

#[test]
fn any_change_of_preprocessing_changes_the_identity() {
    let original = Bundle::open(&common::bundle_folder()).unwrap();
    let changed = Bundle::open(replaced("mean = [0.1307]", "mean = [0.1308]").path()).unwrap();
    assert_ne!(original.identity(), changed.identity());
}

#[test]
fn mistyped_keys_are_refused_with_the_nearest() {
    refused("licence =", "license =", &["license", "did you mean `licence`"]);
    refused("filter =", "filtre =", &["filtre", "did you mean `filter`"]);
    refused("hop_samples =", "hop_sample =", &["hop_sample", "did you mean `hop_samples`"]);
    refused("sha256 =", "sha265 =", &["sha265", "did you mean `sha256`"]);
    refused("kind = \"logits\"", "kind = \"logits\"\nlabel = 3", &["label"]);
}

#[test]
fn unknown_words_are_refused_with_those_that_are_known() {
    refused("schema = 1", "schema = 2", &["schema", "2", "1"]);
    refused("\"classification\"", "\"detection\"", &["task", "detection", "classification"]);
    refused("kind = \"logits\"", "kind = \"boxes\"", &["boxes", "logits"]);
    refused("channels = \"gray\"", "channels = \"cmyk\"", &["cmyk", "gray"]);
    refused("mel_scale = \"slaney\"", "mel_scale = \"bark\"", &["bark", "slaney"]);
    refused("modality = \"image\"\nwidth", "modality = \"text\"\nwidth", &["width", "max_tokens"]);
    refused("kind = \"log_mel\"", "kind = \"mfcc\"", &["mfcc", "log_mel"]);
}

#[test]
fn values_that_cant_be_are_refused() {
    refused("std = [0.3081]", "std = [0.0]", &["image.std", "0"]);
    refused("mean = [0.1307]", "mean = [1.0, 2.0]", &["image.mean"]);
    refused("width = 28", "width = 0", &["image.width", "0"]);
    refused("width = 28", "width = 99999999", &["image.width", "99999999"]);
    refused("high_hz = 3800.0", "high_hz = 5000.0", &["audio.features.high_hz", "5000", "4000"]);
    refused("fft = 256", "fft = 100", &["audio.features.window_samples", "200"]);
    refused("fft = 256", "fft = 65521", &["audio.features.fft", "65521", "power of 2"]);
    refused("hop_samples = 80", "hop_samples = 0", &["audio.features.hop_samples"]);
    refused("bands = 40", "bands = 0", &["audio.features.bands"]);
    refused("floor = 1e-07", "floor = 0.0", &["audio.features.floor"]);
    refused("floor = 1e-07", "floor = 1e-07, std = 0.0", &["audio.features.std", "0"]);
    refused("floor = 1e-07", "floor = nan", &["audio.features.floor"]);
    refused("scale = 0.00392156862745098", "scale = inf", &["image.scale"]);
    refused("window_samples = 200", "window_samples = 200, window_ms = 25.0", &["audio.features.window"]);
    refused("labels = [", "labels = []\n#", &["labels"]);
    refused("\"zero\", \"one\"", "\"zero\", \"zero\"", &["labels", "zero"]);
}

#[test]
fn files_outside_the_bundle_are_refused() {
    for path in ["../model.int8.onnx", "/etc/passwd", "a/../../b.onnx", ""] {
        refused("model.int8.onnx", path, &["variant.int8.file", "bundle's folder"]);
    }
}

#[test]
fn missing_and_changed_files_are_refused() {
    let folder = bundle(str::to_owned);
    let graph = folder.path().join(GRAPHS[0]);
    let bytes = std::fs::read(&graph).unwrap();
    std::fs::write(&graph, &bytes[..bytes.len() - 1]).unwrap();
    let error = refusal(folder.path());
    assert!(error.contains(GRAPHS[0]) && error.contains("SHA-256"), "{error}");
    std::fs::remove_file(&graph).unwrap();
    assert!(refusal(folder.path()).contains(GRAPHS[0]));
    std::fs::remove_file(folder.path().join("model.toml")).unwrap();
    assert!(refusal(folder.path()).contains("model.toml"));
}

#[test]
fn a_manifest_that_contradicts_its_graph_is_refused_with_both_sides() {
    refused("width = 28", "width = 29", &["input.image", "29", "28"]);
    refused("name = \"audio\"", "name = \"sound\"", &["sound", "audio"]);
    refused("bands = 40", "bands = 41", &["input.audio", "41", "40"]);
    refused("axes = \"frames_bands\"", "axes = \"bands_frames\"", &["input.audio", "[40, 97]", "97, 40]"]);
    refused(", \"nine\"", "", &["labels", "9", "10"]);
    refused("name = \"logits\"", "name = \"scores\"", &["output", "scores", "logits"]);
    refused("[\"image\", \"audio\"]", "[\"image\"]", &["output.attention", "1", "2"]);
    let one_input = bundle(|manifest| {
        let (start, end) =
            (manifest.find("[[input]]\nname = \"audio\"").unwrap(), manifest.find("[[output]]").unwrap());
        format!("{}{}", &manifest[..start], &manifest[end..])
    });
    assert!(refusal(one_input.path()).contains("audio"), "{}", refusal(one_input.path()));
}

#[test]
fn a_variant_that_isnt_there_is_refused_with_those_that_are() {
    let folder = bundle(|manifest| {
        let (start, end) = (manifest.find("[variant.fp32]").unwrap(), manifest.find("[[input]]").unwrap());
        format!("{}{}", &manifest[..start], &manifest[end..])
    });
    let error = refusal(folder.path());
    assert!(error.contains("fp32") && error.contains("int8"), "{error}");
}

#[test]
fn a_manifest_that_isnt_text_or_is_huge_is_refused() {
    let folder = bundle(str::to_owned);
    let manifest = folder.path().join("model.toml");
    std::fs::write(&manifest, [0xff, 0xfe, 0x00]).unwrap();
    assert!(refusal(folder.path()).contains("UTF-8"));
    std::fs::write(&manifest, vec![b' '; (1 << 20) + 1]).unwrap();
    assert!(refusal(folder.path()).contains("1048576"));
}
