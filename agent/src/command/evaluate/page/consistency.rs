//! Diversity of what was looked at, and whether the modalities say the same.

use edgeval_measure::Diversity;
use maud::{Markup, html};

use super::super::output::ConsistencyFigures;
use super::figures::{Row, plain, table};
use super::parts::{section, unfolded};
use super::words::{NAME, short};

/// Cells that are named.
const LISTED: usize = 40;

pub(super) fn diversity(figures: &Diversity) -> Markup {
    let lead = "Cells are combinations of modalities and groups that the set has; one with fewer than 30 samples isn't covered.";
    let mut rows = vec![
        Row::new("coverage × evenness", &figures.figure),
        Row::new("evenness: worst cell / mean", &figures.evenness),
    ];
    let worst = figures.worst.as_ref().map(|worst| Row::new(short(&worst.name, NAME), &worst.score).with_note("worst"));
    rows.extend(worst);
    let body = html! {
        p { (figures.covered) " of " (figures.declared) " cells are covered." }
        (table("How evenly the model serves them", &rows, (0.0, 1.0)))
        @if !figures.uncovered.is_empty() {
            (unfolded("Cells that aren't covered", &html! {
                ul { @for cell in figures.uncovered.iter().take(LISTED) { li { (short(cell, NAME)) } } }
                @if figures.uncovered.len() > LISTED { p.small { "and " (figures.uncovered.len() - LISTED) " more" } }
            }))
        }
    };
    section("diversity", "Diversity", lead, &body)
}

pub(super) fn consistency(figures: &ConsistencyFigures) -> Markup {
    let ConsistencyFigures { embeddings, agreement, divergence_bits } = figures;
    let body = html! {
        (table("Do the modalities say the same?", &[
            Row::new("belonging pairs against shuffled (AUC)", &embeddings.auc).with_note("0.5 is chance"),
            Row::new("modalities alone agree", agreement),
        ], (0.0, 1.0)))
        (plain("In their own units", &[
            Row::new("embedding distance, belonging", &embeddings.belonging_distance),
            Row::new("embedding distance, shuffled", &embeddings.shuffled_distance),
            Row::new("alignment", &embeddings.alignment),
            Row::new("uniformity, first modality", &embeddings.uniformity_first),
            Row::new("uniformity, second modality", &embeddings.uniformity_second),
            Row::new("modality gap", &embeddings.modality_gap),
            Row::new("divergence of the modalities alone, bits", divergence_bits),
        ]))
    };
    section("consistency", "Consistency between modalities", "", &body)
}
