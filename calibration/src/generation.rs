//! What the texts of a scored split come to.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::rc::Rc;

use edgeval_measure::{
    BleuStatistics, ChrfStatistics, ErrorCounts, Measured, RANKED_SAMPLES, ReferenceError, character_errors, cider_d,
    cider_d_comparable, exact_match, rouge_l, wilson, word_errors,
};
use serde::Serialize;

use crate::generated::{GeneratedRow, ScoredTexts};
use crate::resampling::{Drawn, RESAMPLES, Resampling, bootstrapped, widest};

/// How near a model's texts are to their references. A figure's `n` counts the samples that it is defined for: a sample without
/// references has none, and one whose references have nothing that a figure counts hasn't that one.
#[derive(Clone, Debug, Serialize)]
pub struct Generation {
    /// Where the intervals come from.
    pub interval: String,
    /// Samples that were answered.
    pub samples: u64,
    /// Those that have references.
    pub with_references: u64,
    /// Share of answers that are one of their references, but for case and white space at the ends, 0 to 1.
    pub exact_match: Measured,
    /// chrF2 of the corpus, 0 to 100.
    pub chrf2: Measured,
    /// BLEU-4 of the corpus, 0 to 100.
    pub bleu4: Measured,
    /// Mean ROUGE-L, 0 to 1.
    pub rouge_l: Measured,
    /// Word error rate of the corpus, from 0; above 1 when answers are longer than their references.
    pub wer: Measured,
    /// Character error rate of the corpus, from 0.
    pub cer: Measured,
    /// Mean CIDEr-D, 0 to 10, with the idf of all samples of the split.
    pub cider_d: Measured,
    /// Mean length of an answer in tokens, without the first and the end; of all samples.
    pub tokens: Measured,
    /// Mean of the answers' confidence, the geometric mean of their tokens' probabilities, 0 to 1; of all samples.
    pub confidence: Measured,
    /// Share of answers that came to their end and weren't cut at the longest that the model may say, 0 to 1; of all samples.
    pub complete: Measured,
    /// Each group of each slice key, and each cluster.
    pub slices: Vec<GenerationSlice>,
}

/// One group of samples.
#[derive(Clone, Debug, Serialize)]
pub struct GenerationSlice {
    /// What groups them, such as `ask` or `language`.
    pub key: String,
    /// Which group.
    pub value: String,
    /// Share of answers that are one of their references.
    pub exact_match: Measured,
    /// chrF2 of the group.
    pub chrf2: Measured,
    /// Whether it has the 30 samples with references that a ranking needs.
    pub ranked: bool,
}

impl ScoredTexts {
    /// How near the texts are to their references, with 95 % intervals: Wilson's for rates of independent samples, a bootstrap
    /// for the rest, over clusters where samples name theirs. A rate's is never narrower than Wilson's. One sample alone has no interval,
    /// so no figure but rates.
    #[must_use]
    pub fn generation(&self) -> Generation {
        let statistics = statistics(self.rows());
        let all = Group::new(self.rows(), &statistics, (0..self.rows().len()).collect());
        let referenced = all.with_references(all.places.iter().copied());
        Generation {
            interval: if referenced.is_empty() { all.interval() } else { referenced.interval() },
            samples: all.len(),
            with_references: referenced.len(),
            exact_match: referenced.rate(|it| it.exact_match.clone()),
            chrf2: referenced.chrf2(),
            bleu4: referenced.of_sum(
                |it| it.bleu.clone(),
                BleuStatistics::score,
                "no answer and no reference is 4 tokens long",
            ),
            rouge_l: referenced.mean(|it| it.rouge_l.clone()),
            wer: referenced.of_sum(|it| it.words.clone(), ErrorCounts::rate, EMPTY),
            cer: referenced.of_sum(|it| it.characters.clone(), ErrorCounts::rate, EMPTY),
            cider_d: referenced.mean(|it| it.cider_d.clone()),
            tokens: all.mean(|it| Ok(it.tokens)),
            confidence: all.mean(|it| Ok(it.confidence)),
            complete: all.rate(|it| Ok(it.is_complete)),
            slices: all.slices(),
        }
    }
}

