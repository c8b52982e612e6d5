use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::camera::{self, Camera, Source};
use super::super::pixel;
use super::super::windower::Grid;
use super::super::{SensorState, SkewMode};
use super::*;

fn options(command: &[&str], format: &str) -> Options {
    let command = command.iter().map(|&word| word.to_owned()).collect();
    let format = Some(format.to_owned());
    Options { source: Source::Command, command, format, width: 32, height: 24, ..Options::default() }
}

fn refusal(options: &Options) -> String {
    Command::new(options).unwrap_err().to_string()
}

#[test]
fn what_makes_no_sense_is_refused_in_a_sentence() {
    let good = options(&["cat"], "NV12");
    assert!(Command::new(&good).is_ok());
    let with = |change: fn(&mut Options)| {
        let mut changed = good.clone();
        change(&mut changed);
        refusal(&changed)
    };
    for (said, words) in [
        (
            with(|options| options.device = Some("/dev/video0".to_owned())),
            "`capture.camera.device` is for a V4L2 device",
        ),
        (with(|options| options.command.clear()), "`capture.camera.command` is empty"),
        (with(|options| options.command = vec![String::new()]), "`capture.camera.command` is empty"),
        (with(|options| options.format = None), "`capture.camera.format` isn't set"),
        (with(|options| options.format = Some("H264".to_owned())), "is \"H264\", which edgeval doesn't read"),
        (with(|options| options.stride_bytes = Some(31)), "a row of 32 pixels takes 32"),
        (with(|options| options.stride_bytes = Some(65_537)), "65536 are the most"),
        (refusal(&Options { stride_bytes: Some(64), ..options(&["cat"], "MJPEG") }), "a JPEG has no rows"),
        (refusal(&Options { matrix: Some(Matrix::Bt709), ..options(&["cat"], "RGB24") }), "isn't raw YUV"),
        (refusal(&Options { full_range: Some(true), ..options(&["cat"], "BGR24") }), "leave it out"),
    ] {
        assert!(said.contains(words), "{said}");
    }
    let device = Options { stride_bytes: Some(64), ..Options::default() };
    let started = camera::start(&device, Grid::new(500, 1000), SkewMode::Off, Arc::default());
    assert!(started.err().unwrap().to_string().contains("`capture.camera.stride_bytes` is for a command"));
}

/// A running camera; its program is ended with it.
struct Running {
    camera: Option<Camera>,
    stop: Arc<AtomicBool>,
}

impl Running {
    /// One window every 20 ms, so that frames are wanted all the time.
    fn start(options: &Options) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let camera = camera::start(options, Grid::new(20, 20), SkewMode::Auto, Arc::clone(&stop)).unwrap();
        Self { camera: Some(camera), stop }
    }

    fn camera(&self) -> &Camera {
        self.camera.as_ref().unwrap()
    }

    fn wait(&self, what: &str, is_so: impl Fn(&super::super::CameraHealth) -> bool) -> super::super::CameraHealth {
        let deadline = Moment::now().shifted(30_000_000_000);
        loop {
            let health = self.camera().shared.health();
            if is_so(&health) {
                return health;
            }
            assert!(Moment::now() < deadline, "waited in vain until {what}: {health:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until it is in trouble, and says which.
    fn trouble(&self, words: &str) -> String {
        let has = |health: &super::super::CameraHealth| matches!(&health.state, SensorState::Retrying(said) if said.contains(words));
        let SensorState::Retrying(said) = self.wait(words, has).state else { unreachable!() };
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.camera.take().unwrap().thread.join().unwrap();
    }
}

/// A program that writes a file of frames again and again.
fn writer(file: &Path) -> [String; 3] {
    let script = format!("while :; do cat '{}'; sleep 0.005; done", file.display());
    ["dash".to_owned(), "-c".to_owned(), script]
}

fn written(frames: &[u8], options: &Options) -> (tempfile::TempDir, Options) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("frames");
    std::fs::write(&file, frames).unwrap();
    (folder, Options { command: writer(&file).to_vec(), ..options.clone() })
}

/// A frame of bytes that differ.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn raw_frames_of_every_format_come_as_they_were_written() {
    for format in ["I420", "NV12", "YUYV", "UYVY", "RGB24", "BGR24", "GREY"] {
        for (width, height, padding) in [(32, 24, 0), (31, 23, 0), (32, 24, 20), (31, 23, 9), (1, 1, 0)] {
            let mut options = Options { width, height, ..options(&["cat"], format) };
            let row = least_stride(PixelFormat::from_name(format).unwrap(), width as usize);
            options.stride_bytes = (padding > 0).then_some(row as u32 + padding);
            let layout = layout(&options).unwrap();
            let frame = noise(layout.whole_bytes().unwrap());
            // Two in one file, so that a size that is off by a byte would show.
            let (_folder, options) = written(&frame.repeat(2), &options);
            let running = Running::start(&options);
            for _ in 0..2 {
                let picked = running.camera().frames.recv_timeout(Duration::from_secs(30)).unwrap();
                assert_eq!(picked.frame.bytes, frame, "{format} {width}×{height} {padding}");
                assert_eq!(pixel::decode(&picked.frame.layout, &picked.frame.bytes), pixel::decode(&layout, &frame));
            }
            let health = running.camera().shared.health();
            assert_eq!((health.damaged, health.reconnects, health.clock_uncertainty_us), (0, 0, None));
            assert!(health.device == "command dash" && health.format.contains("stamped on arrival"), "{health:?}");
        }
    }
}

