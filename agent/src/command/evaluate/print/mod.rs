//! What `edgeval evaluate` prints for people: a section a dimension, the scorecard last.

mod accuracy;
mod changes;
mod generation;

use std::io;

use edgeval_measure::Measured;

use super::output::{AccuracyFigures, ConsistencyFigures, Output};
use super::scorecard::reason;
use crate::terminal::{self, say};

/// Prints everything.
pub(super) fn print(output: &Output) -> io::Result<()> {
    print_title(output)?;
    match &output.accuracy {
        AccuracyFigures::Classes(accuracy) => accuracy::print_classification(accuracy)?,
        AccuracyFigures::Pairs(retrieval) => accuracy::print_retrieval(retrieval)?,
        AccuracyFigures::Texts { .. } | AccuracyFigures::Absent(_) => {}
    }
    if let Some(figures) = output.generation.figures() {
        generation::print(figures)?;
    }
    print_consistency(&output.consistency)?;
    if let Some(robustness) = output.robustness.figures() {
        changes::print_robustness(robustness)?;
    }
    if let Some(fairness) = output.fairness.figures() {
        changes::print_fairness(fairness)?;
    }
    if let Some(interpretability) = output.interpretability.figures() {
        changes::print_interpretability(interpretability)?;
    }
    print_scorecard(output)?;
    terminal::print_validity(&output.validity)
}

fn print_title(output: &Output) -> io::Result<()> {
    let Output { model, set, .. } = output;
    let precision = model.precision.map(|precision| precision.to_string()).unwrap_or_default();
    let without = output.without.as_ref().map_or_else(String::new, |modality| format!(", without {modality}"));
    let of = if set.samples == set.of_samples { String::new() } else { format!(" of {}", set.of_samples) };
    terminal::print_heading(&format!(
        "{} {precision} on {} ({}{of} samples{without})",
        model.name, set.name, set.samples
    ))?;
    if set.tried < set.to_try {
        say!("{} of {} samples were tried: intervals are as wide as that makes them", set.tried, set.to_try)?;
    }
    Ok(())
}

/// Where anything of it was measured.
fn print_consistency(consistency: &ConsistencyFigures) -> io::Result<()> {
    let ConsistencyFigures { embeddings, agreement, divergence_bits } = consistency;
    let rows = [
        ("embedding distance, belonging", &embeddings.belonging_distance),
        ("embedding distance, shuffled", &embeddings.shuffled_distance),
        ("belonging against shuffled (AUC)", &embeddings.auc),
        ("alignment", &embeddings.alignment),
        ("uniformity, first modality", &embeddings.uniformity_first),
        ("uniformity, second modality", &embeddings.uniformity_second),
        ("modality gap", &embeddings.modality_gap),
        ("modalities alone agree", agreement),
        ("their divergence, bits", divergence_bits),
    ];
    let measured: Vec<(&str, &Measured)> = rows.into_iter().filter(|(_, row)| row.figure().is_some()).collect();
    if !measured.is_empty() {
        terminal::print_heading("Consistency")?;
        print_table(&measured)?;
    }
    Ok(())
}

fn print_scorecard(output: &Output) -> io::Result<()> {
    terminal::print_heading("Scorecard, 0 to 1")?;
    let mut table = terminal::table(&["dimension", "value", "95 % interval", "n", "weight"]);
    let card = &output.scorecard;
    for ((name, row), (_, weight)) in card.dimensions.named().into_iter().zip(card.weights.named()) {
        table.add_row([vec![name.replace('_', " ")], cells(&row.figure), vec![weight.to_string()]].concat());
    }
    table.add_row([vec!["total".to_owned()], cells(&card.total), vec![String::new()]].concat());
    terminal::align_numbers(&mut table);
    say!("{table}")?;
    for (name, row) in card.dimensions.named() {
        // Why a figure is absent stands in the table already.
        for lack in row.lacks.iter().filter(|_| reason(row).is_none()) {
            say!("{} lacks {lack}", name.replace('_', " "))?;
        }
    }
    let budgets = output.efficiency.budgets_kept.budgets.iter();
    let budgets = budgets.filter_map(|kept| Some(format!("{} {}", kept.name, kept.budget?)));
    say!("budgets: {}", budgets.collect::<Vec<_>>().join(", "))
}

/// Figures, a row each.
pub(super) fn print_table(figures: &[(&str, &Measured)]) -> io::Result<()> {
    let mut table = terminal::table(&["figure", "value", "95 % interval", "n"]);
    for (name, figure) in figures {
        table.add_row([vec![(*name).to_owned()], cells(figure)].concat());
    }
    terminal::align_numbers(&mut table);
    say!("{table}")
}

/// A figure alone, or a dash.
fn value(figure: &Measured) -> String {
    cells(figure).swap_remove(0)
}

pub(super) fn cells(figure: &Measured) -> Vec<String> {
    match figure {
        Measured::Figure(figure) => vec![
            format!("{:.4}", figure.value),
            format!("{:.4} to {:.4}", figure.low, figure.high),
            figure.n.to_string(),
        ],
        Measured::NotMeasured { reason } => vec!["–".to_owned(), reason.clone(), String::new()],
    }
}
