//! How strong a corruption is: a severity, and the table that says what it means.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// How strong a corruption is, from barely seen to hardly recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Severity 1.
    One,
    /// Severity 2.
    Two,
    /// Severity 3.
    Three,
    /// Severity 4.
    Four,
    /// Severity 5.
    Five,
}

impl Severity {
    /// All of them, the weakest first.
    pub const ALL: [Self; 5] = [Self::One, Self::Two, Self::Three, Self::Four, Self::Five];

    /// The severity of a number; `None` outside 1 to 5.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            4 => Some(Self::Four),
            5 => Some(Self::Five),
            _ => None,
        }
    }

    /// 1 to 5.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// Why something can't be corrupted.
#[derive(Debug, thiserror::Error)]
pub enum CorruptionError {
    /// The picture contradicts itself.
    #[error("a picture of {width}×{height} pixels and {channels} channels can't have {bytes} bytes")]
    Shape {
        /// Its width in pixels.
        width: usize,
        /// Its height in pixels.
        height: usize,
        /// Bytes of a pixel.
        channels: usize,
        /// The bytes that it has.
        bytes: usize,
    },
    /// It can't be compressed.
    #[error("the picture can't be compressed as JPEG: {0}")]
    Jpeg(String),
    /// Babble is made of other people's voices.
    #[error("babble needs other sounds at {sample_rate_hz} Hz that aren't silent: hand in those of other samples")]
    NoVoices {
        /// The sound's own rate.
        sample_rate_hz: u32,
    },
    /// The program's own table of severities is wrong.
    #[error("severities.toml: {0}")]
    Table(String),
}

/// What one corruption's severities mean.
#[derive(Debug, Deserialize)]
pub(super) struct Table {
    pub(super) source: String,
    #[serde(flatten)]
    pub(super) columns: BTreeMap<String, [f64; 5]>,
}

static TABLES: LazyLock<Result<BTreeMap<String, Table>, String>> =
    LazyLock::new(|| toml::from_str(include_str!("severities.toml")).map_err(|error| error.to_string()));

/// Every corruption's table, by its name.
pub(super) fn tables() -> Result<&'static BTreeMap<String, Table>, CorruptionError> {
    TABLES.as_ref().map_err(|error| CorruptionError::Table(error.clone()))
}

/// Where a corruption's figures are from.
pub(super) fn source(kind: &str) -> Option<&'static str> {
    tables().ok()?.get(kind).map(|table| table.source.as_str())
}

/// A column of a corruption's figures.
pub(super) fn column(kind: &str, column: &str) -> Option<[f64; 5]> {
    tables().ok()?.get(kind)?.columns.get(column).copied()
}

/// A corruption's figures at one severity.
pub(super) struct Strength {
    kind: &'static str,
    severity: Severity,
    table: &'static Table,
}

impl Strength {
    pub(super) fn new(kind: &'static str, severity: Severity) -> Result<Self, CorruptionError> {
        let table = tables()?.get(kind).ok_or_else(|| CorruptionError::Table(format!("[{kind}] is missing")))?;
        Ok(Self { kind, severity, table })
    }

    /// The figure of a column.
    pub(super) fn get(&self, column: &str) -> Result<f64, CorruptionError> {
        let row = self.table.columns.get(column);
        let row = row.ok_or_else(|| CorruptionError::Table(format!("[{}] has no {column}", self.kind)))?;
        Ok(row[self.severity as usize])
    }
}
