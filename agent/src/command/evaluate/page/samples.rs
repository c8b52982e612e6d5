//! Which samples the model did worst on, and what it said.

use std::collections::BTreeMap;

use edgeval_calibration::{Answers, Evaluated, Explanation, PairRow, ReferenceSet, Row, Sample, ScoredPairs, Trial};
use edgeval_models::Modality;

/// Samples that are shown.
pub(in super::super) const SHOWN: usize = 12;

/// One sample that is shown.
pub(super) struct Case<'a> {
    pub sample: &'a Sample,
    /// As it is, 0 to 1.
    pub score: f64,
    pub said: Said<'a>,
    /// What was found out about it, where it was tried.
    pub trial: Option<&'a Trial>,
    /// What its answer hangs on, where that was looked for.
    pub explained: Option<&'a BTreeMap<Modality, Explanation>>,
}

/// What the model said of it.
#[derive(Clone, Copy)]
pub(super) enum Said<'a> {
    Class {
        truth: &'a str,
        said: &'a str,
        confidence: f32,
    },
    Text {
        references: &'a [String],
        said: &'a str,
        confidence: f32,
    },
    /// A pair finds itself or doesn't: the score says it. What is found instead is looked up where it is shown.
    Pair(&'a ScoredPairs, &'a PairRow),
}

impl Said<'_> {
    pub const fn confidence(&self) -> f32 {
        match self {
            Self::Class { confidence, .. } | Self::Text { confidence, .. } => *confidence,
            Self::Pair(..) => 0.0,
        }
    }
}

impl Case<'_> {
    /// The mean score under corruption.
    pub fn kept(&self) -> Option<f64> {
        let scores: Vec<f64> = self.trial?.corrupted.values().flatten().copied().collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// Lower is worse: first what is wrong, of that what can be explained, the surest first; then what corruptions harm most, then what is unsure.
    fn rank(&self) -> [f64; 4] {
        let sureness = f64::from(self.said.confidence());
        let explained = if self.explained.is_some() { 0.0 } else { 1.0 };
        let kept = self.kept().unwrap_or(1.0);
        if self.score < 1.0 {
            [self.score, explained, -sureness, kept]
        } else {
            [self.score, explained, kept, sureness]
        }
    }
}

/// The worst samples, the worst first.
pub(super) fn worst<'a>(evaluated: &'a Evaluated, set: &'a ReferenceSet) -> Vec<Case<'a>> {
    let trials: BTreeMap<usize, &Trial> = evaluated.trials.iter().map(|trial| (trial.place, trial)).collect();
    let said = said(&evaluated.answers);
    let case = |&(place, score): &(usize, f64)| {
        let sample = &set.samples()[place];
        let said = *said.get(sample.id.as_str())?;
        let trial = trials.get(&place).copied();
        let examined = trial.map(|trial| &trial.explained).filter(|explained| !explained.is_empty());
        let explained = examined.or_else(|| evaluated.wrong_explained.get(&place));
        Some(Case { sample, score, said, trial, explained })
    };
    let mut cases: Vec<Case<'_>> = evaluated.scores.iter().filter_map(case).collect();
    cases.sort_by(|a, b| {
        a.rank().iter().zip(b.rank()).fold(std::cmp::Ordering::Equal, |o, (x, y)| o.then(x.total_cmp(&y)))
    });
    cases.truncate(SHOWN);
    cases
}

/// What the model said, by the sample's id.
fn said(answers: &Answers) -> BTreeMap<&str, Said<'_>> {
    match answers {
        Answers::Classes(scored) => {
            let label = |class: usize| scored.labels().get(class).map_or("", String::as_str);
            let of = |row: &'_ Row| (row.truth, row.prediction.class, row.prediction.confidence);
            let rows = scored.rows().iter();
            rows.map(|row| (row.id.as_str(), of(row)))
                .map(|(id, (truth, said, confidence))| {
                    (id, Said::Class { truth: label(truth), said: label(said), confidence })
                })
                .collect()
        }
        Answers::Texts(scored) => {
            let rows = scored.rows().iter();
            rows.map(|row| {
                let (references, said) = (row.references.as_slice(), row.generated.text.as_str());
                (row.id.as_str(), Said::Text { references, said, confidence: row.confidence })
            })
            .collect()
        }
        Answers::Pairs(scored) => scored.rows().iter().map(|row| (row.id.as_str(), Said::Pair(scored, row))).collect(),
    }
}
