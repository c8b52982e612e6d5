//! Sounds of sets: formats, and what is refused.

use super::builder::Builder;
use super::shipped;

#[test]
fn sounds_of_any_format_become_one_channel() {
    let format = |bits_per_sample, sample_format| hound::WavSpec {
        channels: 2,
        sample_rate: 8000,
        bits_per_sample,
        sample_format,
    };
    for (bits, float) in [(8, false), (16, false), (24, false), (32, false), (32, true)] {
        let kind = if float { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, format(bits, kind)).unwrap();
        let quarter = 1_i64 << (bits - 3);
        for share in [2, 0, -2, -2] {
            if float {
                writer.write_sample(share as f32 / 4.0).unwrap();
            } else {
                writer.write_sample(i32::try_from(share * quarter).unwrap()).unwrap();
            }
        }
        writer.finalize().unwrap();
        let mut builder = Builder::new();
        builder.file("x.wav", &bytes.into_inner());
        builder.line(r#"{"id":"1","audio":"x.wav","label":"dark"}"#);
        let set = builder.open().unwrap();
        let sound = set.window(&set.samples()[0]).unwrap().audio.unwrap();
        assert_eq!((sound.sample_rate_hz, sound.samples), (8000, vec![0.25, -0.5]), "{bits} bits");
    }
}

#[test]
fn a_sound_with_what_isn_t_a_number_is_refused() {
    let format = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, format).unwrap();
    [0.5, f32::NAN].iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    let mut builder = Builder::new();
    builder.file("x.wav", &bytes.into_inner());
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
