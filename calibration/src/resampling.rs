//! Which samples are drawn together: intervals of a split's figures.

use std::collections::{BTreeMap, BTreeSet};

use edgeval_measure::{Figure, Measured, bootstrap, resample_clusters, strata_of_clusters, wilson};

use crate::Sample;

/// Resamples of every bootstrap.
pub(crate) const RESAMPLES: usize = 1000;
/// Their seed: the same rows give the same intervals.
const SEED: u64 = 20_240_917;
/// Clusters of a stratum, at least: resamples of few vary less than they should.
const LEAST_OF_A_STRATUM: usize = 10;

/// What of a sample decides with which others it is drawn. Its stratum is what is asked for and the right class, as in the order in which samples
/// are tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn<'a> {
    pub id: &'a str,
    pub cluster: Option<&'a str>,
    pub ask: Option<&'a str>,
    pub label: Option<&'a str>,
}

impl<'a> Drawn<'a> {
    /// Of a row that was made of a sample: its slices say what was asked for.
    pub fn of_row(
        id: &'a str,
        cluster: Option<&'a str>,
        slices: &'a BTreeMap<String, String>,
        label: Option<&'a str>,
    ) -> Self {
        Self { id, cluster, ask: slices.get("ask").map(String::as_str), label }
    }
}

impl<'a> From<&'a Sample> for Drawn<'a> {
    fn from(sample: &'a Sample) -> Self {
        let Sample { id, cluster, ask, label, .. } = sample;
        Self { id, cluster: cluster.as_deref(), ask: ask.as_deref(), label: label.as_deref() }
    }
}

/// Resamples of some samples.
#[derive(Debug)]
pub(crate) struct Resampling {
    /// Places among the samples, one list a resample.
    pub resamples: Vec<Vec<usize>>,
    /// How many clusters, where there are two or more: one alone can't tell how clusters differ.
    pub clusters: Option<usize>,
    /// Whether all samples are of one cluster.
    pub is_one_cluster: bool,
    /// Within how many strata samples or clusters are drawn.
    pub strata: usize,
}

impl Resampling {
    /// Of samples. One without a cluster is a cluster of its own.
    pub fn new<'a>(samples: impl Iterator<Item = Drawn<'a>>) -> Self {
        let samples: Vec<Drawn<'a>> = samples.collect();
        let ids: Vec<&str> = samples.iter().map(|sample| sample.id).collect();
        let named: Vec<&str> = samples.iter().map(|sample| sample.cluster.unwrap_or(sample.id)).collect();
        let distinct = named.iter().collect::<BTreeSet<_>>().len();
        let any = samples.iter().any(|sample| sample.cluster.is_some());
        let clusters = (distinct > 1 && any).then_some(distinct);
        let groups = if clusters.is_some() { &named } else { &ids };
        let strata: Vec<String> = samples.iter().map(|sample| format!("{:?} {:?}", sample.ask, sample.label)).collect();
        let strata: Vec<&str> = strata.iter().map(String::as_str).collect();
        let strata = strata_of_clusters(groups, &strata, LEAST_OF_A_STRATUM);
        let resamples = resample_clusters(groups, &strata, RESAMPLES, SEED);
        let strata = strata.iter().collect::<BTreeSet<_>>().len();
        Self { resamples, clusters, is_one_cluster: any && clusters.is_none(), strata }
    }

    /// Of samples that count as independent, whatever cluster they name.
    pub fn of_independent<'a>(samples: impl Iterator<Item = Drawn<'a>>) -> Self {
        Self::new(samples.map(|sample| Drawn { cluster: None, ..sample }))
    }

    /// What is drawn, in words.
    pub fn drawn(&self) -> String {
        let of = self.clusters.map_or_else(|| "samples".to_owned(), |count| format!("{count} clusters"));
        if self.strata > 1 { format!("{of} within {} strata", self.strata) } else { of }
    }
}

/// The first's figure, and its count of samples, with an interval that holds the second's too.
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
    let resampled =
        || bootstrapped(values.len(), resampling, |indices| mean(indices.iter().map(|&index| values[index])));
    match rate(values) {
        Some(independent) if resampling.clusters.is_none() => independent,
        Some(independent) => widest(resampled(), &independent),
        None => resampled(),
    }
}

/// The same of samples that count as independent, whatever cluster they name. Rights and wrongs needn't be resampled.
pub(crate) fn mean_of_independent<'a>(values: &[f64], samples: impl Iterator<Item = Drawn<'a>>) -> Measured {
    rate(values).unwrap_or_else(|| mean_score(values, &Resampling::of_independent(samples)))
}

/// Of rights and wrongs the share that is right, with Wilson's interval; `None` of other scores.
fn rate(values: &[f64]) -> Option<Measured> {
    let right = values.iter().filter(|value| **value == 1.0).count() as u64;
    values.iter().all(|value| [0.0, 1.0].contains(value)).then(|| wilson(right, values.len() as u64))
}

/// A statistic of samples with its interval.
pub(crate) fn bootstrapped(
    n: usize,
    resampling: &Resampling,
    statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Measured {
    bootstrap(n, &resampling.resamples, statistic)
}

/// The plain mean; `None` without values.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u64, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four classes of ten samples each; a class is right as a whole, or wrong.
    fn drawn<'a>(ids: &'a [String], cluster: impl Fn(usize) -> Option<&'a str>) -> Vec<Drawn<'a>> {
        let label = |place: usize| ["a", "b", "c", "d"][place % 4];
        let of = |(place, id): (usize, &'a String)| Drawn {
            id,
            cluster: cluster(place),
            ask: None,
            label: Some(label(place)),
        };
        ids.iter().enumerate().map(of).collect()
    }

    #[test]
    fn samples_are_drawn_within_their_class_and_clusters_whole() {
        let ids: Vec<String> = (0..40).map(|place| place.to_string()).collect();
        let by_class = Resampling::new(drawn(&ids, |_| None).into_iter());
        assert_eq!((by_class.strata, by_class.drawn().as_str()), (4, "samples within 4 strata"));
        let of_class = |resample: &[usize], class| resample.iter().filter(|&&place| place % 4 == class).count();
        assert!(by_class.resamples.iter().all(|resample| (0..4).all(|class| of_class(resample, class) == 10)));
        // Of speakers who say everything the strata are one: whole speakers are drawn.
        let by_speaker = Resampling::new(drawn(&ids, |place| Some(["ann", "bob"][place / 20])).into_iter());
        assert_eq!((by_speaker.strata, by_speaker.drawn().as_str()), (1, "2 clusters"));
        let is_whole = |resample: &Vec<usize>| [0, 20, 40].contains(&resample.iter().filter(|&&it| it < 20).count());
        assert!(by_speaker.resamples.iter().all(is_whole));
    }

    #[test]
    fn classes_of_few_samples_are_drawn_together() {
        let strata = |samples: usize| {
            let ids: Vec<String> = (0..samples).map(|place| place.to_string()).collect();
            Resampling::new(drawn(&ids, |_| None).into_iter()).strata
        };
        // Of 39 the last class has nine, and is drawn with another; of 36 all have.
        assert_eq!([40, 39, 36, 8].map(strata), [4, 3, 1, 1]);
    }
}
