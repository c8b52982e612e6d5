//! Two models' answers to the same samples, pair by pair.

use std::collections::BTreeMap;

use edgeval_measure::{ChrfStatistics, Confusion, Figure, Measured, brier_score, mcnemar_exact};
use serde::Serialize;

use crate::resampling::{Drawn, Resampling, bootstrapped, mean, mean_score};
use crate::{Answers, Evaluated, GeneratedRow, ReferenceSet, Row};

/// Why two models can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// They do different things.
    #[error(
        "the first model is scored by {first}, the second by {second}: models of different tasks can't be compared"
    )]
    Tasks {
        /// The first's score.
        first: String,
        /// The second's.
        second: String,
    },
    /// Nothing was scored of both.
    #[error("no sample was scored of both models: take a split whose samples have labels or references")]
    NoSamples,
}

/// Two models on the same samples.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Samples that were scored of both.
    pub samples: u64,
    /// Each figure of both; the headline first.
    pub figures: Vec<PairedFigure>,
    /// What one was right about and the other wasn't, where scores are rights and wrongs.
    pub disagreements: Option<Disagreements>,
}

/// A figure of two models.
#[derive(Clone, Debug, Serialize)]
pub struct PairedFigure {
    /// Its name.
    pub name: String,
    /// The first model's.
    pub first: Measured,
    /// The second's.
    pub second: Measured,
    /// The second's less the first's, over resamples that are the same for both.
    pub difference: Measured,
    /// Whether more of it is better.
    pub more_is_better: bool,
}

/// Samples that one model was right about and the other wasn't.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Disagreements {
    /// The first alone was right.
    pub first_only: u64,
    /// The second alone was right.
    pub second_only: u64,
    /// Probability of that if both were equally good (McNemar, exact).
    pub mcnemar_p: f64,
}

impl Comparison {
    /// Compares what two models said of samples as they are. Intervals are a bootstrap over samples, or over clusters where samples name theirs.
    ///
    /// # Errors
    /// When the models do different things, or no sample was scored of both.
    pub fn new(set: &ReferenceSet, first: &Evaluated, second: &Evaluated) -> Result<Self, ComparisonError> {
        let score = &first.findings.score;
        if *score != second.findings.score {
            return Err(ComparisonError::Tasks { first: score.clone(), second: second.findings.score.clone() });
        }
        let others: BTreeMap<usize, f64> = second.scores.iter().copied().collect();
        let pairs: Vec<(usize, f64, f64)> =
            first.scores.iter().filter_map(|&(place, score)| Some((place, score, *others.get(&place)?))).collect();
        if pairs.is_empty() {
            return Err(ComparisonError::NoSamples);
        }
        let samples: Vec<_> = pairs.iter().map(|(place, ..)| &set.samples()[*place]).collect();
        let ids: Vec<&str> = samples.iter().map(|sample| sample.id.as_str()).collect();
        let resampling = Resampling::new(samples.iter().map(|sample| Drawn::from(*sample)));
        let disagreements = disagreements(&pairs);
        let mut figures = vec![of_scores(score, &pairs, &resampling)];
        match (&first.answers, &second.answers) {
            (Answers::Classes(a), Answers::Classes(b)) => {
                let (a_rows, b_rows) = (rows(&ids, a.rows(), |row| &row.id), rows(&ids, b.rows(), |row| &row.id));
                let classes = (a.labels().len(), b.labels().len());
                figures.push(f1_macro((&a_rows, &b_rows), classes, &resampling));
                figures.push(brier((&a_rows, &b_rows), &resampling));
            }
            (Answers::Texts(a), Answers::Texts(b)) => {
                let (a_rows, b_rows) = (rows(&ids, a.rows(), |row| &row.id), rows(&ids, b.rows(), |row| &row.id));
                figures.push(chrf2((&a_rows, &b_rows), &resampling));
            }
            _ => {}
        }
        for figure in figures.iter_mut().filter(|figure| RIGHTS_AND_WRONGS.contains(&figure.name.as_str())) {
            figure.difference = held_to(disagreements.as_ref(), figure.difference.clone());
        }
        Ok(Self { samples: pairs.len() as u64, figures, disagreements })
    }
}

/// Figures that change with rights and wrongs alone.
const RIGHTS_AND_WRONGS: [&str; 3] = ["top1", "exact_match", "f1_macro"];

/// A difference whose interval holds 0 unless McNemar's test tells the models apart, too: resamples of a few disagreements that all go one way never go the other.
fn held_to(disagreements: Option<&Disagreements>, difference: Measured) -> Measured {
    if disagreements.is_none_or(|counted| counted.mcnemar_p < 0.05) {
        return difference;
    }
    difference.map(|figure| Figure { low: figure.low.min(0.0), high: figure.high.max(0.0), ..figure })
}

/// The rows of these samples, in their order.
fn rows<'a, R>(ids: &[&str], rows: &'a [R], id: impl Fn(&R) -> &String) -> Vec<&'a R> {
    let by_id: BTreeMap<&str, usize> = rows.iter().enumerate().map(|(place, row)| (id(row).as_str(), place)).collect();
    ids.iter().filter_map(|id| rows.get(*by_id.get(id)?)).collect()
}

fn of_scores(name: &str, pairs: &[(usize, f64, f64)], resampling: &Resampling) -> PairedFigure {
    let (first, second): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(_, first, second)| (*first, *second)).unzip();
    let change = |indices: &[usize]| mean(indices.iter().map(|&index| second[index] - first[index]));
    PairedFigure {
        name: name.to_owned(),
        first: mean_score(&first, resampling),
        second: mean_score(&second, resampling),
        difference: bootstrapped(pairs.len(), resampling, change),
        more_is_better: true,
    }
}

