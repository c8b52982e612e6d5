//! Sounds of sets: formats, and what is refused.

use super::builder::{Builder, wav};
use super::shipped;

#[test]
fn sounds_of_any_format_become_one_channel() {
    for (bits, float) in [(8, false), (16, false), (24, false), (32, false), (32, true)] {
        let shares = [2_i64, 0, -2, -2];
        let bytes = if float {
            wav((2, bits, hound::SampleFormat::Float), &shares.map(|share| share as f32 / 4.0))
        } else {
            let quarter = 1_i64 << (bits - 3);
            wav((2, bits, hound::SampleFormat::Int), &shares.map(|share| i32::try_from(share * quarter).unwrap()))
        };
        let mut builder = Builder::new();
        builder.file("x.wav", &bytes);
        builder.line(r#"{"id":"1","audio":"x.wav","label":"dark"}"#);
        let set = builder.open().unwrap();
        let sound = set.window(&set.samples()[0]).unwrap().audio.unwrap();
        assert_eq!((sound.sample_rate_hz, sound.samples), (8000, vec![0.25, -0.5]), "{bits} bits");
    }
}

#[test]
fn a_sound_with_what_isn_t_a_number_is_refused() {
    let mut builder = Builder::new();
    builder.file("x.wav", &wav((1, 32, hound::SampleFormat::Float), &[0.5, f32::NAN]));
    builder.line(r#"{"id":"1","audio":"x.wav","label":"dark"}"#);
    let set = builder.open().unwrap();
    let error = set.window(&set.samples()[0]).unwrap_err().to_string();
    assert!(error.contains("x.wav") && error.contains("NaN"), "{error}");
}

#[test]
fn a_sound_cut_between_two_blocks_is_cut_short() {
    let set = shipped();
    let sample = &set.samples()[0];
    let mut bytes = set.read(sample.audio.as_deref().unwrap()).unwrap();
    // STREAMINFO's number of samples: the 36 bits from byte 21's lower half on. One more than there are.
    bytes[25] = bytes[25].wrapping_add(1);
    let mut builder = Builder::new();
    builder.file("x.flac", &bytes);
    builder.line(r#"{"id":"1","audio":"x.flac","label":"dark"}"#);
    let set = builder.open().unwrap();
    let error = set.window(&set.samples()[0]).unwrap_err().to_string();
    assert!(error.contains("cut short"), "{error}");
}
