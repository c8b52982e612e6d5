//! The worst samples, with what their answers hang on.

use edgeval_calibration::{Answers, Evaluated, Explanation, PairRow, ReferenceSet, ScoredPairs};
use edgeval_models::{Modality, Model, Picture, Plane, Tensors, Window};
use maud::{Markup, html};

use super::map::{Ground, over, says, waveform, words};
use super::parts::section;
use super::picture::{data_uri, envelope, of_set, spectrogram};
use super::samples::{Case, Said, worst};
use super::words::{NAME, TEXT, number, short};

const LEAD: &str = "First what the model got wrong, then what corruptions harm most. Orange marks what the answer hangs on: the stronger, the more its \
    probability falls when that part is covered with the set's mean. Hatched blue is better covered. The outlined part matters most.";
const LEAD_OF_PAIRS: &str = "First pairs that don't find each other, then what corruptions harm most. A model for retrieval gives no probability, so \
    there are no maps of what its answers hang on.";
/// Groups of a sample that are named.
const GROUPS: usize = 6;
/// References that are shown.
const REFERENCES: usize = 4;

/// Pictures as the model is given them, a sound as the model's own features.
///
/// # Errors
/// When a sample can't be read again, or the model can't take it.
pub(super) fn render(
    evaluated: &Evaluated,
    set: &ReferenceSet,
    model: &mut Model,
    without: Option<Modality>,
) -> anyhow::Result<Markup> {
    let mut cards = Vec::new();
    for case in worst(evaluated, set) {
        let window = set.window_without(case.sample, without)?;
        let tensors = model.preprocess(&window)?;
        cards.push(card(&case, &Shown { set, window: &window, tensors: &tensors, model })?);
    }
    let body = html! {
        @if cards.is_empty() { p.absent { "No sample was scored." } }
        div.samples { @for card in &cards { (card) } }
    };
    let lead = if matches!(evaluated.answers, Answers::Pairs(_)) { LEAD_OF_PAIRS } else { LEAD };
    Ok(section("samples", "The worst samples", lead, &body))
}

/// A sample as it is shown.
struct Shown<'a> {
    set: &'a ReferenceSet,
    window: &'a Window,
    tensors: &'a Tensors,
    model: &'a Model,
}

fn card(case: &Case<'_>, shown: &Shown<'_>) -> anyhow::Result<Markup> {
    let explained = |modality| case.explained.and_then(|explained| explained.get(&modality));
    let planes = shown.model.planes();
    let plane = |modality| planes.iter().find(|plane| plane.modality() == modality);
    let mut parts = Vec::new();
    if let (Some(picture), Some(plane)) = (&shown.window.image, plane(Modality::Image)) {
        parts.push(mapped(case, &picture_of(picture, plane, shown.model)?, explained(Modality::Image)));
    }
    if let (Some(_), Some(plane)) = (&shown.window.audio, plane(Modality::Audio)) {
        parts.push(mapped(case, &sound_of(plane, shown.tensors)?, explained(Modality::Audio)));
    }
    let takes_text = shown.model.modalities().contains(&Modality::Text);
    for turn in shown.window.turns.iter().filter(|_| takes_text) {
        let (asked, answered) = (short(&turn.text, TEXT), short(&turn.answer, TEXT));
        parts.push(html! { p { "before: " q { (asked) } " – " q { (answered) } } });
    }
    if let Some(text) = shown.window.text.as_ref().filter(|_| takes_text) {
        parts.push(words(text, explained(Modality::Text)));
    }
    Ok(html! {
        article.sample {
            h3 { (short(&case.sample.id, NAME)) }
            (verdict(case))
            @if let Said::Pair(scored, row) = case.said { (found(scored, row, shown.set)) }
            @for part in &parts { (part) }
            (facts(case))
        }
    })
}

/// With its map, and what that says. Of pairs there are none, and the section says why.
fn mapped(case: &Case<'_>, ground: &Ground, map: Option<&Explanation>) -> Markup {
    html! {
        (over(ground, map))
        @if !matches!(case.said, Said::Pair(..)) { p.small { (says(map)) } }
    }
}

