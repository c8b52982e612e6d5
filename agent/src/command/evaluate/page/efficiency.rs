//! What an inference costs: a histogram of latencies, its stages, and the budgets.

use edgeval_measure::{Budgeted, HistogramBin, Measured};
use edgeval_wire as wire;
use maud::{Markup, html};

use super::super::efficiency::EfficiencyFigures;
use super::chart::{Frame, Scale, at, decades};
use super::parts::{card, section, unfolded};
use super::words::{number, spaced};
use crate::terminal::{bytes, microseconds};

const LEAD: &str =
    "Windows of the set, one after the other through the path that is deployed, from decoded input to prediction.";

pub(super) fn render(figures: &EfficiencyFigures) -> Markup {
    let body = html! {
        div.cards {
            (histogram(figures))
            (card("Budgets", &budgets(&figures.budgets_kept.budgets), "What is within its budget counts as 1, what takes twice as much as a half."))
        }
        (unfolded("The stages", &stages(&figures.stages_us)))
    };
    section("efficiency", "Efficiency", LEAD, &body)
}

fn histogram(figures: &EfficiencyFigures) -> Markup {
    let bins = &figures.histogram_us;
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else {
        return card("Latency", &html! { p.absent { "No window was timed." } }, "");
    };
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(1).max(1) as f64;
    // All equal is still drawn with some room around.
    let ends = if last.high > first.low { (first.low, last.high) } else { (first.low * 0.9, last.high * 1.1) };
    let frame = Frame {
        size: (440.0, 300.0),
        margins: [40.0, 54.0, 14.0, 38.0],
        across: Scale::logarithmic(ends.0, ends.1),
        up: Scale::linear(0.0, most),
    };
    let ticks: Vec<(f64, String)> =
        decades(ends.0, ends.1).into_iter().map(|value| (value, microseconds(value))).collect();
    let counts = [0.0, (most / 2.0).round(), most].map(|count| (count, format!("{count:.0}")));
    let count = bins.iter().map(|bin| bin.count).sum::<u64>();
    let drawing = html! {
        (frame.lines_across(&counts))
        (frame.ticks_below(&ticks))
        @for bin in bins.iter().filter(|bin| bin.count > 0) { (bar(&frame, bin)) }
        (percentiles(&frame, &figures.latency_us))
        (frame.title_below("latency, on a logarithmic scale"))
    };
    let label = format!("Histogram of {count} latencies from {} to {}", microseconds(ends.0), microseconds(ends.1));
    card(
        "Latency",
        &frame.draw(&label, &drawing),
        &format!("{count} windows. Dashed lines: half, 90 % and 99 % are no slower."),
    )
}

fn bar(frame: &Frame, bin: &HistogramBin) -> Markup {
    let (left, right, top) = (frame.x(bin.low), frame.x(bin.high), frame.y(bin.count as f64));
    let width = (right - left - 1.0).max(2.0);
    html! {
        rect.solid x=(at(left)) width=(at(width)) y=(at(top)) height=(at(frame.y(0.0) - top)) {
            title { (microseconds(bin.low)) " to " (microseconds(bin.high)) ": " (bin.count) }
        }
    }
}

/// Each label has a height of its own: percentiles may lie close together.
fn percentiles(frame: &Frame, latency: &wire::Reading<wire::Latency>) -> Markup {
    let wire::Reading::Value(latency) = latency else { return html! {} };
    let marks = [("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99)];
    html! { @for (place, (name, value)) in marks.into_iter().enumerate() {
        @let (x, y) = (frame.x(value as f64), 14.0 + 15.0 * place as f64);
        @let is_right = x > frame.size.0 - 110.0;
        line.mark x1=(at(x)) x2=(at(x)) y1=(at(y - 8.0)) y2=(at(frame.y(0.0))) {}
        text.label x=(at(if is_right { x - 5.0 } else { x + 5.0 })) y=(at(y)) text-anchor=(if is_right { "end" } else { "start" }) {
            (name) " " (microseconds(value as f64))
        }
    } }
}

fn budgets(budgets: &[Budgeted]) -> Markup {
    html! { div.scroll { table {
        thead { tr { th scope="col" { "what" } th scope="col" { "measured" } th scope="col" { "budget" } th scope="col" { "" } } }
        tbody { @for kept in budgets { tr {
            th scope="row" { (spaced(title(&kept.name))) }
            @match &kept.measured {
                Measured::Figure(figure) => {
                    td.number { (in_unit(&kept.name, figure.value)) }
                    td.number { (kept.budget.map_or_else(|| "none".to_owned(), |budget| in_unit(&kept.name, budget))) }
                    td { @match kept.budget {
                        Some(budget) if figure.value <= budget => "✓ within",
                        Some(_) => strong { "✗ over" },
                        None => "",
                    } }
                },
                Measured::NotMeasured { reason } => td.reason colspan="3" { "not measured: " (reason) },
            }
        } } }
    } } }
}

/// The name less its unit, which the number has.
fn title(name: &str) -> &str {
    ["_us", "_bytes"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name)
}

fn in_unit(name: &str, value: f64) -> String {
    match name {
        _ if name.ends_with("_us") => microseconds(value),
        _ if name.ends_with("_bytes") => bytes(value as u64),
        _ => number(value),
    }
}

fn stages(stages: &wire::Stages) -> Markup {
    let rows = [
        ("capture (files of the set)", &stages.capture),
        ("preprocess", &stages.preprocess),
        ("inference", &stages.inference),
        ("postprocess", &stages.postprocess),
    ];
    html! { div.scroll { table {
        caption { "Percentiles by stage" }
        thead { tr { @for head in ["stage", "p50", "p90", "p99", "most"] { th scope="col" { (head) } } } }
        tbody { @for (name, reading) in rows { tr {
            th scope="row" { (name) }
            @match reading {
                wire::Reading::Value(latency) => @for value in [latency.p50, latency.p90, latency.p99, latency.max] {
                    td.number { (microseconds(value as f64)) }
                },
                wire::Reading::NotMeasured(reason) => td.reason colspan="4" { "not measured: " (reason.as_str()) },
            }
        } } }
    } } }
}
