//! A comparison for people.

use std::io;

use edgeval_measure::Measured;

use super::line::Line;
use super::{Compared, Side};
use crate::terminal::{self, Word, say};

pub(super) fn print(compared: &Compared) -> io::Result<()> {
    terminal::print_heading(&terminal::visible(&format!("A and B on {}", compared.set)))?;
    let words =
        |side: &Side| terminal::visible(&format!("{}, {:.12}…, {} samples", side.model, side.sha256, side.samples));
    say!("{}", terminal::facts([("A", words(&compared.first)), ("B", words(&compared.second))]))?;
    let mut table = terminal::table(&["figure", "A", "B", "B − A", "95 % interval", "verdict"]);
    for line in &compared.figures {
        table.add_row(row(line));
    }
    terminal::align_numbers(&mut table);
    say!("{table}")?;
    if let Some(counted) = &compared.disagreements {
        let (first, second) = (counted.first_only, counted.second_only);
        say!(
            "A alone was right {first} times, B alone {second} times (McNemar: p {})",
            probability(counted.mcnemar_p)
        )?;
    }
    say!("Intervals: {}.", compared.method)?;
    if compared.regression {
        let tolerance = compared.tolerance;
        terminal::print_verdict(&Word::Bad("regression:"), &format!("B is worse than A by more than {tolerance}"))?;
    } else {
        terminal::print_verdict(&Word::Good("no regression"), "")?;
    }
    Ok(())
}

fn row(line: &Line) -> [String; 6] {
    let value = |figure: &Measured| figure.figure().map_or_else(|| "–".to_owned(), |figure| number(figure.value));
    let (change, interval) = match &line.difference {
        Measured::Figure(figure) => {
            (signed(figure.value), format!("{} to {}", signed(figure.low), signed(figure.high)))
        }
        Measured::NotMeasured { reason } => ("–".to_owned(), reason.clone()),
    };
    let name = if line.more_is_better { line.name.clone() } else { format!("{} (less is better)", line.name) };
    [name, value(&line.first), value(&line.second), change, interval, line.verdict.words().to_owned()]
}

/// A probability of 0 would say too much.
fn probability(value: f64) -> String {
    if value < 0.001 { "< 0.001".to_owned() } else { format!("= {value:.3}") }
}

fn signed(value: f64) -> String {
    format!("{}{}", if value > 0.0 { "+" } else { "" }, number(value))
}

/// Shares have four decimals, as everywhere; what is in the hundreds has none.
fn number(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.4}") } else { format!("{value:.0}") }
}
