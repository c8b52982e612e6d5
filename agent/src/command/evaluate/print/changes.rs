//! What is printed of robustness, fairness and interpretability.

use std::io;

use edgeval_calibration::{CorruptionScores, Interpretability, Robustness};
use edgeval_measure::Measured;

use super::super::output::FairnessFigures;
use super::{print_table, value};
use crate::terminal::{self, say};

/// Prints what is left of the score.
pub(super) fn print_robustness(robustness: &Robustness) -> io::Result<()> {
    terminal::print_heading("Robustness")?;
    let attack = &robustness.attack;
    let against = match &robustness.reference_model {
        Some(model) => format!("mean corruption error against {model}"),
        None => "mean corruption error".to_owned(),
    };
    let rows = [
        ("score as it is", &robustness.clean),
        ("mean error under corruption", &robustness.mean_error),
        ("share of the score kept", &robustness.share_kept),
        (against.as_str(), &robustness.mean_corruption_error),
        ("picture attacked: right", &attack.on_picture.robust),
        ("picture attacked: right / clean", &attack.on_picture.robust_by_clean),
        ("picture attacked: median queries", &attack.on_picture.median_queries),
        ("sound attacked: right", &attack.on_sound.robust),
        ("sound attacked: right / clean", &attack.on_sound.robust_by_clean),
        ("sound attacked: median queries", &attack.on_sound.median_queries),
        ("no attack broke what was right", &attack.unbroken),
        ("sound moved: share kept", &robustness.skew.share_of_unshifted),
        ("sound moved: widest, ms", &robustness.skew.widest_ms),
        ("same answer in the other arithmetic", &robustness.precision.same),
        ("score of the other arithmetic", &robustness.precision.other_score),
    ];
    print_table(&rows)?;
    print_corruptions(&robustness.corruptions)?;
    terminal::print_heading("A modality missing")?;
    let mut table = terminal::table(&["missing", "as it is", "nothing", "mean", "another sample's"]);
    for row in &robustness.missing {
        let figures = [&row.clean, &row.nothing, &row.mean, &row.frozen].map(value);
        table.add_row([vec![row.modality.to_string()], figures.to_vec()].concat());
    }
    terminal::align_numbers(&mut table);
    say!("{table}")
}

/// The worst first.
fn print_corruptions(corruptions: &[CorruptionScores]) -> io::Result<()> {
    let last = |row: &CorruptionScores| row.scores.last().and_then(Measured::figure).map_or(1.0, |figure| figure.value);
    let mut sorted: Vec<&CorruptionScores> = corruptions.iter().collect();
    sorted.sort_by(|a, b| last(a).total_cmp(&last(b)));
    terminal::print_heading("Score by severity")?;
    let mut table = terminal::table(&["corruption", "0", "1", "2", "3", "4", "5"]);
    for row in sorted {
        let scores = std::iter::once(&row.clean).chain(&row.scores).map(value);
        table.add_row(std::iter::once(row.name.replace('_', " ")).chain(scores));
    }
    terminal::align_numbers(&mut table);
    say!("{table}")
}

/// Prints what each modality contributes, and how groups fare.
pub(super) fn print_fairness(figures: &FairnessFigures) -> io::Result<()> {
    terminal::print_heading("What each modality contributes")?;
    let mut table = terminal::table(&["modality", "Shapley", "share", "alone", "lost when permuted"]);
    for row in &figures.fairness.modalities {
        let values = [&row.shapley, &row.share, &row.alone, &row.perceptual].map(value);
        table.add_row([vec![row.modality.to_string()], values.to_vec()].concat());
    }
    terminal::align_numbers(&mut table);
    say!("{table}")?;
    terminal::print_heading("Groups")?;
    let mut table = terminal::table(&["key", "worst", "score", "best", "score", "worst / best"]);
    for group in &figures.groups {
        let slice = |slice: &Option<edgeval_measure::Slice>| match slice {
            Some(slice) => [slice.name.clone(), value(&slice.score)],
            None => ["–".to_owned(), "–".to_owned()],
        };
        let ratio = value(&group.gap.ratio);
        table.add_row(
            [vec![group.key.clone()], slice(&group.gap.worst).to_vec(), slice(&group.gap.best).to_vec(), vec![ratio]]
                .concat(),
        );
    }
    say!("{table}")
}

/// Prints what answers hang on.
pub(super) fn print_interpretability(interpretability: &Interpretability) -> io::Result<()> {
    terminal::print_heading("What answers hang on")?;
    let header = ["modality", "deletion", "at random", "insertion", "at random", "gain", "pointing", "queries"];
    let mut table = terminal::table(&header);
    for map in &interpretability.modalities {
        let areas = [&map.deletion, &map.random_deletion, &map.insertion, &map.random_insertion];
        let values = areas.into_iter().chain([&map.gain, &map.pointing]).map(value);
        let queries = map.queries.figure().map_or_else(|| "–".to_owned(), |figure| format!("{:.0}", figure.value));
        table.add_row(std::iter::once(map.modality.to_string()).chain(values).chain([queries]));
    }
    terminal::align_numbers(&mut table);
    say!("{table}")
}
