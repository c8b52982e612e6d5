//! Corruptions as a caller sees them: the same bits on every processor, the shape kept, worse with severity, any size.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use edgeval_calibration::corruption::{
    Frame, PictureCorruption, Seed, Severity, SoundCorruption, StreamCorruption, corrupt_picture, corrupt_sound,
    corrupt_stream,
};
use edgeval_models::{Channels, Picture, Sound, sha256};
use proptest::prelude::*;

const SEED: Seed = Seed { run: 20, sample: 7 };

/// Colours that change smoothly, and squares with sharp edges. In integers, so that it is the same everywhere.
fn picture(width: usize, height: usize, channels: Channels) -> Picture {
    let count = channels.count();
    let byte = |index: usize| {
        let (pixel, channel) = (index / count, index % count);
        let (x, y) = (pixel % width, pixel / width);
        let square = (x * 8 / width + y * 8 / height) % 2;
        ((x * 150 / width + y * 60 / height + channel * 20 + square * 25) % 256) as u8
    };
    Picture { width, height, channels, data: (0..width * height * count).map(byte).collect() }
}

/// A rough tone that comes and goes.
fn sound(length: usize, period: usize) -> Sound {
    let sample = |index: usize| {
        let saw = (index % period) as f32 / period as f32 - 0.5;
        let loudness = 1.0 - (index % 2000) as f32 / 2000.0;
        saw * loudness
    };
    Sound { sample_rate_hz: 16_000, samples: (0..length).map(sample).collect() }
}

fn digests() -> String {
    let pictures = [
        ("rgb 57x45", picture(57, 45, Channels::Rgb)),
        ("gray 28x28", picture(28, 28, Channels::Gray)),
        ("rgb 240x336", picture(240, 336, Channels::Rgb)),
    ];
    let mut lines = Vec::new();
    for (name, picture) in &pictures {
        for (kind, severity) in PictureCorruption::all().flat_map(|kind| Severity::ALL.map(|severity| (kind, severity)))
        {
            let digest = sha256(&corrupt_picture(picture, kind, severity, SEED).unwrap().data);
            lines.push(format!("{name} {} {} {digest}", kind.name(), severity.number()));
        }
    }
    let (own, voices) = (sound(8000, 100), [sound(6000, 71), sound(9000, 130)]);
    for (kind, severity) in
        SoundCorruption::ALL.into_iter().flat_map(|kind| Severity::ALL.map(|severity| (kind, severity)))
    {
        let samples = corrupt_sound(&own, kind, severity, SEED, &voices.each_ref()).unwrap().samples;
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        lines.push(format!("sound {} {} {}", kind.name(), severity.number(), sha256(&bytes)));
    }
    for (kind, severity) in
        StreamCorruption::ALL.into_iter().flat_map(|kind| Severity::ALL.map(|severity| (kind, severity)))
    {
        let frames = corrupt_stream(kind, severity, SEED.run, 1000).unwrap();
        lines.push(format!(
            "stream {} {} {}",
            kind.name(),
            severity.number(),
            sha256(format!("{frames:?}").as_bytes())
        ));
    }
    lines.join("\n") + "\n"
}

/// Recorded on x86-64. Set EDGEVAL_RECORD to record them again after a change that is meant.
#[test]
fn the_same_bits_on_every_processor() {
    let (found, expected) = (digests(), include_str!("corruption/digests.txt"));
    if std::env::var_os("EDGEVAL_RECORD").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corruption/digests.txt"), &found).unwrap();
        return;
    }
    let different: Vec<&str> =
        found.lines().zip(expected.lines()).filter(|(one, other)| one != other).map(|(one, _)| one).collect();
    assert!(different.is_empty(), "{different:#?}");
    assert_eq!(found.lines().count(), expected.lines().count());
}

fn squared_error(one: &Picture, other: &Picture) -> f64 {
    let square = |(one, other): (&u8, &u8)| (f64::from(*one) - f64::from(*other)).powi(2);
    one.data.iter().zip(&other.data).map(square).sum::<f64>() / one.data.len() as f64
}

#[test]
fn noise_and_blur_grow_with_severity() {
    use PictureCorruption as Kind;
    let picture = picture(224, 224, Channels::Rgb);
    let kinds = [
        Kind::GaussianNoise,
        Kind::ShotNoise,
        Kind::ImpulseNoise,
        Kind::DefocusBlur,
        Kind::ZoomBlur,
        Kind::Contrast,
        Kind::Brightness,
        Kind::LowLight,
        Kind::OverExposure,
        Kind::RollingFlicker,
    ];
    for kind in kinds {
        let error = |severity| squared_error(&picture, &corrupt_picture(&picture, kind, severity, SEED).unwrap());
        let errors = Severity::ALL.map(error);
        assert!(errors.is_sorted_by(|one, other| one < other), "{}: {errors:?}", kind.name());
    }
}

