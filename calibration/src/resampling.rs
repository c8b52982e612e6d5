//! Which samples are drawn together: intervals of a split's figures.

use std::collections::BTreeSet;

use edgeval_measure::{Figure, Measured, bootstrap, resample_clusters, wilson};

/// Resamples of every bootstrap.
pub(crate) const RESAMPLES: usize = 1000;
/// Their seed: the same rows give the same intervals.
const SEED: u64 = 20_240_917;

/// Resamples of some samples.
#[derive(Debug)]
pub(crate) struct Resampling {
    /// Places among the samples, one list a resample.
    pub resamples: Vec<Vec<usize>>,
    /// How many clusters, where there are two or more: one alone can't tell how clusters differ.
    pub clusters: Option<usize>,
    /// Whether all samples are of one cluster.
    pub is_one_cluster: bool,
}

impl Resampling {
    /// Of samples with these ids and clusters. One without a cluster is a cluster of its own.
    pub fn new<'a>(samples: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let (ids, clusters): (Vec<&str>, Vec<Option<&str>>) = samples.unzip();
        let named: Vec<&str> = clusters.iter().zip(&ids).map(|(cluster, id)| cluster.unwrap_or(id)).collect();
        let distinct = named.iter().collect::<BTreeSet<_>>().len();
        let any = clusters.iter().any(Option::is_some);
        let clusters = (distinct > 1 && any).then_some(distinct);
        let groups = if clusters.is_some() { &named } else { &ids };
        let resamples = resample_clusters(groups, &vec![""; ids.len()], RESAMPLES, SEED);
        Self { resamples, clusters, is_one_cluster: any && clusters.is_none() }
    }
}

/// The first's figure with an interval that holds the second's too.
pub(crate) fn widest(first: Measured, second: &Measured) -> Measured {
    match (first, second) {
        (Measured::Figure(first), Measured::Figure(second)) => {
            Measured::Figure(Figure { low: first.low.min(second.low), high: first.high.max(second.high), ..first })
        }
        (first, _) => first,
    }
}

/// The mean of scores from 0 to 1 with its interval: of rights and wrongs Wilson's, never narrower where samples name their clusters; a bootstrap otherwise.
/// Not measured of one sample alone that is neither.
pub(crate) fn mean_score(values: &[f64], resampling: &Resampling) -> Measured {
    let of = |indices: &[usize]| mean(indices.iter().map(|&index| values[index]));
    let is_rate = values.iter().all(|value| [0.0, 1.0].contains(value));
    if !is_rate {
        return bootstrapped(values.len(), resampling, of);
    }
    let independent = wilson(values.iter().filter(|value| **value > 0.0).count() as u64, values.len() as u64);
    if resampling.clusters.is_none() {
        independent
    } else {
        widest(bootstrapped(values.len(), resampling, of), &independent)
    }
}

/// A statistic of samples with its interval. Resamples of one sample are all alike: they would give an interval without width.
pub(crate) fn bootstrapped(n: usize, resampling: &Resampling, statistic: impl Fn(&[usize]) -> Option<f64>) -> Measured {
    if n == 1 {
        return Measured::not_measured("one sample alone can't tell how sure the figure is");
    }
    bootstrap(n, &resampling.resamples, statistic)
}

/// The plain mean; `None` without values.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u64, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}
