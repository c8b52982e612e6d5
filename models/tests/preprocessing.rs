//! Preprocessing against what people train with: Pillow's bytes and librosa's numbers, recorded by `vectors/make.sh`
//! from real pictures and real speech.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

mod common;

use edgeval_models::{AudioInput, Axes, Features, ImageInput, ImagePlan, LogMelPlan, Picture, Sound, SoundPlan};
use proptest::prelude::*;
use serde_json::Value;

/// The largest difference between our features and librosa's.
const LOG_MEL_TOLERANCE: f32 = 1e-4;

fn vectors(kind: &str) -> Vec<Value> {
    common::json(&common::path("vectors/index.json"))[kind].as_array().unwrap().clone()
}

fn file(case: &Value, key: &str) -> std::path::PathBuf {
    common::path("vectors").join(case[key].as_str().unwrap())
}

#[test]
fn pictures_are_fitted_as_pillow_does() {
    for case in vectors("pictures") {
        let input: ImageInput = serde_json::from_value(case["input"].clone()).unwrap();
        let mut plan = ImagePlan::new(&input);
        let fitted = plan.fit(&common::picture(&file(&case, "picture"))).unwrap();
        let expected = common::picture(&file(&case, "expected")).data;
        assert_eq!(fitted.len(), expected.len(), "{case}");
        let difference = fitted.iter().zip(&expected).map(|(ours, theirs)| ours.abs_diff(*theirs)).max().unwrap();
        println!("{} {:?} {:?}: {difference}", case["picture"], input.fit, input.filter);
        assert!(u64::from(difference) <= case["tolerance"].as_u64().unwrap(), "{difference} steps in {case}");
    }
}

#[test]
fn pixels_are_scaled_and_normalised_in_either_layout() {
    let stated = |layout: &str| -> ImageInput {
        serde_json::from_value(serde_json::json!({
            "name": "image", "width": 2, "height": 1, "channels": "rgb", "layout": layout,
            "scale": 0.5, "mean": [1.0, 2.0, 3.0], "std": [2.0],
        }))
        .unwrap()
    };
    let data = vec![0, 10, 20, 30, 40, 50];
    let picture = Picture { width: 2, height: 1, channels: edgeval_models::Channels::Rgb, data };
    let fill = |layout: &str| {
        let mut values = [f32::NAN; 6];
        ImagePlan::new(&stated(layout)).fill(Some(&picture), &mut values).unwrap();
        values
    };
    assert_eq!(fill("nhwc"), [-0.5, 1.5, 3.5, 7.0, 9.0, 11.0]);
    assert_eq!(fill("nchw"), [-0.5, 7.0, 1.5, 9.0, 3.5, 11.0]);
}

#[test]
fn log_mel_is_librosas() {
    for case in vectors("sounds") {
        let input: AudioInput = serde_json::from_value(case["input"].clone()).unwrap();
        let expected: Vec<f32> = std::fs::read(file(&case, "expected"))
            .unwrap()
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect();
        let mut values = vec![f32::NAN; expected.len()];
        SoundPlan::new(&input).fill(Some(&common::sound(&file(&case, "sound"))), &mut values).unwrap();
        let difference = values.iter().zip(&expected).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max);
        println!("{} {}: {difference:e}", case["sound"], case["expected"]);
        assert!(difference <= LOG_MEL_TOLERANCE, "{difference} in {case}");
    }
}

#[test]
fn sound_of_another_rate_is_brought_to_the_models() {
    let tone = |rate: u32, hz: f32| {
        let samples = (0..rate).map(|n| (n as f32 * hz * std::f32::consts::TAU / rate as f32).sin() * 0.5).collect();
        Sound { sample_rate_hz: rate, samples }
    };
    for rate in [44_100, 48_000, 16_000, 11_025] {
        let resampled = tone(rate, 440.0).resampled(8_000).unwrap();
        assert_eq!(resampled.samples.len(), 8_000, "from {rate}");
        let expected = tone(8_000, 440.0).samples;
        let middle = 1_000..7_000;
        let difference = resampled.samples[middle.clone()]
            .iter()
            .zip(&expected[middle])
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(difference < 0.002, "{difference} from {rate}");
        let above = tone(rate, 5_000.0).resampled(8_000).unwrap();
        let left_over = above.samples[1_000..7_000].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
        assert!(left_over < 0.002, "a tone above the new rate's half is gone: {left_over} from {rate}");
    }
}

