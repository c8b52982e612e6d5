//! The scorecard: all eight dimensions, and their total.

use edgeval_measure::{Measured, Scorecard, ScorecardRow};
use maud::{Markup, html};

use super::figures::{Row, table};
use super::parts::section;
use super::words::{interval, number, spaced};

const LEAD: &str = "One figure a dimension, from 0 to 1; more is better. The thin line is the 95 % interval: two models whose lines overlap \
    may be equally good.";

pub(super) fn render(card: &Scorecard) -> Markup {
    let named = card.dimensions.named().into_iter().zip(card.weights.named());
    let rows: Vec<Row<'_>> = named
        .map(|((name, row), (_, weight))| {
            Row::new(spaced(name), &row.figure).with_note(format!("{} · weight {weight}", spaced(&row.kind)))
        })
        .collect();
    let lacks: Vec<(&str, &String)> = card.dimensions.named().into_iter().flat_map(lacks_of).collect();
    section(
        "scorecard",
        "Scorecard",
        LEAD,
        &html! {
            div.scorecard {
                (total(&card.total))
                (table("The eight dimensions", &rows, (0.0, 1.0)))
            }
            @if !lacks.is_empty() {
                ul.lacks { @for (name, lack) in lacks { li { (spaced(name)) " lacks what was not there: " (spaced(lack)) } } }
            }
        },
    )
}

/// Why a figure is absent stands in the table already.
fn lacks_of<'a>((name, row): (&'static str, &'a ScorecardRow)) -> impl Iterator<Item = (&'static str, &'a String)> {
    row.lacks.iter().filter(|_| row.figure.figure().is_some()).map(move |lack| (name, lack))
}

fn total(total: &Measured) -> Markup {
    match total {
        Measured::Figure(figure) => html! {
            div.total { span { "total" } strong { (number(figure.value)) } span { (interval(figure)) } }
        },
        Measured::NotMeasured { reason } => html! {
            div.total { span { "total" } strong { "–" } span { (spaced(reason)) } }
        },
    }
}