/// A figure that is no mean of scores.
fn figure(
    (name, n, more_is_better): (&str, usize, bool),
    resampling: &Resampling,
    first: impl Fn(&[usize]) -> Option<f64> + Sync,
    second: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> PairedFigure {
    PairedFigure {
        name: name.to_owned(),
        first: bootstrapped(n, resampling, &first),
        second: bootstrapped(n, resampling, &second),
        difference: bootstrapped(n, resampling, |indices| Some(second(indices)? - first(indices)?)),
        more_is_better,
    }
}

type Both<'a, R> = (&'a [&'a R], &'a [&'a R]);

fn f1_macro((first, second): Both<'_, Row>, classes: (usize, usize), resampling: &Resampling) -> PairedFigure {
    let of = |rows: &[&Row], classes: usize, indices: &[usize]| {
        let (truths, said): (Vec<usize>, Vec<usize>) =
            indices.iter().map(|&index| (rows[index].truth, rows[index].prediction.class)).unzip();
        Some(Confusion::new(&truths, &said, classes).ok()?.macro_average()?.f1)
    };
    let name = ("f1_macro", first.len().min(second.len()), true);
    figure(name, resampling, |indices| of(first, classes.0, indices), |indices| of(second, classes.1, indices))
}

fn brier((first, second): Both<'_, Row>, resampling: &Resampling) -> PairedFigure {
    let of_row = |row: &&Row| {
        let probabilities = row.prediction.probabilities.iter().map(|p| f64::from(*p)).collect();
        brier_score(&[probabilities], &[row.truth])
    };
    let each = |rows: &[&Row]| rows.iter().map(of_row).collect::<Vec<Option<f64>>>();
    let (first, second) = (each(first), each(second));
    let of = |values: &[Option<f64>], indices: &[usize]| mean(indices.iter().filter_map(|&index| values[index]));
    let name = ("brier", first.len().min(second.len()), false);
    figure(name, resampling, |indices| of(&first, indices), |indices| of(&second, indices))
}

fn chrf2((first, second): Both<'_, GeneratedRow>, resampling: &Resampling) -> PairedFigure {
    let of_row = |row: &&GeneratedRow| ChrfStatistics::new(&row.generated.text, &row.references).ok();
    let each = |rows: &[&GeneratedRow]| rows.iter().map(of_row).collect::<Vec<Option<ChrfStatistics>>>();
    let (first, second) = (each(first), each(second));
    let of = |values: &[Option<ChrfStatistics>], indices: &[usize]| {
        indices.iter().filter_map(|&index| values[index]).sum::<ChrfStatistics>().score()
    };
    let name = ("chrf2", first.len().min(second.len()), true);
    figure(name, resampling, |indices| of(&first, indices), |indices| of(&second, indices))
}

/// Nothing where a score is neither right nor wrong.
fn disagreements(pairs: &[(usize, f64, f64)]) -> Option<Disagreements> {
    let is_either = |score: &f64| [0.0, 1.0].contains(score);
    if !pairs.iter().all(|(_, first, second)| is_either(first) && is_either(second)) {
        return None;
    }
    let count = |is: fn(f64, f64) -> bool| pairs.iter().filter(|(_, first, second)| is(*first, *second)).count() as u64;
    let (first_only, second_only) = (count(|first, second| first > second), count(|first, second| second > first));
    Some(Disagreements { first_only, second_only, mcnemar_p: mcnemar_exact(first_only, second_only) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_disagreements_show_nothing() {
        let difference = || Measured::Figure(Figure { value: -0.1, low: -0.2, high: -0.05, n: 40 });
        let counted = |first_only, p| Disagreements { first_only, second_only: 0, mcnemar_p: p };
        let high = |counted: Option<&Disagreements>| held_to(counted, difference()).figure().unwrap().high;
        assert_eq!(high(Some(&counted(4, 0.125))), 0.0);
        assert_eq!(high(Some(&counted(9, 0.004))), -0.05);
        assert_eq!(high(None), -0.05);
    }

    fn pairs(scores: &[(f64, f64)]) -> Vec<(usize, f64, f64)> {
        scores.iter().enumerate().map(|(place, (first, second))| (place, *first, *second)).collect()
    }

    #[test]
    fn a_difference_is_paired() {
        // Both err on half of the samples, the second on five more: one by one the intervals overlap, in pairs it is plain.
        let scores: Vec<(f64, f64)> = (0..40)
            .map(|sample| (f64::from(sample % 2), if sample < 10 { 0.0 } else { f64::from(sample % 2) }))
            .collect();
        let pairs = pairs(&scores);
        let names: Vec<String> = (0..40).map(|sample| sample.to_string()).collect();
        let drawn = names.iter().map(|id| Drawn { id, cluster: None, ask: None, label: None });
        let resampling = Resampling::new(drawn);
        let figure = of_scores("top1", &pairs, &resampling);
        let (first, second) = (*figure.first.figure().unwrap(), *figure.second.figure().unwrap());
        let difference = *figure.difference.figure().unwrap();
        assert!(second.high > first.low && difference.high < 0.0, "{first:?} {second:?} {difference:?}");
        assert_eq!((difference.value, difference.n), (-5.0 / 40.0, 40));
    }

    #[test]
    fn disagreements_are_of_rights_and_wrongs() {
        let counted = disagreements(&pairs(&[(1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])).unwrap();
        assert_eq!((counted.first_only, counted.second_only, counted.mcnemar_p), (2, 1, 1.0));
        assert_eq!(disagreements(&pairs(&[(0.5, 1.0)])), None);
    }
}
