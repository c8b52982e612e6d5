//! The end of what a program wrote to standard error, bounded.

use std::collections::VecDeque;
use std::fmt;

/// Lines that are kept.
const LINES: usize = 4;
/// Bytes of a line that are kept.
const LINE_BYTES: usize = 160;

/// The last lines that a program wrote. Colours and control characters are left out: they end up in logs.
#[derive(Debug, Default)]
pub struct LastWords {
    lines: VecDeque<String>,
    begun: Vec<u8>,
}

impl LastWords {
    /// Takes in what came, in pieces of any size.
    pub fn hear(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' || byte == b'\r' {
                self.end_line();
            } else if self.begun.len() < LINE_BYTES {
                self.begun.push(byte);
            }
        }
    }

    fn end_line(&mut self) {
        let line = readable(&std::mem::take(&mut self.begun));
        if line.is_empty() {
            return;
        }
        tracing::debug!("the camera's command says: {line}");
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = anstream::adapter::strip_str(&text).to_string();
    plain.chars().map(|each| if each.is_control() { ' ' } else { each }).collect::<String>().trim().to_owned()
}

/// The newest line first, because a message may be cut; nothing when nothing was said.
impl fmt::Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begun = readable(&self.begun);
        let lines = std::iter::once(begun.as_str()).chain(self.lines.iter().rev().map(String::as_str));
        for (number, line) in lines.filter(|line| !line.is_empty()).enumerate() {
            write!(f, "{}{line}", if number == 0 { "; it said: " } else { " | " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_short() {
        let mut words = LastWords::default();
        assert_eq!(words.to_string(), "");
        for number in 0..1000 {
            words.hear(format!("line {number}\n").as_bytes());
        }
        words.hear(b"\n\x1b[1;31mERROR\x1b[0m: no\x07 cam");
        words.hear(b"era");
        assert_eq!(words.to_string(), "; it said: ERROR: no camera | line 999 | line 998 | line 997 | line 996");
        words.hear(&[b'x'; 100_000]);
        assert!(words.to_string().len() < 300, "{words}");
    }

    #[test]
    fn bytes_that_are_no_text_are_no_trouble() {
        let mut words = LastWords::default();
        words.hear(&(0..=255).collect::<Vec<u8>>());
        assert!(!words.to_string().chars().any(char::is_control), "{words}");
    }
}
