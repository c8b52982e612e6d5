//! Drift through the path of the daemon: a set is replayed in the sensors' place, as it is, with a covered lens, with a dead microphone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    unused_imports,
    reason = "a test that can't go on fails; support is shared"
)]

mod support;

use std::path::Path;

use serde_json::Value;

use support::{Agent, Broker, Delivered, Subscriber, root};

const SET: &str = "calibration/sets/av-digits";
const SETTINGS: [(&str, &str); 4] = [
    ("EDGEVAL_DRIFT__WHEN", "always"),
    ("EDGEVAL_DRIFT__BASELINE_WINDOWS", "200"),
    ("EDGEVAL_DRIFT__WINDOWS", "100"),
    ("EDGEVAL_DRIFT__BLOCK_WINDOWS", "4"),
];

/// The shipped set's test samples, shuffled, since it is sorted by digit; `spoil` changes their files' bytes.
fn shuffled(folder: &Path, spoil: impl Fn(&str, Vec<u8>) -> Vec<u8>) {
    let shipped = root().join(SET);
    let lines = std::fs::read_to_string(shipped.join("samples.jsonl")).unwrap();
    let samples: Vec<&str> = lines.lines().filter(|line| line.contains("\"test\"")).collect();
    let mut kept = String::new();
    for place in 0..samples.len() {
        // 149 and 400 share no divisor: every sample comes once.
        let mut sample: Value = serde_json::from_str(samples[place * 149 % samples.len()]).unwrap();
        for key in ["image", "audio"] {
            let file = sample[key].as_str().unwrap().to_owned();
            let name = file.rsplit('/').next().unwrap().to_owned();
            let bytes = spoil(key, std::fs::read(shipped.join(&file)).unwrap());
            let name = if key == "audio" && bytes.starts_with(b"RIFF") { name.replace(".flac", ".wav") } else { name };
            std::fs::write(folder.join(&name), bytes).unwrap();
            sample[key] = name.into();
        }
        kept += &format!("{sample}\n");
    }
    std::fs::write(folder.join("metadata.jsonl"), kept).unwrap();
}

fn black(picture: Vec<u8>) -> Vec<u8> {
    let picture = image::load_from_memory(&picture).unwrap();
    let covered = image::GrayImage::new(picture.width(), picture.height());
    let mut bytes = std::io::Cursor::new(Vec::new());
    covered.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn silence() -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    (0..16_000).for_each(|_| writer.write_sample(0_i16).unwrap());
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// The verdicts of one replay, with the baseline in `state`.
fn verdicts(state: &Path, spoil: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> Vec<Value> {
    let set = tempfile::tempdir().unwrap();
    shuffled(set.path(), spoil);
    let broker = Broker::start("");
    let subscriber = Subscriber::start(&broker, "reader", "edgeval/#");
    let flags = ["--model", "models/zoo/av-digits", "--replay", set.path().to_str().unwrap(), "--speed", "fastest"];
    let mut agent = Agent::start_in(state, &broker.url(), &flags, &SETTINGS);
    assert_eq!(agent.wait(), 0);
    subscriber.wait_for("the goodbye", |message: &Delivered| message.payload == b"stopped");
    let drift = |message: &Delivered| message.topic == "edgeval/1/test/agent/report/drift";
    let reports = subscriber.messages().into_iter().filter(|message| drift(message));
    reports.map(|message| serde_json::from_slice::<Value>(&message.payload).unwrap()["body"]["drift"].clone()).collect()
}

#[test]
fn a_covered_lens_and_a_dead_microphone_are_loud_and_the_same_is_silent() {
    let state = tempfile::tempdir().unwrap();
    // The first 200 windows are the baseline, two periods of 100 follow.
    let same = verdicts(state.path(), |_, bytes| bytes);
    assert_eq!(same.len(), 2, "{same:?}");
    assert!(same.iter().all(|report| report["drifted"]["value"] == false), "{same:?}");
    assert!(same.iter().all(|report| report["p_value"]["value"].as_f64() > Some(0.01)), "{same:?}");

    // A restart goes on with the baseline: all four periods are held against it.
    let covered = verdicts(state.path(), |key, bytes| if key == "image" { black(bytes) } else { bytes });
    assert_eq!(covered.len(), 4, "{covered:?}");
    assert!(covered.iter().all(|report| report["drifted"]["value"] == true), "{covered:?}");

    let dead = verdicts(state.path(), |key, bytes| if key == "audio" { silence() } else { bytes });
    assert!(dead.len() == 4 && dead.iter().all(|report| report["drifted"]["value"] == true), "{dead:?}");
}
