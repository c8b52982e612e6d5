//! Within which strata whole clusters are drawn.

use std::collections::BTreeMap;

/// The stratum within which each sample's cluster is drawn, for [`crate::resample_clusters`]: its own, made wider where clusters need it.
///
/// `clusters` and `strata` name each sample's own and are as many. Strata that share a cluster are one, since a cluster is drawn whole: of speakers
/// who all say every word, words are no strata. Then the smallest are one, until all have `least` clusters: resamples of n clusters vary by (n − 1) / n
/// of what samples do, and one cluster alone doesn't vary at all. The names given are among those taken.
#[must_use]
pub fn strata_of_clusters<'a>(clusters: &[&str], strata: &[&'a str], least: usize) -> Vec<&'a str> {
    let mut joined = Joined::default();
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for (&cluster, &stratum) in clusters.iter().zip(strata) {
        joined.join(stratum, first.entry(cluster).or_insert(stratum));
    }
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    first.into_values().for_each(|stratum| *sizes.entry(joined.root(stratum)).or_default() += 1);
    let mut sizes: Vec<(usize, &str)> = sizes.into_iter().map(|(stratum, clusters)| (clusters, stratum)).collect();
    sizes.sort_unstable();
    let mut rest: Option<(usize, &str)> = None;
    for (clusters, stratum) in sizes {
        if clusters >= least && rest.is_none_or(|(size, _)| size >= least) {
            break;
        }
        let (size, with) = rest.unwrap_or((0, stratum));
        joined.join(with, stratum);
        rest = Some((size + clusters, with));
    }
    strata.iter().map(|stratum| joined.root(stratum)).collect()
}

/// Strata that were joined to another.
#[derive(Default)]
struct Joined<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Joined<'a> {
    fn root(&self, stratum: &'a str) -> &'a str {
        let mut root = stratum;
        while let Some(next) = self.0.get(root) {
            root = next;
        }
        root
    }

    fn join(&mut self, one: &'a str, other: &'a str) {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            self.0.insert(one.max(other), one.min(other));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_that_share_a_cluster_are_one() {
        let (speakers, words) = (["ann", "ann", "bob", "cat", "dan"], ["one", "two", "two", "three", "four"]);
        assert_eq!(strata_of_clusters(&speakers, &words, 1), ["one", "one", "one", "three", "four"]);
    }

    #[test]
    fn the_smallest_are_one_until_all_are_large_enough() {
        let samples: Vec<String> = (0..38).map(|sample| sample.to_string()).collect();
        let samples: Vec<&str> = samples.iter().map(String::as_str).collect();
        let sizes = [("a", 20), ("b", 6), ("c", 3), ("d", 4), ("e", 5)];
        let strata: Vec<&str> = sizes.iter().flat_map(|&(name, size)| std::iter::repeat_n(name, size)).collect();
        let found = strata_of_clusters(&samples, &strata, 10);
        let count = |name: &str| found.iter().filter(|stratum| **stratum == name).count();
        assert_eq!((count("a"), count("b")), (20, 18));
        assert_eq!(strata_of_clusters(&samples[..24], &strata[..24], 4), strata[..24]);
        assert!(strata_of_clusters(&samples[..22], &strata[..22], 4).iter().all(|stratum| *stratum == "a"));
        assert!(strata_of_clusters(&[], &[], 4).is_empty());
    }
}
