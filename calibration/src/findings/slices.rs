//! How the groups of samples fare, and how much of what the set has was covered.

use std::collections::{BTreeMap, BTreeSet};

use edgeval_measure::{Diversity, GroupGap, Measured, RANKED_SAMPLES, Slice, diversity, evenness, group_gap, scaled};
use edgeval_models::Modality;
use serde::Serialize;

use super::Tried;
use crate::Sample;
use crate::resampling::{Drawn, Resampling, bootstrapped, mean_of_independent, widest};

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
        let names = keys(tried);
        let cells = cells(tried, &names);
        let keys: Vec<SliceKey> = names.into_iter().map(|key| of_key(tried, key)).collect();
        let ratio = |key: &SliceKey| key.gap.ratio.figure().map(|figure| figure.value);
        let ranked = keys.iter().filter_map(|key| Some((ratio(key)?, key)));
        let worst = ranked.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, key)| key);
        let none = || Measured::not_measured("no slice key has two groups with 30 samples");
        Self {
            worst_by_best: worst.map_or_else(none, |key| key.gap.ratio.clone()),
            worst_key: worst.map(|key| key.key.clone()),
            diversity: resampled(tried, &cells, diversity(&slices(tried, &cells))),
            keys,
        }
    }
}

/// The slice keys of the samples. One whose values are mostly of one sample alone, such as the time of a recording, groups
/// nothing and is left out.
fn keys<'a>(tried: &'a Tried<'_>) -> BTreeSet<&'a str> {
    let mut values: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (key, value) in tried.places.iter().flat_map(|place| &tried.set.samples()[*place].slices) {
        *values.entry(key).or_default().entry(value).or_default() += 1;
    }
    let groups = |values: &BTreeMap<&str, usize>| 2 * values.len() <= values.values().sum::<usize>();
    values.into_iter().filter(|(_, values)| groups(values)).map(|(key, _)| key).collect()
}

fn of_key(tried: &Tried<'_>, key: &str) -> SliceKey {
    let group = |sample: &Sample| sample.slices.get(key).cloned();
    let groups = groups(tried, |sample| group(sample).into_iter().collect());
    SliceKey { key: key.to_owned(), gap: group_gap(&slices(tried, &groups)) }
}

/// Cells of modalities and groups; of modalities alone where nothing is sliced. Cells are those that the set has: a combination that no sample of the
/// split has isn't one.
fn cells(tried: &Tried<'_>, keys: &BTreeSet<&str>) -> BTreeMap<String, Vec<usize>> {
    groups(tried, |sample| {
        let has = |modality: &&Modality| sample.has(**modality);
        let modalities: Vec<String> = tried.modalities.iter().filter(has).map(Modality::to_string).collect();
        let modalities = modalities.join("+");
        let of = |(key, value): (&String, &String)| format!("{modalities} · {key}={value}");
        let slices: Vec<String> = sample.slices.iter().filter(|(key, _)| keys.contains(key.as_str())).map(of).collect();
        if slices.is_empty() { vec![modalities] } else { slices }
    })
}

/// The members of groups, by name: places in the list of scores. A group of which no sample was scored, as time was up, has none.
fn groups(tried: &Tried<'_>, names: impl Fn(&Sample) -> Vec<String>) -> BTreeMap<String, Vec<usize>> {
    let names = |place: &usize| names(&tried.set.samples()[*place]);
    let mut members: BTreeMap<String, Vec<usize>> =
        tried.places.iter().flat_map(names).map(|name| (name, Vec::new())).collect();
    for (index, (place, _)) in tried.scores.iter().enumerate() {
        for name in names(place) {
            members.entry(name).or_default().push(index);
        }
    }
    members
}

/// The scores of groups. Within a group samples count as independent.
fn slices(tried: &Tried<'_>, groups: &BTreeMap<String, Vec<usize>>) -> Vec<Slice> {
    let slice = |(name, members): (&String, &Vec<usize>)| {
        let samples = members.iter().map(|&index| Drawn::from(&tried.set.samples()[tried.scores[index].0]));
        let values: Vec<f64> = members.iter().map(|&index| tried.scores[index].1).collect();
        Slice { name: name.clone(), score: mean_of_independent(&values, samples) }
    };
    groups.iter().map(slice).collect()
}

/// Diversity with evenness's interval from resamples of all samples, which is narrower than that of the cells' own ends, and counts each sample once.
fn resampled(tried: &Tried<'_>, cells: &BTreeMap<String, Vec<usize>>, diversity: Diversity) -> Diversity {
    if diversity.evenness.figure().is_none() {
        return diversity;
    }
    let covered: Vec<&Vec<usize>> = cells.values().filter(|members| members.len() as u64 >= RANKED_SAMPLES).collect();
    let of_resample = |indices: &[usize]| {
        let mut times = vec![0_u32; tried.scores.len()];
        indices.iter().for_each(|&index| times[index] += 1);
        // A cell that a resample left empty has no score.
        let score = |members: &&Vec<usize>| {
            let count: u32 = members.iter().map(|&member| times[member]).sum();
            let sum: f64 = members.iter().map(|&member| f64::from(times[member]) * tried.scores[member].1).sum();
            (count > 0).then(|| sum / f64::from(count))
        };
        evenness(&covered.iter().filter_map(score).collect::<Vec<_>>())
    };
    let samples = || tried.scores.iter().map(|(place, _)| Drawn::from(&tried.set.samples()[*place]));
    let of = |resampling: &Resampling| bootstrapped(tried.scores.len(), resampling, of_resample);
    let clustered = Resampling::new(samples());
    let evenness = match clustered.clusters {
        // A cell that is one cluster, such as a speaker, has the same score in every resample of clusters.
        Some(_) => widest(of(&clustered), &of(&Resampling::of_independent(samples()))),
        None => of(&clustered),
    };
    let coverage = diversity.covered as f64 / diversity.declared as f64;
    Diversity { figure: scaled(&evenness, coverage), evenness, ..diversity }
}
