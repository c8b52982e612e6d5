//! Report numbers that never go back, even when the outbox's file is lost or can't be written.
//!
//! A small file beside it holds a ceiling: no number above it was ever given out. It is written in place, once in a few
//! hundred reports, so a full disk can still take it. In ordinary times the outbox itself knows the last number, and the ceiling is
//! not looked at; after a run in memory alone, or without the outbox's file, numbers go on above it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

const NAME: &str = "sequence";
/// Numbers reserved at a time.
const RESERVE: u64 = 1024;
/// As long as the longest number.
const DIGITS: usize = 20;
const STORED: &str = "stored";
const MEMORY: &str = "memory";

/// The ceiling, and whether it counts.
#[derive(Debug)]
pub struct Counter {
    path: PathBuf,
    ceiling: u64,
    memory: bool,
    found: Found,
}

/// What the file said when the program started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The outbox knew better.
    Stored(u64),
    /// Numbers up to this one may be used up.
    Used(u64),
    /// It can't be read.
    Spoilt,
}

impl Counter {
    /// Reads the file in `folder`. A missing or spoilt one is none.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(NAME);
        let found = std::fs::read_to_string(&path).map_or_else(
            |error| if error.kind() == std::io::ErrorKind::NotFound { Found::Nothing } else { Found::Spoilt },
            |text| parse(&text),
        );
        let ceiling = match found {
            Found::Stored(ceiling) | Found::Used(ceiling) => ceiling,
            Found::Nothing | Found::Spoilt => 0,
        };
        Self { path, ceiling, memory: matches!(found, Found::Used(_)), found }
    }

    /// The last number that may be used up; `stored` is the last one that the outbox knows of.
    pub fn last(&self, stored: Option<u64>) -> u64 {
        match (stored, self.found) {
            (Some(stored), Found::Stored(_) | Found::Nothing | Found::Spoilt) => stored,
            (Some(stored), Found::Used(ceiling)) => stored.max(ceiling),
            (None, _) => self.ceiling,
        }
    }

    /// Whether numbers were given out before, so that a new outbox means that one was lost.
    pub fn has_stored(&self) -> bool {
        matches!(self.found, Found::Stored(_))
    }

    /// Makes sure that the ceiling is above `sequence`, and notes whether numbers go out that the outbox doesn't know.
    ///
    /// # Errors
    /// When the file can't be written: after a crash numbers may then come again.
    pub fn cover(&mut self, sequence: u64, memory: bool) -> std::io::Result<()> {
        if memory == self.memory && sequence + RESERVE / 4 <= self.ceiling {
            return Ok(());
        }
        let ceiling = self.ceiling.max(sequence + RESERVE);
        self.write(ceiling, memory)?;
        (self.ceiling, self.memory) = (ceiling, memory);
        Ok(())
    }

    /// The program ends, and this was the last number that it gave out without the outbox.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn close(&self, sequence: u64) -> std::io::Result<()> {
        self.write(sequence, true)
    }

    /// Bytes of a number and a word, all inside one sector, so that a power cut leaves the old ones or the new.
    fn write(&self, ceiling: u64, memory: bool) -> std::io::Result<()> {
        let mut file = File::options().write(true).create(true).truncate(false).open(&self.path)?;
        let word = if memory { MEMORY } else { STORED };
        file.write_all(format!("{ceiling:0DIGITS$} {word}\n").as_bytes())?;
        file.sync_data()
    }
}

/// A number and a word. A number alone is of a version that wrote each one.
fn parse(text: &str) -> Found {
    let mut words = text.split_ascii_whitespace();
    match (words.next().and_then(|number| number.parse().ok()), words.next()) {
        (Some(ceiling), Some(STORED)) => Found::Stored(ceiling),
        (Some(ceiling), Some(MEMORY) | None) => Found::Used(ceiling),
        _ => Found::Spoilt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outbox_knows_better_until_numbers_went_out_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut counter = Counter::open(folder.path());
        assert_eq!((counter.last(Some(7)), counter.last(None), counter.has_stored()), (7, 0, false));
        counter.cover(7, false).unwrap();
        let mut counter = Counter::open(folder.path());
        assert_eq!((counter.last(Some(9)), counter.last(None), counter.has_stored()), (9, 7 + RESERVE, true));
        counter.cover(9, true).unwrap();
        assert_eq!(Counter::open(folder.path()).last(Some(9)), 9 + RESERVE);
        counter.cover(10, false).unwrap();
        assert_eq!(Counter::open(folder.path()).last(Some(10)), 10);
    }

    #[test]
    fn the_ceiling_stays_above_every_number_and_is_written_rarely() {
        let folder = tempfile::tempdir().unwrap();
        let mut counter = Counter::open(folder.path());
        let mut writes = 0;
        for number in 1..=10_000 {
            let before = counter.ceiling;
            counter.cover(number, false).unwrap();
            writes += u32::from(counter.ceiling != before);
            assert!(Counter::open(folder.path()).ceiling >= number);
        }
        assert!(writes <= 14, "{writes}");
    }

    #[test]
    fn a_counter_of_an_earlier_version_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "41").unwrap();
        assert_eq!(Counter::open(folder.path()).last(None), 41);
    }

    #[test]
    fn a_spoilt_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        for spoilt in [&b"many"[..], b"", b"\xff\xff", b"12 words"] {
            std::fs::write(folder.path().join(NAME), spoilt).unwrap();
            assert_eq!(Counter::open(folder.path()).last(Some(5)), 5);
        }
    }
}