/// A picture as a JPEG, with another in its first segment.
fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let encode = |width, height| {
        let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 5) as u8, (y * 7) as u8, 99]));
        let mut bytes = io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    };
    let (whole, thumbnail) = (encode(width, height), encode(16, 16));
    let length = u16::try_from(thumbnail.len() + 2).unwrap().to_be_bytes();
    [&whole[..2], &[0xFF, 0xE1], &length, &thumbnail, &whole[2..]].concat()
}

#[test]
fn jpegs_with_thumbnails_come_whole() {
    let frame = jpeg(31, 23);
    let options = Options { width: 31, height: 23, ..options(&["cat"], "MJPEG") };
    let (_folder, options) = written(&frame.repeat(3), &options);
    let running = Running::start(&options);
    let picked = running.camera().frames.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(picked.frame.bytes, frame);
    let picture = pixel::decode(&picked.frame.layout, &picked.frame.bytes).unwrap();
    assert_eq!((picture.width, picture.height), (31, 23));
    assert_eq!(running.camera().shared.health().damaged, 0);
}

#[test]
fn jpegs_of_another_size_are_refused_by_both_sizes() {
    let (_folder, options) = written(&jpeg(48, 40), &options(&["cat"], "MJPEG"));
    let said = Running::start(&options).trouble("sends pictures");
    assert!(said.contains("48×40") && said.contains("32×24"), "{said}");
}

#[test]
fn half_frames_are_counted_and_the_whole_ones_come() {
    let frame = jpeg(32, 24);
    let stream = [&frame[..frame.len() - 30], &frame].concat();
    let (_folder, options) = written(&stream, &options(&["cat"], "MJPEG"));
    let running = Running::start(&options);
    let health = running.wait("both are counted", |health| health.frames > 3 && health.damaged > 3);
    assert!(health.frames.abs_diff(health.damaged) < 3 && health.reconnects == 0, "{health:?}");
    assert_eq!(running.camera().frames.recv_timeout(Duration::from_secs(30)).unwrap().frame.bytes, frame);
}

#[test]
fn a_program_that_ends_is_a_camera_that_went_away_and_is_started_again() {
    let script = "head -c 1000 /dev/zero; echo 'one' >&2; printf 'no camera\\033[0m' >&2; exit 7";
    let running = Running::start(&options(&["dash", "-c", script], "GREY"));
    let said = running.trouble("ended");
    assert!(said.contains("`dash` ended (exit status: 7) after 1 frames; it said: no camera | one"), "{said}");
    let health = running.wait("it came back twice", |health| health.reconnects >= 2);
    // 1000 bytes are a frame of 768 and a part of one.
    assert!(health.frames >= 3 && health.damaged >= 2, "{health:?}");
}

#[test]
fn a_program_that_cannot_be_started_is_named() {
    for program in ["/no/such/program", "no-such-program", "/dev/null", "nul\0"] {
        let said = Running::start(&options(&[program], "GREY")).trouble("can't be started");
        assert!(said.contains(program) && said.contains("capture.camera.command"), "{said}");
    }
    assert!(Command::new(&options(&["dash"], "GREY")).unwrap().look().is_ok());
    assert!(Command::new(&options(&["no-such-program"], "GREY")).unwrap().look().is_err());
}

#[test]
fn a_program_that_stalls_is_ended_and_started_again() {
    // It ignores the request to end, and has a child of its own that would stay behind.
    let folder = tempfile::tempdir().unwrap();
    let ids = folder.path().join("ids");
    let script = format!(
        "trap '' TERM; sleep 1000 & echo $$ $! >> {}; head -c 800 /dev/zero; echo waiting >&2; wait; sleep 1000",
        ids.display()
    );
    let options = Options { time_out_s: 1, ..options(&["dash", "-c", &script], "GREY") };
    let running = Running::start(&options);
    let said = running.trouble("gave no whole frame");
    assert!(said.contains("for 1 s (32 bytes came); it said: waiting"), "{said}");
    running.wait("it came back", |health| health.reconnects >= 1);
    drop(running);
    let ids = std::fs::read_to_string(ids).unwrap();
    assert!(ids.lines().count() >= 2, "{ids}");
    let deadline = Moment::now().shifted(30_000_000_000);
    for id in ids.split_whitespace() {
        // It was killed; the kernel takes a moment.
        while is_alive(id) {
            assert!(Moment::now() < deadline, "process {id} is left");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Whether a process runs; one that nobody has reaped doesn't.
fn is_alive(id: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_flood_is_read_and_ends_when_asked() {
    let running = Running::start(&options(&["cat", "/dev/zero"], "GREY"));
    running.wait("a hundred thousand frames came", |health| health.frames > 100_000);
    assert!(running.camera().frames.len() <= 4, "the newest few wait");
    assert!(running.wait("old ones went", |health| health.dropped > 0).dropped > 0);
    let began = Moment::now();
    drop(running);
    assert!(Moment::now().since(began) < Duration::from_secs(2));
}

#[test]
fn a_flood_of_words_does_not_hold_up_frames() {
    let script = "yes no >&2 & while :; do head -c 768 /dev/zero; done";
    let running = Running::start(&options(&["dash", "-c", script], "GREY"));
    running.wait("frames came", |health| health.frames > 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_options_are_taken_or_refused(width in 1u32..9000, height in 1u32..9000, stride in prop::option::of(any::<u32>()), name in "[A-Z0-9]{3,5}") {
        for format in [name.as_str(), "I420", "NV12", "RGB24"] {
            let options = Options { width, height, stride_bytes: stride, ..options(&["cat"], format) };
            if let Ok(command) = Command::new(&options) {
                prop_assert!(command.layout.check().is_ok());
            }
        }
    }
}