fn log_mel_input() -> AudioInput {
    serde_json::from_value(vectors("sounds")[1]["input"].clone()).unwrap()
}

#[test]
fn levels_are_normalised_after_the_logarithm() {
    let input = log_mel_input();
    let Features::LogMel(mut options) = input.features else { panic!("a spectrogram was expected") };
    let samples: Vec<f32> = (0..8000).map(|place| (place % 97) as f32 / 97.0 - 0.5).collect();
    let length = options.shape(samples.len(), input.sample_rate_hz).iter().product();
    let fill = |options: &_| {
        let mut values = vec![0.0; length];
        LogMelPlan::new(options, input.sample_rate_hz).fill(&samples, &mut values);
        values
    };
    let levels = fill(&options);
    (options.mean, options.std) = (-4.0, 2.0);
    for (level, normalised) in levels.iter().zip(fill(&options)) {
        assert!(((level + 4.0) / 2.0 - normalised).abs() < 1e-6, "{level} became {normalised}");
    }
}

#[test]
fn silence_is_the_floor() {
    let input = log_mel_input();
    let Features::LogMel(options) = &input.features else { panic!("a spectrogram was expected") };
    let mut values = vec![f32::NAN; options.shape(input.samples(), input.sample_rate_hz).iter().product()];
    SoundPlan::new(&input).fill(None, &mut values).unwrap();
    assert!(values.iter().all(|value| (value + 5.0).abs() < 1e-6), "log10 of 1e-5");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_picture_fits_any_input(
        (width, height) in (1_usize..=200, 1_usize..=200),
        (target_width, target_height) in (1_usize..=200, 1_usize..=200),
        fit in prop::sample::select(vec!["crop", "letterbox", "stretch"]),
        filter in prop::sample::select(vec!["nearest", "bilinear", "bicubic"]),
        rgb: bool,
        channels in prop::sample::select(vec!["gray", "rgb", "bgr"]),
    ) {
        let input: ImageInput = serde_json::from_value(serde_json::json!({
            "name": "image", "width": target_width, "height": target_height, "channels": channels, "fit": fit, "filter": filter,
        })).unwrap();
        let kind = if rgb { edgeval_models::Channels::Rgb } else { edgeval_models::Channels::Gray };
        let data = (0..width * height * kind.count()).map(|index| (index * 31 % 256) as u8).collect();
        let mut plan = ImagePlan::new(&input);
        let fitted = plan.fit(&Picture { width, height, channels: kind, data }).unwrap();
        prop_assert_eq!(fitted.len(), target_width * target_height * input.channels.count());
    }

    #[test]
    fn a_picture_of_the_right_size_stays_itself(width in 1_usize..=200, height in 1_usize..=200, seed: u8) {
        for (fit, filter) in [("crop", "bicubic"), ("letterbox", "nearest"), ("stretch", "bilinear")] {
            let input: ImageInput = serde_json::from_value(serde_json::json!({
                "name": "image", "width": width, "height": height, "channels": "rgb", "fit": fit, "filter": filter,
            })).unwrap();
            let data: Vec<u8> = (0..width * height * 3).map(|index| (index * 7 + usize::from(seed)) as u8).collect();
            let picture = Picture { width, height, channels: edgeval_models::Channels::Rgb, data };
            let mut plan = ImagePlan::new(&input);
            prop_assert_eq!(plan.fit(&picture).unwrap(), &picture.data);
        }
    }

    #[test]
    fn sound_of_any_length_gives_finite_features(length in 0_usize..20_000, frames in 0_usize..150, center: bool) {
        let input = log_mel_input();
        let Features::LogMel(mut options) = input.features else { panic!("a spectrogram was expected") };
        options.center = center;
        options.axes = Axes::FramesBands;
        let samples: Vec<f32> = (0..length).map(|n| ((n * n) as f32 * 0.01).sin()).collect();
        let mut values = vec![f32::NAN; frames * options.bands];
        LogMelPlan::new(&options, input.sample_rate_hz).fill(&samples, &mut values);
        prop_assert!(values.iter().all(|value| value.is_finite()));
    }
}
