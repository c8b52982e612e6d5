//! Whether the model is as often right as it is sure.

use edgeval_measure::ReliabilityBin;
use maud::{Markup, html};

use super::chart::{Frame, Scale, at};
use super::parts::{card, unfolded};
use super::words::number;

const SAYS: &str = "Each bar is the share of right answers among those of that confidence; a dot on the dashed line is honest, below it too sure of itself. \
    The numbers below count answers.";

pub(super) fn render(bins: &[ReliabilityBin]) -> Markup {
    // Certainty is a bin without width: it is given the room that a bin has.
    let step = bins.first().map_or(1.0, |bin| bin.high - bin.low);
    let frame = Frame {
        size: (440.0, 380.0),
        margins: [40.0, 12.0, 12.0, 92.0],
        across: Scale::linear(0.0, 1.0 + step),
        up: Scale::linear(0.0, 1.0),
    };
    let halves = [0.0, 0.25, 0.5, 0.75, 1.0].map(|value| (value, format!("{value}")));
    let foot = frame.y(0.0);
    let filled = || bins.iter().filter(|bin| bin.count > 0);
    let drawing = html! {
        (frame.lines_across(&halves))
        line.diagonal x1=(at(frame.x(0.0))) y1=(at(foot)) x2=(at(frame.x(1.0))) y2=(at(frame.y(1.0))) {}
        @for bin in filled() { (of_bin(&frame, bin, step)) }
        (counts(&frame, bins, step))
        (frame.title_below("confidence (the last: exactly 1)"))
        @for (value, words) in halves { text.tick x=(at(frame.x(value))) y=(at(foot + 62.0)) text-anchor="middle" { (words) } }
    };
    let label =
        format!("Reliability diagram: accuracy against confidence in {} bins that aren't empty", filled().count());
    let body = html! { (frame.draw(&label, &drawing)) (unfolded("The numbers", &numbers(bins))) };
    card("Sure and right", &body, SAYS)
}

fn of_bin(frame: &Frame, bin: &ReliabilityBin, step: f64) -> Markup {
    let (accuracy, confidence) = (bin.accuracy.unwrap_or_default(), bin.confidence.unwrap_or_default());
    let (left, right) = (frame.x(bin.low) + 1.0, frame.x(bin.low + step) - 1.0);
    // Certainty's dot stands in the middle of its bar, not on the diagonal's end.
    let middle = if bin.low >= 1.0 { f64::midpoint(left, right) } else { frame.x(confidence) };
    let top = frame.y(accuracy);
    html! {
        rect.area x=(at(left)) width=(at(right - left)) y=(at(top)) height=(at(frame.y(0.0) - top)) {}
        line.gap x1=(at(middle)) x2=(at(middle)) y1=(at(top)) y2=(at(frame.y(confidence))) {}
        circle.dot cx=(at(middle)) cy=(at(top)) r="4" {}
    }
}

/// How many answers each bin has: below the axis, as bars that hang down, and as numbers.
fn counts(frame: &Frame, bins: &[ReliabilityBin], step: f64) -> Markup {
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(1).max(1) as f64;
    let foot = frame.y(0.0);
    html! { @for bin in bins.iter().filter(|bin| bin.count > 0) {
        @let (left, right) = (frame.x(bin.low) + 1.0, frame.x(bin.low + step) - 1.0);
        @let height = (bin.count as f64 / most * 26.0).max(1.0);
        rect.count x=(at(left)) width=(at(right - left)) y=(at(foot + 6.0)) height=(at(height)) {}
        text.small x=(at(f64::midpoint(left, right))) y=(at(foot + 17.0 + height)) text-anchor="middle" { (bin.count) }
    } }
}

fn numbers(bins: &[ReliabilityBin]) -> Markup {
    let words = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
    html! {
        table {
            caption { "Confidence and accuracy by bin" }
            thead { tr { @for head in ["confidence", "answers", "mean confidence", "right"] { th scope="col" { (head) } } } }
            tbody { @for bin in bins { tr {
                th scope="row" { @if bin.low >= 1.0 { "1" } @else { (number(bin.low)) " to " (number(bin.high)) } }
                td.number { (bin.count) }
                td.number { (words(bin.confidence)) }
                td.number { (words(bin.accuracy)) }
            } } }
        }
    }
}
