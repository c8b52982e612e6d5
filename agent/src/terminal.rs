//! How edgeval speaks to a person: plain words, tables, progress on a terminal only, colours there only.

use std::io::{self, IsTerminal, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use edgeval_wire::{Reading, Validity};
use indicatif::{ProgressBar, ProgressStyle};

/// A line on standard output, with colours on a terminal alone: `println!` that returns an error where the disk is full.
macro_rules! say {
    ($($words:tt)*) => { $crate::terminal::print_line(format_args!($($words)*)) };
}
pub(crate) use say;

/// What [`say!`] does.
///
/// # Errors
/// When standard output can't be written.
pub fn print_line(words: std::fmt::Arguments<'_>) -> io::Result<()> {
    writeln!(anstream::stdout(), "{words}").map_err(|source| {
        let why = format!("can't write to standard output: {source}");
        io::Error::new(source.kind(), why)
    })
}

/// JSON for programs.
///
/// # Errors
/// As [`print_line`].
pub fn print_json(value: &impl serde::Serialize) -> io::Result<()> {
    say!("{}", serde_json::to_string_pretty(value)?)
}

/// Words for a person on standard error. Where that can't be written there is nobody to tell.
pub fn print_note(words: std::fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr(), "{words}");
}

/// Prints an error and what caused it, once each, to standard error.
pub fn print_error(error: &anyhow::Error) {
    let red = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into())).bold();
    print_note(format_args!("{red}error:{red:#} {}", visible(&chain(error))));
}

/// Text of others, without what a terminal obeys.
#[must_use]
pub fn visible(text: &str) -> String {
    text.replace(|letter: char| letter.is_control() && letter != '\n', "\u{fffd}")
}

/// An error with its causes. A cause that its successor quotes already is left out.
#[must_use]
pub fn chain(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !said.contains(&cause) {
            let separator = if said.is_empty() { "" } else { ": " };
            said = format!("{said}{separator}{cause}");
        }
    }
    said
}

/// An empty table in the house style.
#[must_use]
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    widen(&mut table);
    table
}

/// Serial consoles report a width near 0, which would put each letter on a line of its own.
const NARROWEST: u16 = 80;

/// Gives a table room on a terminal that is narrower than any.
fn widen(table: &mut Table) {
    if table.width().is_some_and(|width| width < NARROWEST) {
        table.set_width(NARROWEST);
    }
}

/// Right-aligns all columns but the first: numbers.
pub fn align_numbers(table: &mut Table) {
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
}

/// A table of names and values.
#[must_use]
pub fn facts<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    rows.into_iter().for_each(|(name, value)| {
        table.add_row([name.to_owned(), value]);
    });
    widen(&mut table);
    table.trim_fmt()
}

/// A bold line above a table.
///
/// # Errors
/// As [`print_line`].
pub fn print_heading(text: &str) -> io::Result<()> {
    let bold = anstyle::Style::new().bold();
    say!("\n{bold}{text}{bold:#}")
}

/// A bar with time left, on standard error; hidden where that isn't a terminal.
#[must_use]
pub fn progress(steps: u64, what: &'static str) -> ProgressBar {
    bar(steps, what, "{msg} {wide_bar} {pos}/{len}, {eta} left")
}

/// The same of work whose steps mean nothing to a person.
#[must_use]
pub fn progress_of_share(steps: u64, what: &'static str) -> ProgressBar {
    bar(steps, what, "{msg} {wide_bar} {percent} %, {eta} left")
}

fn bar(steps: u64, what: &'static str, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps).with_style(style).with_message(what)
}

/// Microseconds as a person reads them: `312 µs`, `4.21 ms`, `1.50 s`.
#[must_use]
pub fn microseconds(value: f64) -> String {
    match value {
        v if v < 1000.0 => format!("{v:.0} µs"),
        v if v < 1_000_000.0 => format!("{:.2} ms", v / 1e3),
        v => format!("{:.2} s", v / 1e6),
    }
}

/// Bytes as a person reads them: `354 kB`, `12.1 MB` (powers of ten).
#[must_use]
pub fn bytes(value: u64) -> String {
    match value as f64 {
        v if v < 1e3 => format!("{v:.0} B"),
        v if v < 1e6 => format!("{:.0} kB", v / 1e3),
        v if v < 1e9 => format!("{:.1} MB", v / 1e6),
        v => format!("{:.2} GB", v / 1e9),
    }
}

/// A large count as a person reads it: `1.2 M`.
#[must_use]
pub fn count(value: u64) -> String {
    match value as f64 {
        v if v < 1e4 => format!("{v:.0}"),
        v if v < 1e6 => format!("{:.1} k", v / 1e3),
        v if v < 1e9 => format!("{:.2} M", v / 1e6),
        v => format!("{:.2} G", v / 1e9),
    }
}

/// A reading in a person's words, or why there is none.
#[must_use]
pub fn reading<T>(reading: &Reading<T>, words: impl Fn(&T) -> String) -> String {
    match reading {
        Reading::Value(value) => words(value),
        Reading::NotMeasured(reason) => format!("not measured: {reason}"),
    }
}

/// A word at the head of a line, coloured on a terminal.
#[derive(Clone, Copy, Debug)]
pub enum Word<'a> {
    /// Red.
    Bad(&'a str),
    /// Yellow.
    Doubtful(&'a str),
    /// Green.
    Good(&'a str),
    /// No colour.
    Plain(&'a str),
}

/// Prints a line with a word at its head.
///
/// # Errors
/// As [`print_line`].
pub fn print_verdict(word: &Word<'_>, text: &str) -> io::Result<()> {
    let colored = |color: anstyle::AnsiColor| anstyle::Style::new().fg_color(Some(color.into())).bold();
    let (style, word) = match word {
        Word::Bad(word) => (colored(anstyle::AnsiColor::Red), word),
        Word::Doubtful(word) => (colored(anstyle::AnsiColor::Yellow), word),
        Word::Good(word) => (colored(anstyle::AnsiColor::Green), word),
        Word::Plain(word) => (anstyle::Style::new().bold(), word),
    };
    let space = if text.is_empty() { "" } else { " " };
    say!("{style}{word}{style:#}{space}{text}")
}

/// The verdict on a measurement: nothing when it is valid, else each reason on a line.
///
/// # Errors
/// As [`print_line`].
pub fn print_validity(validity: &Validity) -> io::Result<()> {
    validity.reasons.iter().try_for_each(|reason| {
        print_verdict(&Word::Doubtful("not valid:"), &format!("{} ({})", reason.text, reason.code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_change_where_a_person_would() {
        assert_eq!(microseconds(312.4), "312 µs");
        assert_eq!(microseconds(4210.0), "4.21 ms");
        assert_eq!(microseconds(1_500_000.0), "1.50 s");
        assert_eq!(bytes(354_000), "354 kB");
        assert_eq!(count(1_234_567), "1.23 M");
    }

    #[test]
    fn a_cause_that_was_quoted_is_not_said_twice() {
        let error = anyhow::anyhow!("no such file").context("can't open x: no such file").context("bench");
        assert_eq!(chain(&error), "bench: can't open x: no such file");
    }
}
