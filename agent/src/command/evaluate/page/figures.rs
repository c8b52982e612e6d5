//! Tables of figures, each with its bar and its interval: the numbers stand in the table, the bar is for the eye alone.

use edgeval_measure::{Figure, Measured};
use maud::{Markup, html};

use super::words::{interval, number};

/// One figure of a table.
pub(super) struct Row<'a> {
    pub name: String,
    pub figure: &'a Measured,
    /// What stands beside it; an empty one is left out.
    pub note: String,
}

impl<'a> Row<'a> {
    pub fn new(name: impl Into<String>, figure: &'a Measured) -> Self {
        Self { name: name.into(), figure, note: String::new() }
    }

    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

/// A table of figures on one scale, which goes from `scale.0` to `scale.1`.
pub(super) fn table(caption: &str, rows: &[Row<'_>], scale: (f64, f64)) -> Markup {
    html! {
        div.scroll {
            table.figures {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "figure" }
                    th.chart scope="col" { span.ends { span { (number(scale.0)) } span { (number(scale.1)) } } }
                    th scope="col" { "value" }
                    th.wide scope="col" { "95 % interval" }
                    th scope="col" { "n" }
                } }
                tbody { @for row in rows { (of_row(row, scale)) } }
            }
        }
    }
}

/// A table of figures in their own units, without bars.
pub(super) fn plain(caption: &str, rows: &[Row<'_>]) -> Markup {
    html! {
        div.scroll {
            table.plain {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "figure" }
                    th scope="col" { "value" }
                    th.wide scope="col" { "95 % interval" }
                    th scope="col" { "n" }
                } }
                tbody { @for row in rows { tr { (name(row)) (cells(row.figure, 3)) } } }
            }
        }
    }
}

fn of_row(row: &Row<'_>, scale: (f64, f64)) -> Markup {
    match row.figure {
        Measured::Figure(figure) => {
            html! { tr { (name(row)) td.chart { (bar(figure, scale)) } (cells(row.figure, 4)) } }
        }
        Measured::NotMeasured { .. } => html! { tr.absent { (name(row)) (cells(row.figure, 4)) } },
    }
}

fn name(row: &Row<'_>) -> Markup {
    html! { th scope="row" { (row.name) @if !row.note.is_empty() { small { (row.note) } } } }
}

fn cells(figure: &Measured, columns: usize) -> Markup {
    match figure {
        Measured::Figure(figure) => html! {
            td.number { (number(figure.value)) small.narrow { (interval(figure)) } }
            td.number.wide { (interval(figure)) }
            td.number { (figure.n) }
        },
        Measured::NotMeasured { reason } => html! { td.reason colspan=(columns) { "not measured: " (reason) } },
    }
}

/// A bar from 0 to the value, and a line over the interval. It is as wide as its cell.
pub(super) fn bar(figure: &Figure, (from, to): (f64, f64)) -> Markup {
    let at = |value: f64| ((value - from) / (to - from) * 100.0).clamp(0.0, 100.0);
    let width = |from: f64, to: f64| format!("{:.2}", (to - from).abs().max(0.4));
    let (zero, value, low, high) = (at(0.0_f64.clamp(from, to)), at(figure.value), at(figure.low), at(figure.high));
    let place = |value: f64| format!("{value:.2}");
    html! {
        svg.bar viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect.track x="0" y="3" width="100" height="10" {}
            rect.value x=(place(zero.min(value))) y="3" width=(width(zero, value)) height="10" {}
            line.spread x1=(place(low)) x2=(place(high)) y1="8" y2="8" {}
            @for end in [low, high] { line.spread x1=(place(end)) x2=(place(end)) y1="4.5" y2="11.5" {} }
            @if from < 0.0 { line.zero x1=(place(zero)) x2=(place(zero)) y1="0" y2="16" {} }
        }
    }
}

/// A scale that holds all intervals and 0.
pub(super) fn scale(rows: &[Row<'_>]) -> (f64, f64) {
    let figures = || rows.iter().filter_map(|row| row.figure.figure());
    let low = figures().map(|figure| figure.low).fold(0.0, f64::min);
    let high = figures().map(|figure| figure.high).fold(0.0, f64::max);
    // Tenths are what a person can read off the ends.
    let (low, high) = ((low * 10.0).floor() / 10.0, (high * 10.0).ceil() / 10.0);
    (low, if high > low { high } else { low + 1.0 })
}