/// Why samples have no error rate although they have references.
const EMPTY: &str = "all references are empty";

/// A value of a sample, or why it has none.
type OfSample<T> = Result<T, String>;

/// What a row's figures are made of.
#[derive(Clone, Debug)]
struct Statistics {
    exact_match: OfSample<bool>,
    chrf: OfSample<ChrfStatistics>,
    bleu: OfSample<BleuStatistics>,
    rouge_l: OfSample<f64>,
    words: OfSample<ErrorCounts>,
    characters: OfSample<ErrorCounts>,
    cider_d: OfSample<f64>,
    tokens: f64,
    confidence: f64,
    is_complete: bool,
}

fn statistics(rows: &[GeneratedRow]) -> Vec<Statistics> {
    let of_row = |(row, cider_d): (&GeneratedRow, OfSample<f64>)| {
        let (text, references) = (row.generated.text.as_str(), row.references.as_slice());
        Statistics {
            exact_match: exact_match(text, references).map_err(in_words),
            chrf: ChrfStatistics::new(text, references).map_err(in_words),
            bleu: BleuStatistics::new(text, references).map_err(in_words),
            rouge_l: rouge_l(text, references).map_err(in_words),
            words: word_errors(text, references).map_err(in_words),
            characters: character_errors(text, references).map_err(in_words),
            cider_d,
            tokens: row.generated.tokens.len() as f64,
            confidence: f64::from(row.confidence),
            is_complete: row.generated.complete,
        }
    };
    rows.iter().zip(cider_of(rows)).map(of_row).collect()
}

fn in_words(reason: ReferenceError) -> String {
    reason.to_string()
}

/// CIDEr-D of each row. What can't be compared is left out of the set whose n-grams are weighed.
fn cider_of(rows: &[GeneratedRow]) -> Vec<OfSample<f64>> {
    let fit: Vec<Result<(), String>> =
        rows.iter().map(|row| cider_d_comparable(&row.references).map_err(in_words)).collect();
    let comparable = || rows.iter().zip(&fit).filter(|(_, fit)| fit.is_ok()).map(|(row, _)| row);
    let texts: Vec<&str> = comparable().map(|row| row.generated.text.as_str()).collect();
    let references: Vec<&[String]> = comparable().map(|row| row.references.as_slice()).collect();
    let (scores, reason) = match cider_d::<String>(&texts, &references) {
        Ok(scores) => (scores, String::new()),
        Err(reason) => (Vec::new(), reason.to_string()),
    };
    let mut scores = scores.into_iter();
    fit.into_iter().map(|fit| fit.and_then(|()| scores.next().ok_or_else(|| reason.clone()))).collect()
}

/// Some of the rows, with their resamples.
struct Group<'a> {
    rows: &'a [GeneratedRow],
    statistics: &'a [Statistics],
    places: Vec<usize>,
    resampling: Rc<Resampling>,
}

impl<'a> Group<'a> {
    fn new(rows: &'a [GeneratedRow], statistics: &'a [Statistics], places: Vec<usize>) -> Self {
        let resampling = Rc::new(resampling(rows, &places));
        Self { rows, statistics, places, resampling }
    }

    /// Those of some of its rows that have references.
    fn with_references(&self, places: impl IntoIterator<Item = usize>) -> Self {
        let has_references = |place: &usize| self.rows.get(*place).is_some_and(|row| !row.references.is_empty());
        self.part(places.into_iter().filter(has_references).collect())
    }

    /// Some of its rows; if they are all, they are resampled as it is.
    fn part(&self, places: Vec<usize>) -> Self {
        if places.len() != self.places.len() {
            return Self::new(self.rows, self.statistics, places);
        }
        let resampling = Rc::clone(&self.resampling);
        Self { rows: self.rows, statistics: self.statistics, places, resampling }
    }

    const fn len(&self) -> u64 {
        self.places.len() as u64
    }

    const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn interval(&self) -> String {
        let drawn = self.resampling.drawn();
        match self.resampling.clusters {
            Some(_) => {
                format!("95 %, bootstrap over {drawn}, {RESAMPLES} resamples; of rates never narrower than Wilson's")
            }
            None if self.resampling.is_one_cluster => format!(
                "95 %, of this one cluster alone: Wilson for rates, bootstrap over {drawn} otherwise, {RESAMPLES} resamples"
            ),
            None => format!("95 %, Wilson for rates, bootstrap over {drawn} otherwise, {RESAMPLES} resamples"),
        }
    }

