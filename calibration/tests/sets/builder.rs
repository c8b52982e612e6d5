//! Small sets, built file by file.

use std::fmt::Write as _;
use std::path::Path;

use edgeval_calibration::{CheckReport, ReferenceSet, SetError, Severity, check};
use edgeval_models::sha256;

/// A set in a folder of its own, built file by file.
pub struct Builder {
    pub folder: tempfile::TempDir,
    pub lines: String,
    pub listed: String,
    /// What set.toml says of the task and what belongs to it.
    pub task: &'static str,
}

pub const CLASSIFICATION: &str =
    "task = \"classification\"\nmodalities = [\"image\", \"audio\"]\nlabels = [\"dark\", \"bright\"]\n";
pub const GENERATION: &str =
    "task = \"generation\"\nmodalities = [\"image\", \"text\"]\nasks = [\"answer\", \"caption\"]\n";
pub const RETRIEVAL: &str = "task = \"retrieval\"\nmodalities = [\"image\", \"text\"]\n";

impl Builder {
    pub fn new() -> Self {
        Self::of(CLASSIFICATION)
    }

    pub fn of(task: &'static str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), lines: String::new(), listed: String::new(), task }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&mut self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).unwrap();
        writeln!(self.listed, "{}  {name}", sha256(bytes)).unwrap();
    }

    pub fn picture(&mut self, name: &str, levels: [u8; 4]) {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::GrayImage::from_raw(2, 2, levels.to_vec())
            .unwrap()
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        self.file(name, &bytes.into_inner());
    }

    pub fn sound(&mut self, name: &str, samples: &[i16]) {
        self.file(name, &wav((1, 16, hound::SampleFormat::Int), samples));
    }

    pub fn line(&mut self, line: &str) {
        writeln!(self.lines, "{line}").unwrap();
    }

    /// A good sample of each class.
    pub fn good(mut self) -> Self {
        self.picture("dark.png", [0, 10, 20, 30]);
        self.picture("bright.png", [200, 210, 220, 255]);
        self.sound("low.wav", &[100, -3000, 3000, 0]);
        self.line(r#"{"id":"1","split":"test","image":"dark.png","audio":"low.wav","label":"dark","cluster":"a"}"#);
        self.line(r#"{"id":"2","split":"test","image":"bright.png","label":"bright","cluster":"b"}"#);
        self
    }

    /// Writes the lists; opens the set.
    pub fn open(&mut self) -> Result<ReferenceSet, SetError> {
        let lines = self.lines.clone();
        self.file("samples.jsonl", lines.as_bytes());
        std::fs::write(self.path().join("files.sha256"), &self.listed).unwrap();
        let description = format!(
            "schema = 1\nname = \"small\"\nversion = \"1\"\nlicence = \"CC0-1.0\"\nsource = \"made here\"\n{}files_sha256 = \"{}\"\n",
            self.task,
            sha256(self.listed.as_bytes())
        );
        std::fs::write(self.path().join("set.toml"), description).unwrap();
        ReferenceSet::open(self.path())
    }

    /// The set with its folder, which lives as long as it is kept.
    pub fn open_and_keep(mut self) -> (Self, ReferenceSet) {
        let set = self.open().unwrap();
        (self, set)
    }

    pub fn check(mut self) -> CheckReport {
        check(&self.open().unwrap(), || {})
    }
}

/// What speaks against the set.
pub fn codes(report: &CheckReport) -> Vec<&str> {
    report.findings.iter().filter(|finding| finding.severity != Severity::Note).map(|finding| finding.code).collect()
}

pub fn notes(report: &CheckReport) -> Vec<&str> {
    report.findings.iter().filter(|finding| finding.severity == Severity::Note).map(|finding| finding.code).collect()
}

/// A WAV file at 8 kHz of so many channels, and bits of a kind.
pub fn wav<S: hound::Sample + Copy>(
    (channels, bits_per_sample, sample_format): (u16, u16, hound::SampleFormat),
    samples: &[S],
) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let format = hound::WavSpec { channels, sample_rate: 8000, bits_per_sample, sample_format };
    let mut writer = hound::WavWriter::new(&mut bytes, format).unwrap();
    samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    bytes.into_inner()
}
