//! The reference model through tract, held against ONNX Runtime's answers in `zoo/av-digits/expected.json`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

mod common;

use std::cell::Cell;
use std::time::Duration;

use edgeval_models::{Bundle, Execution, Modality, Model, Picture, Precision, Prediction, Sound, Window};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;

const FP32_TOLERANCE: f32 = 1e-4;
/// tract runs the quantized graph in float and rounds elsewhere than ONNX Runtime: this share of the logits' range.
const INT8_TOLERANCE: f32 = 0.15;
/// Windows that the attention is looked at on.
const WINDOWS: usize = 48;

fn model(precision: Precision, threads: usize) -> Model {
    Model::load(
        &Bundle::open(&common::bundle_folder()).unwrap(),
        precision,
        Execution { threads, ..Execution::default() },
    )
    .unwrap()
}

fn ask(model: &mut Model, window: &Window) -> Prediction {
    model.predict(window, &|| Duration::ZERO).unwrap().prediction
}

fn expected() -> Vec<Value> {
    common::json(&common::bundle_folder().join("expected.json"))["samples"].as_array().unwrap().clone()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn largest_difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Largest differences of logits, embeddings and attention.
fn differences(prediction: &Prediction, expected: &Value) -> [f32; 3] {
    let embedding =
        |index: usize, name: &str| largest_difference(&prediction.embeddings[index].1, &floats(&expected[name]));
    let attention: Vec<f32> = prediction.attention.iter().map(|(_, weight)| *weight).collect();
    [
        largest_difference(&prediction.logits, &floats(&expected["logits"])),
        embedding(0, "image_embedding").max(embedding(1, "audio_embedding")),
        largest_difference(&attention, &floats(&expected["attention"])),
    ]
}

#[test]
fn fp32_answers_are_onnx_runtimes() {
    let mut model = model(Precision::Fp32, 1);
    for sample in expected() {
        let prediction = ask(&mut model, &common::window(sample["id"].as_str().unwrap()));
        let found = differences(&prediction, &sample["fp32"]);
        println!("{}: {found:?}", sample["id"]);
        assert!(found.iter().all(|difference| *difference <= FP32_TOLERANCE), "{found:?} for {}", sample["id"]);
    }
}

#[test]
fn int8_answers_agree_with_onnx_runtimes() {
    let mut model = model(Precision::Int8, 1);
    for sample in expected() {
        let prediction = ask(&mut model, &common::window(sample["id"].as_str().unwrap()));
        let logits = floats(&sample["int8"]["logits"]);
        let (low, high) =
            logits.iter().fold((f32::MAX, f32::MIN), |(low, high), &logit| (low.min(logit), high.max(logit)));
        let [difference, ..] = differences(&prediction, &sample["int8"]);
        println!("{}: {:?}, range {}", sample["id"], differences(&prediction, &sample["int8"]), high - low);
        assert!(difference <= INT8_TOLERANCE * (high - low), "{difference} for {}", sample["id"]);
        let best = logits.iter().position(|&logit| logit == high).unwrap();
        assert_eq!(prediction.class, best, "{}", sample["id"]);
    }
}

fn gaussian(random: &mut Pcg64Mcg) -> f32 {
    (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0
}

fn noisy_picture(picture: &Picture, random: &mut Pcg64Mcg) -> Picture {
    let noise = |&byte: &u8| (f32::from(byte) + 160.0 * gaussian(random)).clamp(0.0, 255.0) as u8;
    let data = picture.data.iter().map(noise).collect();
    Picture { data, ..picture.clone() }
}

fn noisy_sound(sound: &Sound, random: &mut Pcg64Mcg) -> Sound {
    let samples = sound.samples.iter().map(|sample| (sample + 0.3 * gaussian(random)).clamp(-1.0, 1.0)).collect();
    Sound { samples, ..sound.clone() }
}

fn windows() -> Vec<Window> {
    (0..400).step_by(400 / WINDOWS).map(|id| common::window(&format!("{id:04}"))).collect()
}

fn image_share(prediction: &Prediction) -> f32 {
    prediction.attention.iter().find(|(modality, _)| *modality == Modality::Image).unwrap().1
}

/// Mean attention to the picture: clean, with a noisy picture, with noisy sound.
fn mean_image_shares(precision: Precision) -> [f32; 3] {
    let (mut model, mut random) = (model(precision, 1), Pcg64Mcg::seed_from_u64(1));
    let windows = windows();
    let mut sums = [0.0; 3];
    for window in &windows {
        let image = window.image.as_ref().map(|picture| noisy_picture(picture, &mut random));
        let audio = window.audio.as_ref().map(|sound| noisy_sound(sound, &mut random));
        let asked = [window.clone(), Window { image, ..window.clone() }, Window { audio, ..window.clone() }];
        for (sum, window) in sums.iter_mut().zip(&asked) {
            let prediction = ask(&mut model, window);
            assert!((prediction.attention.iter().map(|(_, weight)| weight).sum::<f32>() - 1.0).abs() < 0.02);
            *sum += image_share(&prediction);
        }
    }
    sums.map(|sum| sum / windows.len() as f32)
}

#[test]
fn attention_moves_to_the_clean_side() {
    for precision in [Precision::Fp32, Precision::Int8] {
        let [clean, noisy_picture, noisy_sound] = mean_image_shares(precision);
        println!(
            "{precision}: attention to the picture {clean}, noisy picture {noisy_picture}, noisy sound {noisy_sound}"
        );
        assert!(noisy_picture < clean - 0.05, "{precision}: {noisy_picture} with a noisy picture, {clean} without");
        assert!(noisy_sound > clean + 0.05, "{precision}: {noisy_sound} with noisy sound, {clean} without");
    }
}

#[test]
fn a_missing_side_is_black_or_silent() {
    let mut model = model(Precision::Int8, 1);
    let window = common::window("0000");
    let black = Picture { data: vec![0; 28 * 28], ..window.image.clone().unwrap() };
    let silent = Sound { samples: vec![0.0; 8_000], ..window.audio.clone().unwrap() };
    let without = |image, audio| Window { image, audio, ..Window::default() };
    let blind = ask(&mut model, &without(None, window.audio.clone()));
    assert_eq!(blind, ask(&mut model, &without(Some(black), window.audio.clone())));
    let deaf = ask(&mut model, &without(window.image.clone(), None));
    assert_eq!(deaf, ask(&mut model, &without(window.image.clone(), Some(silent))));
    assert_ne!(blind, deaf);
}

#[test]
fn the_clock_is_read_between_the_stages() {
    let mut model = model(Precision::Fp32, 1);
    let reads = Cell::new(0);
    let clock = || {
        reads.set(reads.get() + 1);
        Duration::from_secs(1 << (2 * reads.get()))
    };
    let timed = model.predict(&common::window("0000"), &clock).unwrap();
    assert_eq!(reads.get(), 4);
    let stages = [timed.preprocess, timed.inference, timed.postprocess];
    assert_eq!(stages.map(|stage| stage.as_secs()), [16 - 4, 64 - 16, 256 - 64]);
}

#[test]
fn the_timed_function_is_its_three_steps() {
    let mut model = model(Precision::Int8, 1);
    let window = model.seeded_window(7);
    assert_eq!(window, model.seeded_window(7));
    assert_ne!(window, model.seeded_window(8));
    let inputs = model.preprocess(&window).unwrap();
    let outputs = model.infer(&inputs).unwrap();
    assert_eq!(model.postprocess(&outputs).unwrap(), ask(&mut model, &window));
}

#[test]
fn two_threads_answer_as_one_does() {
    let window = common::window("0000");
    let one = ask(&mut model(Precision::Fp32, 1), &window);
    let two = ask(&mut model(Precision::Fp32, 2), &window);
    assert!(largest_difference(&one.logits, &two.logits) < 1e-5);
}

#[test]
fn what_it_is_made_of_is_counted() {
    for (precision, quantized) in [(Precision::Fp32, false), (Precision::Int8, true)] {
        let inspection = model(precision, 1).inspect();
        assert_eq!(inspection.quantized, quantized);
        assert_eq!(inspection.inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>(), ["image", "audio"]);
        assert_eq!(inspection.inputs[0].shape, [1, 1, 28, 28]);
        let file = common::bundle_folder().join(format!("model.{precision}.onnx"));
        assert_eq!(inspection.model_bytes, file.metadata().unwrap().len());
        assert!(inspection.operators_in_file["Conv"] >= 7, "seven convolutions");
        println!("{precision}: {inspection:#?}");
    }
    let [fp32, int8] = [Precision::Fp32, Precision::Int8].map(|precision| model(precision, 1).inspect());
    assert_eq!(fp32.macs, int8.macs, "quantizing changes no product");
    assert!(fp32.macs > 1_000_000, "{}", fp32.macs);
    assert_eq!(fp32.integer_share_of_macs, Some(0.0));
    assert!(int8.integer_share_of_macs.unwrap() > 0.9, "{:?}", int8.in_float);
}

/// What evaluation does: one input changes, the other stays, again and again.
#[test]
fn what_is_remembered_changes_no_bit() {
    for precision in [Precision::Int8, Precision::Fp32] {
        let mut remembering = model(precision, 1);
        let windows: Vec<Window> = (0..4).map(|seed| remembering.seeded_window(seed)).collect();
        let mut tensors = remembering.preprocess(&windows[0]).unwrap();
        for (turn, modality) in
            [Modality::Image, Modality::Audio, Modality::Audio, Modality::Image].into_iter().enumerate()
        {
            remembering.refill(&windows[(turn + 1) % windows.len()], modality, &mut tensors).unwrap();
            let remembered = remembering.ask(&tensors, None).unwrap();
            assert_eq!(remembered, model(precision, 1).ask(&tensors, None).unwrap(), "turn {turn}");
        }
    }
}
