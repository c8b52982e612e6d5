//! Sound through the real path: ALSA's `file` plugin plays a pipe as a microphone, cpal captures it.
//!
//! ALSA reads its configuration once, from a file that the environment names, so each test runs itself again in a
//! process of its own.

use std::f64::consts::TAU;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::super::SensorState;
use super::*;

const MODEL_RATE_HZ: u32 = 16_000;
const PIPE: &str = "EDGEVAL_TEST_PIPE";
/// How long a test may take before it has failed.
const PATIENCE_NS: i64 = 40_000_000_000;

/// A tone that rises for a minute, so that each moment of it is like no other. Never above 3.1 kHz: it survives
/// resampling.
fn sweep(time_s: f64) -> f64 {
    0.5 * (TAU * (100.0 * time_s + 25.0 * time_s * time_s)).sin()
}

/// Runs the test of this name again with an ALSA configuration in which `edgeval_test` is a pipe.
fn run_with_pipe(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let configuration = folder.path().join("asound.conf");
    let text = format!(
        "</usr/share/alsa/alsa.conf>\n\
         pcm.edgeval_test {{ type file slave.pcm null file /dev/null infile \"{}\" format raw\n\
         hint {{ show on description \"A pipe\" }} }}\n",
        pipe.display()
    );
    std::fs::write(&configuration, text).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("ALSA_CONFIG_PATH", &configuration)
        .env(PIPE, &pipe)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn pipe() -> PathBuf {
    std::env::var_os(PIPE).unwrap().into()
}

/// Opened for both directions, a pipe blocks nobody who opens it, and never ends.
fn open_pipe(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

/// Plays the sweep in real time on every channel until it is told to stop. Each write is as long as a read: the plugin
/// takes a short read for a whole one.
fn play(mut pipe: File, rate_hz: u32, channels: usize, stop: &AtomicBool) {
    let frames = u64::from(rate_hz / 50);
    let began = Moment::now();
    for piece in 0.. {
        while Moment::now().since(began) < Duration::from_millis(20 * piece) && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(2));
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let numbers = piece * frames..(piece + 1) * frames;
        let samples = numbers.map(|number| sweep(number as f64 / f64::from(rate_hz)) as f32);
        let bytes: Vec<u8> = samples.flat_map(|sample| sample.to_ne_bytes().repeat(channels)).collect();
        pipe.write_all(&bytes).unwrap();
    }
}

fn listen(rate_hz: u32, channels: u16) -> Live {
    let microphone = microphone::Options {
        device: Some("edgeval_test".to_owned()),
        sample_rate_hz: Some(rate_hz),
        channels: Some(channels),
    };
    let options = Options { microphone, ..Options::default() };
    Live::start(&options, &needs(false, Some(MODEL_RATE_HZ))).unwrap()
}

/// How far a window is from the sweep, wherever in it that it best begins.
fn worst_difference(samples: &[f32], rate_hz: u32) -> f64 {
    let at = |first: u32, index: usize| {
        sweep(f64::from(first) / f64::from(rate_hz) + index as f64 / f64::from(MODEL_RATE_HZ))
    };
    let difference = |first: u32, indices: &mut dyn Iterator<Item = usize>| {
        indices.map(|index| (f64::from(samples[index]) - at(first, index)).abs()).fold(0.0, f64::max)
    };
    let candidates = (0..rate_hz * 40).filter(|&first| difference(first, &mut (0..samples.len()).step_by(1601)) < 0.05);
    candidates.map(|first| difference(first, &mut (0..samples.len()))).fold(f64::INFINITY, f64::min)
}

/// Captures until three windows are the sweep.
fn capture_the_sweep(rate_hz: u32, channels: u16) {
    let pipe = open_pipe(&pipe());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut live = listen(rate_hz, channels);
        scope.spawn(|| play(pipe, rate_hz, usize::from(channels), &stop));
        let deadline = Moment::now().shifted(PATIENCE_NS);
        let mut equal = 0;
        let mut differences = Vec::new();
        while equal < 3 && Moment::now() < deadline {
            let Next::Window(window) = live.next(Duration::from_millis(100)) else { continue };
            let sound = window.window.audio.unwrap();
            assert_eq!((sound.sample_rate_hz, sound.samples.len()), (MODEL_RATE_HZ, 16_000));
            differences.push(worst_difference(&sound.samples, rate_hz));
            equal += usize::from(differences.last().is_some_and(|&difference| difference < 5e-3));
        }
        let health = live.health().microphone.unwrap();
        drop(live);
        stop.store(true, Ordering::Relaxed);
        assert!(equal == 3, "{differences:?} {health:?}");
        assert_eq!(health.state, SensorState::Running);
        assert!(health.format.contains(&format!("{rate_hz} Hz, {channels} channel(s)")), "{health:?}");
        assert!(health.clock_uncertainty_us.is_some(), "{health:?}");
    });
}

#[test]
fn what_is_played_is_what_windows_hold() {
    run_with_pipe("capture::live::tests::alsa::stereo_at_44100_hz_is_captured");
    run_with_pipe("capture::live::tests::alsa::mono_at_16000_hz_is_captured");
}

#[test]
#[ignore = "run by what_is_played_is_what_windows_hold, with its ALSA configuration"]
fn stereo_at_44100_hz_is_captured() {
    capture_the_sweep(44_100, 2);
}

#[test]
#[ignore = "run by what_is_played_is_what_windows_hold, with its ALSA configuration"]
fn mono_at_16000_hz_is_captured() {
    capture_the_sweep(16_000, 1);
}

#[test]
fn a_microphone_that_falls_silent_is_said_and_comes_back() {
    run_with_pipe("capture::live::tests::alsa::silence_is_said_and_sound_comes_back");
}

#[test]
#[ignore = "run by a_microphone_that_falls_silent_is_said_and_comes_back, with its ALSA configuration"]
fn silence_is_said_and_sound_comes_back() {
    let stop = AtomicBool::new(false);
    let path = pipe();
    std::thread::scope(|scope| {
        let mut live = listen(48_000, 1);
        let deadline = Moment::now().shifted(PATIENCE_NS);
        let until = |live: &mut Live, what: &str, reached: &dyn Fn(&super::super::super::MicrophoneHealth) -> bool| {
            while !reached(&live.health().microphone.unwrap()) {
                let _ = live.next(Duration::from_millis(50));
                assert!(Moment::now() < deadline, "{what}: {:?}", live.health());
            }
        };
        // Nobody plays into the pipe yet, but it is open.
        let quiet = open_pipe(&path);
        until(
            &mut live,
            "silence",
            &|health| matches!(&health.state, SensorState::Retrying(why) if why.contains("delivered nothing")),
        );
        scope.spawn(|| play(quiet, 48_000, 1, &stop));
        until(&mut live, "sound", &|health| health.state == SensorState::Running && health.frames > 48_000);
        drop(live);
        stop.store(true, Ordering::Relaxed);
    });
}
