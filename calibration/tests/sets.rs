//! Reference sets, whole and broken: each fault is found and named, and nothing panics on hostile files.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::fmt::Write as _;
use std::path::Path;

use edgeval_calibration::{CheckReport, ReferenceSet, SetError, check, score};
use edgeval_models::{Prediction, Window, sha256};
use proptest::prelude::*;

const LABELS: [&str; 2] = ["dark", "bright"];

/// A set in a folder of its own, built file by file.
struct Builder {
    folder: tempfile::TempDir,
    lines: String,
    listed: String,
}

impl Builder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), lines: String::new(), listed: String::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&mut self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).unwrap();
        writeln!(self.listed, "{}  {name}", sha256(bytes)).unwrap();
    }

    fn picture(&mut self, name: &str, levels: [u8; 4]) {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::GrayImage::from_raw(2, 2, levels.to_vec())
            .unwrap()
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        self.file(name, &bytes.into_inner());
    }

    fn sound(&mut self, name: &str, samples: &[i16]) {
        let format = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, format).unwrap();
        samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
        writer.finalize().unwrap();
        self.file(name, &bytes.into_inner());
    }

    fn line(&mut self, line: &str) {
        writeln!(self.lines, "{line}").unwrap();
    }

    /// A good sample of each class.
    fn good(mut self) -> Self {
        self.picture("dark.png", [0, 10, 20, 30]);
        self.picture("bright.png", [200, 210, 220, 255]);
        self.sound("low.wav", &[100, -3000, 3000, 0]);
        self.line(r#"{"id":"1","split":"test","image":"dark.png","audio":"low.wav","label":"dark","cluster":"a"}"#);
        self.line(r#"{"id":"2","split":"test","image":"bright.png","label":"bright","cluster":"b"}"#);
        self
    }

    /// Writes the lists; opens the set.
    fn open(&mut self) -> Result<ReferenceSet, SetError> {
        let lines = self.lines.clone();
        self.file("samples.jsonl", lines.as_bytes());
        std::fs::write(self.path().join("files.sha256"), &self.listed).unwrap();
        let description = format!(
            "schema = 1\nname = \"small\"\nversion = \"1\"\ntask = \"classification\"\nlicence = \"CC0-1.0\"\nsource = \"made here\"\n\
             modalities = [\"image\", \"audio\"]\nlabels = {LABELS:?}\nfiles_sha256 = \"{}\"\n",
            sha256(self.listed.as_bytes())
        );
        std::fs::write(self.path().join("set.toml"), description).unwrap();
        ReferenceSet::open(self.path())
    }

    fn check(mut self) -> CheckReport {
        check(&self.open().unwrap(), || {})
    }
}

fn codes(report: &CheckReport) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.code).collect()
}

fn labels() -> Vec<String> {
    LABELS.map(str::to_owned).to_vec()
}

/// Answers by the picture's mean brightness.
fn by_brightness(window: &Window) -> Result<Prediction, std::convert::Infallible> {
    let data = &window.image.as_ref().unwrap().data;
    let class = usize::from(data.iter().map(|&level| u32::from(level)).sum::<u32>() > 128 * data.len() as u32);
    let mut probabilities = vec![0.1, 0.1];
    probabilities[class] = 0.9;
    Ok(Prediction { class, confidence: 0.9, probabilities, ..Prediction::default() })
}

