//! How the groups of samples fare, and how much of what the set has was covered.

use std::collections::{BTreeMap, BTreeSet};

use edgeval_measure::{Diversity, GroupGap, Measured, Slice, diversity, group_gap};
use edgeval_models::Modality;
use serde::Serialize;

use super::Tried;
use crate::Sample;
use crate::resampling::{Resampling, mean_score};

/// Groups of a split.
#[derive(Clone, Debug, Serialize)]
pub struct Groups {
    /// Each slice key with its worst and best group.
    pub keys: Vec<SliceKey>,
    /// Worst group / best group, of the key where that is lowest.
    pub worst_by_best: Measured,
    /// Which key that is.
    pub worst_key: Option<String>,
    /// Cells: combinations of modalities × groups.
    pub diversity: Diversity,
}

/// One slice key.
#[derive(Clone, Debug, Serialize)]
pub struct SliceKey {
    /// What groups the samples, such as `speaker`.
    pub key: String,
    /// How its groups fare.
    pub gap: GroupGap,
}

impl Groups {
    pub(crate) fn new(tried: &Tried<'_>) -> Self {
        let keys: Vec<SliceKey> = keys(tried).map(|key| of_key(tried, key)).collect();
        let ratio = |key: &SliceKey| key.gap.ratio.figure().map(|figure| figure.value);
        let ranked = keys.iter().filter_map(|key| Some((ratio(key)?, key)));
        let worst = ranked.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, key)| key);
        let none = || Measured::not_measured("no slice key has two groups with 30 samples");
        Self {
            worst_by_best: worst.map_or_else(none, |key| key.gap.ratio.clone()),
            worst_key: worst.map(|key| key.key.clone()),
            diversity: diversity(&cells(tried)),
            keys,
        }
    }
}

/// The slice keys of the samples that were scored.
fn keys<'a>(tried: &'a Tried<'_>) -> impl Iterator<Item = &'a str> {
    let keys = tried.scores.iter().flat_map(|(place, _)| tried.set.samples()[*place].slices.keys());
    keys.map(String::as_str).collect::<BTreeSet<_>>().into_iter()
}

fn of_key(tried: &Tried<'_>, key: &str) -> SliceKey {
    let group = |sample: &Sample| sample.slices.get(key).cloned();
    SliceKey { key: key.to_owned(), gap: group_gap(&groups(tried, |sample| group(sample).into_iter().collect())) }
}

/// Cells of modalities and groups; of modalities alone where nothing is sliced. Cells are those that the set has: a combination that no sample of the
/// split has isn't one.
fn cells(tried: &Tried<'_>) -> Vec<Slice> {
    groups(tried, |sample| {
        let has = |modality: &&Modality| sample.has(**modality);
        let modalities: Vec<String> = tried.modalities.iter().filter(has).map(Modality::to_string).collect();
        let modalities = modalities.join("+");
        let of = |(key, value): (&String, &String)| format!("{modalities} · {key}={value}");
        if sample.slices.is_empty() { vec![modalities] } else { sample.slices.iter().map(of).collect() }
    })
}

/// The scores of groups, by name.
fn groups(tried: &Tried<'_>, names: impl Fn(&Sample) -> Vec<String>) -> Vec<Slice> {
    let mut members: BTreeMap<String, Vec<(usize, f64)>> = BTreeMap::new();
    for &(place, score) in &tried.scores {
        for name in names(&tried.set.samples()[place]) {
            members.entry(name).or_default().push((place, score));
        }
    }
    let slice = |(name, members): (String, Vec<(usize, f64)>)| {
        let ids = members.iter().map(|(place, _)| (tried.set.samples()[*place].id.as_str(), None));
        let values: Vec<f64> = members.iter().map(|(_, score)| *score).collect();
        Slice { name, score: mean_score(&values, &Resampling::new(ids)) }
    };
    members.into_iter().map(slice).collect()
}
