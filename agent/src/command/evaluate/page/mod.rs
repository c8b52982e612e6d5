//! `--html`: everything on one page that opens anywhere, without a network and without a script.

mod accuracy;
mod chart;
mod confusion;
mod consistency;
mod curves;
mod efficiency;
mod fairness;
mod figures;
mod interpretability;
mod map;
mod parts;
mod picture;
mod reliability;
mod robustness;
mod samples;
mod scorecard;
mod words;
mod worst;

use edgeval_calibration::{Evaluated, ReferenceSet};
use edgeval_models::Model;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::words::{NAME, short};
use super::output::Output;

/// A browser that is given it loads nothing from anywhere, whatever a set's names hold.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

const SECTIONS: [(&str, &str); 9] = [
    ("scorecard", "Scorecard"),
    ("accuracy", "Accuracy"),
    ("samples", "Worst samples"),
    ("robustness", "Robustness"),
    ("fairness", "Fairness"),
    ("interpretability", "Interpretability"),
    ("consistency", "Consistency"),
    ("diversity", "Diversity"),
    ("efficiency", "Efficiency"),
];

/// Wrong samples that are explained for the page, whether they were examined or not.
pub(super) const SHOWN: usize = samples::SHOWN;

/// The page. The worst samples are read again from the set, and preprocessed by the model, to be shown.
///
/// # Errors
/// When one can't be read or preprocessed.
pub(super) fn render(
    output: &Output,
    evaluated: &Evaluated,
    set: &ReferenceSet,
    model: &mut Model,
) -> anyhow::Result<String> {
    let without = output.without.as_deref().and_then(|word| word.parse().ok());
    let samples = worst::render(evaluated, set, model, without)?;
    let body = html! {
        (header(output))
        main {
            (scorecard::render(&output.scorecard))
            (accuracy::render(&output.accuracy, &output.generation))
            (samples)
            (robustness::render(&output.robustness))
            (fairness::render(&output.fairness))
            (interpretability::render(&output.interpretability))
            (consistency::consistency(&output.consistency))
            (consistency::diversity(&output.diversity))
            (efficiency::render(&output.efficiency))
        }
        (footer(output))
    };
    Ok(document(&title(output), &body).into_string())
}

fn title(output: &Output) -> String {
    let precision = output.model.precision.map(|precision| format!(" {precision}")).unwrap_or_default();
    format!("{}{precision} on {}", short(&output.model.name, NAME), short(&output.set.name, NAME))
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) " · edgeval" }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body { (hatch()) (body) }
        }
    }
}

/// What marks parts that are better covered, besides their colour.
fn hatch() -> Markup {
    html! {
        svg.hidden width="0" height="0" aria-hidden="true" {
            defs { pattern id="hatch" patternUnits="objectBoundingBox" width="0.25" height="0.25" patternContentUnits="objectBoundingBox" {
                path.hatch d="M0 0.25L0.25 0M-0.06 0.06L0.06 -0.06M0.19 0.31L0.31 0.19" {}
            } }
        }
    }
}

fn header(output: &Output) -> Markup {
    let set = &output.set;
    html! {
        header {
            p.kicker { "edgeval · evaluation report" }
            h1 { (title(output)) }
            p.facts {
                (asked(output))
                @if set.tried < set.to_try && set.tried > 0 { " " (set.tried) " of " (set.to_try) " were tried in every way: intervals are as wide as that makes them." }
                @if let Some(modality) = &output.without { " Without " strong { (modality) } "." }
            }
            p.private { strong { "This page holds samples of the set" } " – pictures, sounds as spectrograms, and words. It is a file on this machine and loads nothing: who gets the file sees them." }
            @for reason in &output.validity.reasons { p.warning { strong { "⚠ Timing isn't valid: " } (reason.text.as_str()) } }
            nav aria-label="Sections" { @for (id, name) in SECTIONS { a href=(format!("#{id}")) { (name) } } }
        }
    }
}

fn asked(output: &Output) -> String {
    let set = &output.set;
    let of = if set.samples == set.of_samples { String::new() } else { format!(" of {}", set.of_samples) };
    format!("{}{of} samples of the split “{}”.", set.samples, short(&set.split, NAME))
}

fn footer(output: &Output) -> Markup {
    let Output { model, set, .. } = output;
    let rows = [
        ("model", format!("{} {}", short(&model.name, NAME), short(model.version.as_deref().unwrap_or(""), NAME))),
        ("model's SHA-256", model.sha256.clone()),
        ("set", format!("{} {}", short(&set.name, NAME), short(&set.version, NAME))),
        ("set's SHA-256", set.sha256.clone()),
        ("engine", output.engine.to_owned()),
        ("seed", output.seed.to_string()),
        ("made by", format!("edgeval {}", env!("CARGO_PKG_VERSION"))),
    ];
    html! {
        footer {
            h2 { "What was evaluated" }
            dl { @for (name, words) in rows { dt { (name) } dd { (words) } } }
        }
    }
}