#[test]
fn a_good_set_is_fit_and_scored() {
    let mut builder = Builder::new().good();
    let set = builder.open().unwrap();
    let report = check(&set, || {});
    assert!(report.fit, "{:?}", report.findings);
    let scored = score(&set, "test", &labels(), by_brightness).unwrap();
    let top1 = *scored.accuracy().top1.figure().unwrap();
    assert_eq!((top1.value, top1.n), (1.0, 2));
    let mut lines = Vec::new();
    scored.write_predictions(&mut lines).unwrap();
    assert!(String::from_utf8(lines).unwrap().starts_with(r#"{"id":"1","label":"dark","predicted":"dark","#));
}

#[test]
fn the_identity_covers_every_byte() {
    let first = Builder::new().good().open().unwrap().identity().to_owned();
    let mut changed = Builder::new().good();
    changed.picture("extra.png", [1, 2, 3, 4]);
    assert_ne!(first, changed.open().unwrap().identity());
}

#[test]
fn missing_and_changed_files_are_found() {
    let mut builder = Builder::new().good();
    builder.line(r#"{"id":"3","image":"gone.png","label":"dark"}"#);
    let set = builder.open().unwrap();
    std::fs::write(builder.path().join("low.wav"), b"RIFF").unwrap();
    let report = check(&set, || {});
    assert!(!report.fit);
    assert_eq!(codes(&report), ["changed_file", "missing_or_unreadable"]);
    assert_eq!(report.findings[0].samples, ["1"]);
    let error = score(&set, "test", &labels(), by_brightness).unwrap_err().to_string();
    assert!(error.contains("low.wav") && error.contains("changed"), "{error}");
}

#[test]
fn a_changed_list_is_refused_when_opened() {
    let mut builder = Builder::new().good();
    builder.open().unwrap();
    let path = builder.path().join("samples.jsonl");
    let text = std::fs::read_to_string(&path).unwrap().replace("dark\"", "bright\"");
    std::fs::write(&path, text).unwrap();
    let error = ReferenceSet::open(builder.path()).unwrap_err().to_string();
    assert!(error.contains("samples.jsonl") && error.contains("changed"), "{error}");
}

#[test]
fn paths_may_not_leave_the_folder() {
    let mut builder = Builder::new().good();
    builder.line(r#"{"id":"3","image":"../secret.png","label":"dark"}"#);
    builder.line(r#"{"id":"4","image":"/etc/passwd","label":"dark"}"#);
    let report = builder.check();
    let finding = &report.findings[0];
    assert_eq!((finding.code, finding.count), ("outside_the_folder", 2));
    assert!(finding.text.contains("outside the set's folder"), "{}", finding.text);
}

#[test]
fn links_may_not_leave_the_folder_either() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    let mut builder = Builder::new().good();
    std::os::unix::fs::symlink(outside.path(), builder.path().join("link.png")).unwrap();
    builder.line(r#"{"id":"3","image":"link.png","label":"dark"}"#);
    assert!(builder.check().findings[0].text.contains("outside"));
}

#[test]
fn unknown_labels_are_named() {
    let mut builder = Builder::new().good();
    builder.picture("other.png", [9, 99, 9, 99]);
    builder.line(r#"{"id":"3","image":"other.png","label":"drak"}"#);
    let set = builder.open().unwrap();
    let report = check(&set, || {});
    assert_eq!(codes(&report), ["unknown_label"]);
    let error = score(&set, "test", &labels(), by_brightness).unwrap_err().to_string();
    assert!(error.contains("sample 3") && error.contains("drak") && error.contains("dark, bright"), "{error}");
}

#[test]
fn what_misleads_is_warned_of() {
    let mut builder = Builder::new().good();
    builder.picture("blank.png", [7, 7, 7, 8]);
    builder.sound("silent.wav", &[0, 1, -1, 0]);
    builder.line(r#"{"id":"3","image":"blank.png","audio":"silent.wav","label":"dark"}"#);
    builder.line(r#"{"id":"4","image":"dark.png","audio":"low.wav","label":"dark"}"#);
    let report = builder.check();
    assert!(report.fit);
    assert_eq!(codes(&report), ["blank_image", "duplicate_sample", "silent_audio"]);
}

#[test]
fn splits_may_not_share_content() {
    let mut builder = Builder::new().good();
    builder.line(r#"{"id":"3","split":"calibration","image":"bright.png","label":"bright"}"#);
    let report = builder.check();
    assert_eq!((codes(&report), report.fit), (vec!["shared_content"], false));
}

#[test]
fn a_hugging_face_folder_is_read_without_checksums_and_says_so() {
    let mut builder = Builder::new();
    builder.picture("a.png", [0, 50, 100, 150]);
    std::fs::write(builder.path().join("metadata.jsonl"), "{\"file_name\":\"a.png\",\"label\":\"dark\"}\n").unwrap();
    let set = ReferenceSet::open(builder.path()).unwrap();
    let report = check(&set, || {});
    assert_eq!((codes(&report), report.fit), (vec!["no_checksums"], true));
    assert!(set.window(&set.samples()[0]).unwrap().image.is_some());
}

#[test]
fn a_line_that_isn_t_json_is_named_by_its_number() {
    let mut builder = Builder::new().good();
    builder.line("{oops");
    let error = builder.open().unwrap_err().to_string();
    assert!(error.contains("samples.jsonl, line 3"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn hostile_files_are_errors(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..4000, kind in 0..3) {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("sets/av-digits");
        let whole = |name: &str| std::fs::read(shipped.join(name)).unwrap();
        let (name, mut content) = match kind {
            0 => ("x.png", whole("images/0000.png")),
            1 => ("x.flac", whole("audio/0000.flac")),
            _ => ("x.wav", [b"RIFF\x24\0\0\0WAVEfmt ".as_slice(), &bytes].concat()),
        };
        let cut = cut % content.len();
        content.truncate(cut);
        content.extend_from_slice(&bytes);
        let mut builder = Builder::new();
        builder.file(name, &content);
        let key = if kind == 0 { "image" } else { "audio" };
        builder.line(&format!(r#"{{"id":"1","{key}":"{name}","label":"dark"}}"#));
        let set = builder.open().unwrap();
        let _ = set.window(&set.samples()[0]);
    }
}
