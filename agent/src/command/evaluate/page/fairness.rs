//! What each modality contributes, and how groups of samples fare.

use edgeval_calibration::{Contribution, Fairness, SliceKey};
use edgeval_measure::{Measured, Slice};
use maud::{Markup, html};

use super::super::output::{Dimension, FairnessFigures};
use super::figures::{Row, bar, plain, scale, table};
use super::parts::{absent, reason, section};
use super::words::{NAME, interval, number, short, value};

const LEAD: &str = "Shapley's value shares the score out among the modalities, by what each adds to every combination of the others; \
    below zero a modality does harm. Groups with fewer than 30 samples are counted, not ranked.";
/// Slice keys that are shown.
const KEYS: usize = 24;

pub(super) fn render(fairness: &Dimension<FairnessFigures>) -> Markup {
    let body = match fairness {
        Dimension::Absent(absent_figure) => absent(reason(absent_figure)),
        Dimension::Figures(figures) => html! {
            (contributions(&figures.fairness))
            (groups(&figures.groups))
        },
    };
    section("fairness", "Fairness between modalities and groups", LEAD, &body)
}

fn contributions(fairness: &Fairness) -> Markup {
    let of = |pick: fn(&Contribution) -> &Measured| -> Vec<Row<'_>> {
        fairness.modalities.iter().map(|row| Row::new(row.modality.to_string(), pick(row))).collect()
    };
    let (shapley, alone) = (of(|row| &row.shapley), of(|row| &row.alone));
    let lost = of(|row| &row.perceptual);
    html! {
        h3 { "What each modality contributes" }
        div.two {
            (table("Shapley's value, in the score's unit", &shapley, scale(&shapley)))
            (table("The score with this modality alone", &alone, (0.0, 1.0)))
        }
        p.small { "A modality that is absent is " (fairness.absent_is) "." }
        (plain("The score that is lost when other samples' stand in", &lost))
        (table("Balance", &[
            Row::new("largest share less the smallest", &fairness.imbalance).with_note("less is better"),
            Row::new("worst group / best group", &fairness.worst_by_best),
        ], (0.0, 1.0)))
    }
}

fn groups(keys: &[SliceKey]) -> Markup {
    html! {
        h3 { "Groups" }
        @if keys.is_empty() { p.absent { "The set names no groups." } }
        @else {
            div.scroll { table.figures.groups {
                caption { "The worst and the best group of each key" }
                thead { tr {
                    th scope="col" { "key" } th scope="col" { "group" } th.chart scope="col" { span.ends { span { "0" } span { "1" } } }
                    th scope="col" { "score" } th.wide scope="col" { "95 % interval" } th scope="col" { "n" } th scope="col" { "worst / best" }
                } }
                tbody { @for key in keys.iter().take(KEYS) { (of_key(key)) } }
            } }
            @if keys.len() > KEYS { p.small { "and " (keys.len() - KEYS) " other keys: --json has them all" } }
        }
    }
}

fn of_key(key: &SliceKey) -> Markup {
    let gap = &key.gap;
    let note = match gap.unranked.len() {
        0 => String::new(),
        few => format!("{few} too small to rank"),
    };
    let Some(worst) = &gap.worst else {
        return html! { tr.absent { th scope="row" { (short(&key.key, NAME)) } td.reason colspan="6" { "not ranked: " (reason(&gap.ratio)) } } };
    };
    let best = gap.best.as_ref().filter(|best| best.name != worst.name);
    let lines = if best.is_some() { "2" } else { "1" };
    html! {
        tr {
            th scope="rowgroup" rowspan=(lines) { (short(&key.key, NAME)) @if !note.is_empty() { small { (note) } } }
            (group(worst, if best.is_some() { "worst" } else { "the only one" }))
            td.number rowspan=(lines) { (value(&gap.ratio)) }
        }
        @if let Some(best) = best { tr { (group(best, "best")) } }
    }
}

fn group(slice: &Slice, which: &str) -> Markup {
    html! {
        td { (short(&slice.name, NAME)) small { (which) } }
        @match slice.score.figure() {
            Some(figure) => {
                td.chart { (bar(figure, (0.0, 1.0))) }
                td.number { (number(figure.value)) small.narrow { (interval(figure)) } }
                td.number.wide { (interval(figure)) }
                td.number { (figure.n) }
            },
            None => td.reason colspan="4" { (reason(&slice.score)) },
        }
    }
}