/// The picture in its own colours, where the model's input shows it: cut, padded or stretched.
fn picture_of(picture: &Picture, plane: &Plane, model: &Model) -> anyhow::Result<Ground> {
    let image = of_set(picture)?;
    let is_small = image.width().max(image.height()) < 96;
    let size = (plane.columns() as f64, plane.rows() as f64);
    let corner = |x: usize, y: usize| {
        let (x, y) = (x as f64, y as f64);
        let place = model.place_in_picture((picture.width, picture.height), (x, y));
        place.map_or((0.0, 0.0), |(x, y)| (x * size.0, y * size.1))
    };
    let ((left, top), (right, bottom)) = (corner(0, 0), corner(picture.width, picture.height));
    let drawing = html! {
        rect.paper x="0" y="0" width=(size.0) height=(size.1) {}
        image.pixels[is_small] href=(data_uri(&image)?) x=(left) y=(top) width=(right - left) height=(bottom - top) preserveAspectRatio="none" {}
    };
    Ok(Ground { size, drawing, from_below: false, name: "the picture" })
}

fn sound_of(plane: &Plane, tensors: &Tensors) -> anyhow::Result<Ground> {
    if plane.rows() == 1 {
        return Ok(waveform(&envelope(plane, tensors)));
    }
    let (width, height) = (plane.columns() as f64, plane.rows() as f64);
    let uri = data_uri(&spectrogram(plane, tensors)?)?;
    let drawing =
        html! { image.pixels href=(uri) x="0" y="0" width=(width) height=(height) preserveAspectRatio="none" {} };
    Ok(Ground {
        size: (width, height),
        drawing,
        from_below: true,
        name: "the sound's spectrogram, low frequencies below",
    })
}

fn verdict(case: &Case<'_>) -> Markup {
    let is_right = case.score >= 1.0;
    let mark = html! { span.mark.wrong[!is_right] { @if is_right { "✓ right" } @else { "✗ wrong" } } };
    match &case.said {
        Said::Class { truth, said, confidence } => html! {
            p.verdict {
                (mark) " said " strong { (short(said, NAME)) } ", " (number(f64::from(*confidence))) " sure"
                @if !is_right { "; it was " strong { (short(truth, NAME)) } }
            }
        },
        Said::Text { references, said, confidence } => html! {
            p.verdict { (mark) " said " q { (short(said, TEXT)) } ", " (number(f64::from(*confidence))) " sure" }
            @if !is_right { @for reference in references.iter().take(REFERENCES) { p.verdict { "right: " q { (short(reference, TEXT)) } } } }
        },
        Said::Pair(..) => html! {
            p.verdict { (mark) ", among the first five " (directions(case.score)) }
        },
    }
}

/// What both sides of a pair find first.
fn found(scored: &ScoredPairs, row: &PairRow, set: &ReferenceSet) -> Markup {
    let [first, second, ..] = scored.modalities() else { return html! {} };
    let directions = [(first, second), (second, first)].into_iter().zip(scored.nearest(row));
    let words =
        |id: &str| set.samples().iter().find(|sample| sample.id == id).and_then(|sample| sample.text.as_deref());
    html! {
        @for ((from, to), found) in directions {
            @if let Some(found) = found {
                p.small {
                    (from) " → " (to) ": "
                    @if found.id == row.id { "finds itself first" } @else {
                        "finds " (short(&found.id, NAME)) " first"
                        @if let Some(words) = words(&found.id) { ", " q { (short(words, TEXT)) } }
                    }
                }
            }
        }
    }
}

/// A pair's score is the share of two directions.
fn directions(score: f64) -> &'static str {
    match score {
        0.0 => "in neither direction",
        1.0 => "in both directions",
        _ => "in one direction alone",
    }
}

fn facts(case: &Case<'_>) -> Markup {
    html! {
        p.small {
            @if let Some(kept) = case.kept() { "score under corruption " (number(kept)) ". " }
            @for (key, value) in case.sample.slices.iter().take(GROUPS) { span.group { (short(key, 24)) ": " (short(value, NAME)) } " " }
        }
    }
}
