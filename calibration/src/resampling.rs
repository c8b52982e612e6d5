//! Which samples are drawn together: intervals of a split's figures.

use std::collections::BTreeSet;

use edgeval_measure::{Figure, Measured, resample_clusters};

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