    /// The values of the rows that have one, and their resamples.
    ///
    /// # Errors
    /// When none has: with the first one's reason.
    fn values<T>(&self, pick: impl Fn(&Statistics) -> OfSample<T>) -> Result<(Vec<T>, Rc<Resampling>), Measured> {
        let (mut places, mut values, mut absent) = (Vec::new(), Vec::new(), None);
        for &place in &self.places {
            match self.statistics.get(place).map(&pick) {
                Some(Ok(value)) => {
                    places.push(place);
                    values.push(value);
                }
                Some(Err(reason)) => absent = absent.or(Some(reason)),
                None => {}
            }
        }
        if values.is_empty() {
            let reason = absent.unwrap_or_else(|| "no sample has references".to_owned());
            return Err(Measured::NotMeasured { reason });
        }
        Ok((values, self.part(places).resampling))
    }

    /// A score of the sum of statistics; `undefined` says why there may be none.
    fn of_sum<T: Copy + Sum + Sync>(
        &self,
        pick: impl Fn(&Statistics) -> OfSample<T>,
        score: fn(&T) -> Option<f64>,
        undefined: &str,
    ) -> Measured {
        let (values, resampling) = match self.values(pick) {
            Ok(found) => found,
            Err(absent) => return absent,
        };
        if score(&values.iter().copied().sum()).is_none() {
            return Measured::not_measured(undefined);
        }
        let drawn = |indices: &[usize]| indices.iter().filter_map(|&index| values.get(index).copied()).sum::<T>();
        bootstrapped(values.len(), &resampling, |indices| score(&drawn(indices)))
    }

    fn mean(&self, pick: impl Fn(&Statistics) -> OfSample<f64>) -> Measured {
        match self.values(pick) {
            Ok((values, resampling)) => mean(&values, &resampling),
            Err(absent) => absent,
        }
    }

    /// A share of the samples.
    fn rate(&self, pick: impl Fn(&Statistics) -> OfSample<bool>) -> Measured {
        let number = |it: &Statistics| pick(it).map(|is| if is { 1.0 } else { 0.0 });
        let (values, resampling) = match self.values(number) {
            Ok(found) => found,
            Err(absent) => return absent,
        };
        let independent = wilson(values.iter().filter(|value| **value > 0.0).count() as u64, values.len() as u64);
        if resampling.clusters.is_none() { independent } else { widest(mean(&values, &resampling), &independent) }
    }

    fn chrf2(&self) -> Measured {
        self.of_sum(|it| it.chrf.clone(), ChrfStatistics::score, EMPTY)
    }

    fn slices(&self) -> Vec<GenerationSlice> {
        let mut groups: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (place, row) in self.rows.iter().enumerate() {
            let cluster = row.cluster.as_deref().filter(|_| !row.slices.contains_key("cluster"));
            let slices = row.slices.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            for group in slices.chain(cluster.map(|cluster| ("cluster", cluster))) {
                groups.entry(group).or_default().push(place);
            }
        }
        let figures = |((key, value), places): ((&str, &str), Vec<usize>)| {
            let group = self.with_references(places);
            GenerationSlice {
                key: key.to_owned(),
                value: value.to_owned(),
                exact_match: group.rate(|it| it.exact_match.clone()),
                chrf2: group.chrf2(),
                ranked: group.len() >= RANKED_SAMPLES,
            }
        };
        groups.into_iter().map(figures).collect()
    }
}

fn resampling(rows: &[GeneratedRow], places: &[usize]) -> Resampling {
    let rows = places.iter().filter_map(|&place| rows.get(place));
    Resampling::new(rows.map(Drawn::from))
}

fn mean(values: &[f64], resampling: &Resampling) -> Measured {
    bootstrapped(values.len(), resampling, |indices| {
        let sum: f64 = indices.iter().filter_map(|&index| values.get(index)).sum();
        (!indices.is_empty()).then(|| sum / indices.len() as f64)
    })
}