/// The picture at half its size, each pixel the mean of four.
fn halved(picture: &Picture) -> Picture {
    let (width, height, channels) = (picture.width / 2, picture.height / 2, picture.channels.count());
    let at = |x: usize, y: usize, channel: usize| u16::from(picture.data[(y * picture.width + x) * channels + channel]);
    let mean = |place: usize| {
        let (pixel, channel) = (place / channels, place % channels);
        let (x, y) = (2 * (pixel % width), 2 * (pixel / width));
        let sum = at(x, y, channel) + at(x + 1, y, channel) + at(x, y + 1, channel) + at(x + 1, y + 1, channel);
        ((sum + 2) / 4) as u8
    };
    let data = (0..width * height * channels).map(mean).collect();
    Picture { width, height, channels: picture.channels, data }
}

#[test]
fn sizes_follow_the_pictures_size() {
    use PictureCorruption as Kind;
    let kinds = [
        Kind::DefocusBlur,
        Kind::MotionBlur,
        Kind::ZoomBlur,
        Kind::Snow,
        Kind::ProceduralFrost,
        Kind::Fog,
        Kind::Elastic,
        Kind::RollingFlicker,
        Kind::DirtyLens,
    ];
    for kind in kinds {
        let made = |side| corrupt_picture(&picture(side, side, Channels::Rgb), kind, Severity::Three, SEED).unwrap();
        let (small, middle, large) = (made(112), halved(&made(224)), halved(&halved(&made(448))));
        let (down, up) = (squared_error(&small, &middle).sqrt(), squared_error(&large, &middle).sqrt());
        println!("{}: {down:.1} of 255 at half the size, {up:.1} at twice", kind.name());
        assert!(down < 8.0 && up < 8.0, "{}: {down} {up}", kind.name());
    }
}

#[test]
fn sound_noise_grows_with_severity() {
    let own = sound(16_000, 100);
    for kind in [SoundCorruption::WhiteNoise, SoundCorruption::PinkNoise, SoundCorruption::Hum, SoundCorruption::Babble]
    {
        let voices = [sound(9000, 77)];
        let error = |severity| {
            let heard = corrupt_sound(&own, kind, severity, SEED, &voices.each_ref()).unwrap();
            heard.samples.iter().zip(&own.samples).map(|(one, other)| (one - other) * (one - other)).sum::<f32>()
        };
        let errors = Severity::ALL.map(error);
        assert!(errors.is_sorted_by(|one, other| one < other), "{}: {errors:?}", kind.name());
    }
}

/// Of noise that can be heard: an offset is none.
#[test]
fn noise_is_as_loud_as_it_says() {
    // Quiet enough that nothing is cut off.
    let own = Sound { samples: sound(8000, 100).samples.iter().map(|sample| sample / 20.0).collect(), ..sound(1, 1) };
    let mean = |samples: &[f64]| samples.iter().sum::<f64>() / samples.len() as f64;
    let power = |samples: &[f64]| mean(&samples.iter().map(|sample| sample * sample).collect::<Vec<f64>>());
    let own_power = power(&own.samples.iter().map(|sample| f64::from(*sample)).collect::<Vec<f64>>());
    let kinds = [SoundCorruption::WhiteNoise, SoundCorruption::PinkNoise, SoundCorruption::Hum];
    for (kind, severity) in kinds.into_iter().flat_map(|kind| Severity::ALL.map(|severity| (kind, severity))) {
        for sample in 0..20 {
            let heard = corrupt_sound(&own, kind, severity, Seed { sample, ..SEED }, &[]).unwrap();
            let noise: Vec<f64> =
                heard.samples.iter().zip(&own.samples).map(|(one, other)| f64::from(one - other)).collect();
            let offset_share = mean(&noise).powi(2) / power(&noise);
            let snr_db = 10.0 * (own_power / (power(&noise) * (1.0 - offset_share))).log10();
            let stated_db = kind.snr_db().unwrap()[severity as usize];
            let (name, number) = (kind.name(), severity.number());
            assert!((snr_db - stated_db).abs() < 0.1, "{name} {number}: {snr_db} dB, and {stated_db} are stated");
            assert!(offset_share < 0.005, "{name} {number}: {offset_share} of the power is an offset");
        }
    }
}

#[test]
fn seeds_change_what_is_random_and_nothing_else() {
    let picture = picture(40, 40, Channels::Rgb);
    for kind in PictureCorruption::all() {
        use PictureCorruption as Kind;
        let made = |seed| corrupt_picture(&picture, kind, Severity::Four, seed).unwrap();
        let fixed = [
            Kind::DefocusBlur,
            Kind::ZoomBlur,
            Kind::Brightness,
            Kind::Contrast,
            Kind::Pixelate,
            Kind::Jpeg,
            Kind::OverExposure,
        ];
        assert_eq!(made(SEED), made(SEED));
        let same = made(SEED) == made(Seed { sample: 8, ..SEED });
        assert_eq!(same, fixed.contains(&kind), "{}", kind.name());
    }
}

