//! Files that tests read: pictures, sounds, the reference bundle and set.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::{Path, PathBuf};

use edgeval_models::{Channels, Picture, Sound, Window};

/// A path from the crate's folder.
pub fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

pub fn bundle_folder() -> PathBuf {
    path("zoo/av-digits")
}

pub fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A PNG or JPEG as it is stored: gray or RGB.
pub fn picture(path: &Path) -> Picture {
    let decoded = image::open(path).unwrap();
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let (channels, data) = match decoded.color().channel_count() {
        1 => (Channels::Gray, decoded.into_luma8().into_raw()),
        _ => (Channels::Rgb, decoded.into_rgb8().into_raw()),
    };
    Picture { width, height, channels, data }
}

/// A mono 16-bit FLAC.
pub fn sound(path: &Path) -> Sound {
    let mut reader = claxon::FlacReader::open(path).unwrap();
    let information = reader.streaminfo();
    assert_eq!((information.channels, information.bits_per_sample), (1, 16));
    let samples = reader.samples().map(|sample| sample.unwrap() as f32 / 32_768.0).collect();
    Sound { sample_rate_hz: information.sample_rate, samples }
}

/// A sample of the reference set, by its id.
pub fn window(id: &str) -> Window {
    let set = path("../calibration/sets/av-digits");
    let image = picture(&set.join(format!("images/{id}.png")));
    let audio = sound(&set.join(format!("audio/{id}.flac")));
    Window { image: Some(image), audio: Some(audio), ..Window::default() }
}
