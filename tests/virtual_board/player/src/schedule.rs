//! What is shown and heard when.

use std::str::FromStr;

use anyhow::{Context, anyhow};

/// One line of a schedule: `number picture_ms picture sound_ms sound duration_ms`, separated by spaces. Times are in
/// milliseconds from the schedule's start, so picture and sound can be shifted against each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number, repeated in what is said about it.
    pub number: u32,
    /// When the picture appears.
    pub picture_ms: f64,
    /// `black`, `white`, or a PNG file.
    pub picture: String,
    /// When the sound begins.
    pub sound_ms: f64,
    /// `silence`, `beep`, or a FLAC file.
    pub sound: String,
    /// How long the picture stays. A sound from a file has its own length.
    pub duration_ms: f64,
}

impl FromStr for Entry {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [number, picture_ms, picture, sound_ms, sound, duration_ms] = words.as_slice() else {
            return Err(anyhow!("`{line}` has {} words, not 6", words.len()));
        };
        Ok(Self {
            number: number.parse()?,
            picture_ms: picture_ms.parse()?,
            picture: (*picture).to_owned(),
            sound_ms: sound_ms.parse()?,
            sound: (*sound).to_owned(),
            duration_ms: duration_ms.parse()?,
        })
    }
}

/// Reads a schedule.
///
/// # Errors
/// When the file can't be read or a line isn't an entry.
pub fn read(path: &str) -> anyhow::Result<Vec<Entry>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("can't read schedule {path}"))?;
    text.lines().map(|line| line.parse().with_context(|| format!("schedule {path}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_entry() {
        let entry: Entry = "3 1000 a.png 800.5 beep 150".parse().unwrap();
        assert_eq!((entry.number, entry.sound_ms, entry.duration_ms), (3, 800.5, 150.0));
        assert!("3 1000 a.png".parse::<Entry>().is_err());
        assert!("3 soon a.png 0 beep 150".parse::<Entry>().is_err());
    }
}