#[test]
fn a_flat_picture_stays_flat() {
    let flat = Picture { width: 30, height: 20, channels: Channels::Rgb, data: [10, 100, 200].repeat(600) };
    for kind in [
        PictureCorruption::GlassBlur,
        PictureCorruption::MotionBlur,
        PictureCorruption::Elastic,
        PictureCorruption::DefocusBlur,
    ] {
        assert_eq!(corrupt_picture(&flat, kind, Severity::Five, SEED).unwrap(), flat, "{}", kind.name());
    }
}

#[test]
fn frozen_frames_show_what_was_shown_before() {
    for severity in Severity::ALL {
        let frames = corrupt_stream(StreamCorruption::FrozenFrames, severity, 3, 20_000).unwrap();
        let mut shown = 0;
        for (index, frame) in frames.iter().enumerate() {
            match frame {
                Frame::Own => shown = index,
                Frame::Frozen(earlier) => assert_eq!(*earlier, shown),
                Frame::Missing => panic!("a frozen frame isn't missing"),
            }
        }
        assert_eq!(frames[0], Frame::Own);
    }
    let dropped = corrupt_stream(StreamCorruption::DroppedFrames, Severity::Three, 3, 20_000).unwrap();
    let share = dropped.iter().filter(|frame| **frame == Frame::Missing).count() as f64 / 20_000.0;
    assert!((share - 0.2).abs() < 0.015, "{share}");
}

#[test]
fn every_kind_has_a_source_and_a_name_of_its_own() {
    let mut names: Vec<&str> = PictureCorruption::all().map(PictureCorruption::name).collect();
    names.extend(SoundCorruption::ALL.map(SoundCorruption::name));
    names.extend(StreamCorruption::ALL.map(StreamCorruption::name));
    assert!(PictureCorruption::all().all(|kind| kind.source().is_some()));
    assert!(SoundCorruption::ALL.iter().all(|kind| kind.source().is_some()));
    assert!(StreamCorruption::ALL.iter().all(|kind| kind.source().is_some()));
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]) && names.len() == 31);
    assert_eq!([0, 1, 5, 6].map(|number| Severity::new(number).map(Severity::number)), [None, Some(1), Some(5), None]);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let broken = Picture { width: 3, height: 2, channels: Channels::Rgb, data: vec![0; 17] };
    let endless = Picture { width: usize::MAX, height: 2, channels: Channels::Rgb, data: Vec::new() };
    let long = Picture { width: 70_000, height: 1, channels: Channels::Gray, data: vec![9; 70_000] };
    for kind in PictureCorruption::all() {
        assert!(corrupt_picture(&broken, kind, Severity::One, SEED).is_err());
        assert!(corrupt_picture(&endless, kind, Severity::One, SEED).is_err());
        let corrupted = corrupt_picture(&long, kind, Severity::One, SEED);
        assert_eq!(corrupted.is_err(), kind == PictureCorruption::Jpeg, "{}", kind.name());
    }
    assert!(corrupt_sound(&sound(10, 3), SoundCorruption::Babble, Severity::One, SEED, &[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn pictures_of_any_size_keep_it(width in 0_usize..40, height in 0_usize..40, gray: bool, long in prop::sample::select(vec![1_usize, 1, 1, 20])) {
        let channels = if gray { Channels::Gray } else { Channels::Rgb };
        let picture = picture(width * long, height, channels);
        for (kind, severity) in PictureCorruption::all().flat_map(|kind| [Severity::One, Severity::Five].map(|severity| (kind, severity))) {
            let made = corrupt_picture(&picture, kind, severity, SEED).unwrap();
            prop_assert_eq!((made.width, made.height, made.channels), (picture.width, picture.height, channels));
            prop_assert_eq!(made.data.len(), picture.data.len(), "{}", kind.name());
        }
    }

    #[test]
    fn sounds_of_any_length_keep_it(length in 0_usize..3000, rate in prop::sample::select(vec![0_u32, 1, 100, 8000, 16_000, 48_000]), silent: bool, loud in 1.0_f32..50.0) {
        let mut own = sound(length, 90);
        own.sample_rate_hz = rate;
        own.samples.iter_mut().for_each(|sample| *sample *= if silent { 0.0 } else { loud });
        let voice = Sound { sample_rate_hz: rate, ..sound(50, 7) };
        for (kind, severity) in SoundCorruption::ALL.into_iter().flat_map(|kind| [Severity::One, Severity::Five].map(|severity| (kind, severity))) {
            let heard = corrupt_sound(&own, kind, severity, SEED, &[&voice]).unwrap();
            prop_assert_eq!((heard.samples.len(), heard.sample_rate_hz), (length, rate));
            prop_assert!(heard.samples.iter().all(|sample| (-1.0..=1.0).contains(sample)), "{}", kind.name());
            prop_assert!(!silent || heard.samples.iter().all(|&sample| sample == 0.0), "{}", kind.name());
        }
    }
}
