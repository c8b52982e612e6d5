//! The score against severity, a small chart for each corruption.

use edgeval_calibration::CorruptionScores;
use edgeval_measure::{Figure, Measured};
use edgeval_models::Modality;
use maud::{Markup, html};

use super::chart::{Frame, Scale, at};
use super::parts::unfolded;
use super::words::{number, spaced, value};

const FRAME: Frame = Frame {
    size: (180.0, 104.0),
    margins: [22.0, 6.0, 6.0, 16.0],
    across: Scale::linear(0.0, 5.0),
    up: Scale::linear(0.0, 1.0),
};

/// Grouped by what is corrupted, the most harmful first.
pub(super) fn render(corruptions: &[CorruptionScores]) -> Markup {
    html! {
        @for modality in [Modality::Image, Modality::Audio, Modality::Text] {
            @let sorted = sorted(corruptions, modality);
            @if !sorted.is_empty() {
                h3 { (title(modality)) }
                ul.multiples { @for row in &sorted { li { (of_corruption(row)) } } }
            }
        }
        @if !corruptions.is_empty() { (unfolded("The numbers", &numbers(corruptions))) }
    }
}

const fn title(modality: Modality) -> &'static str {
    match modality {
        Modality::Image => "Corrupted pictures",
        Modality::Audio => "Corrupted sounds",
        Modality::Text => "Corrupted words",
    }
}

fn sorted(corruptions: &[CorruptionScores], modality: Modality) -> Vec<&CorruptionScores> {
    let mean = |row: &&CorruptionScores| {
        let values: Vec<f64> = row.scores.iter().filter_map(|score| Some(score.figure()?.value)).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    };
    let mut rows: Vec<&CorruptionScores> = corruptions.iter().filter(|row| row.modality == modality).collect();
    rows.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    rows
}

/// The clean score first, then severities 1 to 5; what wasn't measured is left out.
fn points(row: &CorruptionScores) -> Vec<(f64, Figure)> {
    let all = std::iter::once(&row.clean).chain(&row.scores);
    all.enumerate().filter_map(|(severity, score)| Some((severity as f64, *score.figure()?))).collect()
}

fn of_corruption(row: &CorruptionScores) -> Markup {
    let points = points(row);
    let values: Vec<(f64, f64)> = points.iter().map(|(severity, figure)| (*severity, figure.value)).collect();
    let last = row.scores.last().map_or_else(|| "–".to_owned(), value);
    let said: Vec<String> = values.iter().map(|(_, value)| number(*value)).collect();
    let label = format!("{}: score by severity, from none to 5: {}", spaced(&row.name), said.join(", "));
    let ends: Vec<(f64, String)> = (0..=5_u8).map(|severity| (f64::from(severity), severity.to_string())).collect();
    let drawing = html! {
        (FRAME.lines_across(&[(0.0, "0".to_owned()), (0.5, String::new()), (1.0, "1".to_owned())]))
        (FRAME.ticks_below(&ends))
        path.lost d=(lost(&values)) {}
        path.band d=(band(&points)) {}
        path.line d=(FRAME.path(&values)) {}
        @for (severity, value) in &values { circle.dot cx=(at(FRAME.x(*severity))) cy=(at(FRAME.y(*value))) r="2.2" {} }
    };
    html! {
        p.name { span { (spaced(&row.name)) } strong { (last) } }
        (FRAME.draw(&label, &drawing))
    }
}

/// What lies between the clean score and the curve.
fn lost(values: &[(f64, f64)]) -> String {
    let (Some((_, clean)), Some((last, _))) = (values.first(), values.last()) else { return String::new() };
    format!("{}L{} {}Z", FRAME.path(values), at(FRAME.x(*last)), at(FRAME.y(*clean)))
}

fn band(points: &[(f64, Figure)]) -> String {
    let high = points.iter().map(|(severity, figure)| (*severity, figure.high));
    let low = points.iter().rev().map(|(severity, figure)| (*severity, figure.low));
    let around: Vec<(f64, f64)> = high.chain(low).collect();
    if around.is_empty() { String::new() } else { format!("{}Z", FRAME.path(&around)) }
}

fn numbers(corruptions: &[CorruptionScores]) -> Markup {
    let cell = |score: &Measured| value(score);
    html! { div.scroll { table {
        caption { "Score by severity" }
        thead { tr {
            th scope="col" { "corruption" } th scope="col" { "severities from" }
            @for severity in 0..=5 { th scope="col" { (severity) } }
            th scope="col" { "n" } th scope="col" { "90 % is left at" }
        } }
        tbody { @for row in corruptions { tr {
            th scope="row" { (spaced(&row.name)) }
            td { (row.source) }
            td.number { (cell(&row.clean)) }
            @for score in &row.scores { td.number { (cell(score)) } }
            td.number { (row.clean.figure().map_or(0, |figure| figure.n)) }
            td.number { @if let Some(figure) = row.snr_90_db.as_ref().and_then(Measured::figure) { (number(figure.value)) " dB" } }
        } } }
    } } }
}
