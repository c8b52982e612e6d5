//! How much of what a set declares was looked at, and how evenly the model serves it.

use serde::Serialize;

use crate::scorecard::scaled;
use crate::slice::{RANKED_SAMPLES, Slice, ranked, worst};
use crate::vectors::mean;
use crate::{Figure, Measured};

/// Coverage and evenness over the cells (modality combination × slice) that a set declares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diversity {
    /// Coverage × evenness, 0 to 1.
    pub figure: Measured,
    /// Cells with 30 samples or more.
    pub covered: u64,
    /// Cells declared.
    pub declared: u64,
    /// The worst covered cell's score / the covered cells' mean score, 0 to 1.
    pub evenness: Measured,
    /// The covered cell with the lowest score, the first of equals.
    pub worst: Option<Slice>,
    /// Names of the cells that aren't covered.
    pub uncovered: Vec<String>,
}

/// Diversity of the cells that a set declares, each with a score of 0 or more over its own samples; a cell without samples has none.
///
/// Coverage is cells with at least 30 samples / cells declared, a count without an interval. Evenness is the lowest score / the plain
/// mean of scores, over covered cells, so that a large cell doesn't hide a small one. Its interval takes the ends: lowest low end / mean of high ends to
/// lowest high end / mean of low ends, at most 1, which holds the true evenness whenever all cells' intervals hold theirs and is wide
/// for many cells; [`evenness`] over resamples gives a narrower one. Not measured when no cell is declared or covered, or covered cells
/// score nothing.
#[must_use]
pub fn diversity(cells: &[Slice]) -> Diversity {
    let covered: Vec<&Figure> = ranked(cells).map(|(_, score)| score).collect();
    let evenness = if covered.is_empty() {
        Measured::not_measured(&format!("no declared cell has {RANKED_SAMPLES} samples"))
    } else {
        evenness_by_ends(&covered)
    };
    let uncovered = cells.iter().filter(|cell| cell.ranked().is_none()).map(|cell| cell.name.clone()).collect();
    let coverage = covered.len() as f64 / cells.len() as f64;
    Diversity {
        figure: scaled(&evenness, coverage),
        covered: covered.len() as u64,
        declared: cells.len() as u64,
        evenness,
        worst: worst(cells).map(|(cell, _)| cell.clone()),
        uncovered,
    }
}

/// The lowest score / the plain mean of scores, 0 to 1.
///
/// `None` without scores, with one that is under 0 or isn't finite, or when all are 0.
#[must_use]
pub fn evenness(scores: &[f64]) -> Option<f64> {
    let mean = mean(scores.iter().copied()).filter(|mean| mean.is_finite())?;
    let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Rounding may leave the mean of equal scores a last bit beside them.
    (lowest >= 0.0 && mean > 0.0).then(|| lowest / mean.max(lowest).min(highest))
}

fn evenness_by_ends(cells: &[&Figure]) -> Measured {
    let scores: Vec<f64> = cells.iter().map(|cell| cell.value).collect();
    let Some(value) = evenness(&scores) else {
        return Measured::not_measured("the covered cells score nothing, or less than nothing");
    };
    let lowest = |pick: fn(&Figure) -> f64| cells.iter().map(|cell| pick(cell)).fold(f64::INFINITY, f64::min);
    let sum = |pick: fn(&Figure) -> f64| cells.iter().map(|cell| pick(cell)).sum::<f64>();
    let count = cells.len() as f64;
    let low = lowest(|cell| cell.low) * count / sum(|cell| cell.high);
    let lows = sum(|cell| cell.low);
    let high = if lows > 0.0 { lowest(|cell| cell.high) * count / lows } else { 1.0 };
    let n = cells.iter().map(|cell| cell.n).sum();
    Measured::Figure(Figure { value, low: low.clamp(0.0, value), high: high.clamp(value, 1.0), n })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wilson;

    fn cell(name: &str, right: u64, n: u64) -> Slice {
        Slice { name: name.to_owned(), score: wilson(right, n) }
    }

    #[test]
    fn coverage_times_evenness_by_hand() {
        let cells = [cell("a", 30, 30), cell("b", 20, 40), cell("c", 10, 10), cell("d", 0, 0)];
        let diversity = diversity(&cells);
        assert_eq!((diversity.covered, diversity.declared, diversity.uncovered.len()), (2, 4, 2));
        let (figure, evenness) = (*diversity.figure.figure().unwrap(), *diversity.evenness.figure().unwrap());
        assert!((evenness.value - 0.5 / 0.75).abs() < 1e-12 && (figure.value - 0.5 / 1.5).abs() < 1e-12);
        assert!(figure.low < figure.value && figure.value < figure.high && figure.high <= 0.5 && figure.n == 70);
        assert_eq!(diversity.worst.unwrap().name, "b");
    }

    #[test]
    fn equal_cells_are_even() {
        assert_eq!(evenness(&[0.1; 3]), Some(1.0));
        assert_eq!(evenness(&[0.0, 1.0]), Some(0.0));
        assert_eq!(
            (evenness(&[]), evenness(&[0.0]), evenness(&[-1.0, 2.0]), evenness(&[f64::NAN])),
            (None, None, None, None)
        );
    }

    #[test]
    fn what_wasn_t_looked_at_has_no_diversity() {
        for cells in [vec![], vec![cell("a", 29, 29)], vec![cell("a", 0, 50)]] {
            let diversity = diversity(&cells);
            assert!(diversity.figure.figure().is_none() && diversity.evenness.figure().is_none(), "{cells:?}");
        }
    }
}
