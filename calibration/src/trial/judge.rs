//! How right a prediction is: what every change of a window is measured by.

use std::collections::BTreeMap;

use edgeval_measure::exact_match;
use edgeval_models::Prediction;

use crate::pairs::unit_pair;
use crate::{Answers, PairRow, Sample};

/// How far down the list what belongs may be found.
pub(crate) const RECALLED: usize = 5;

/// Holds predictions against samples, by the task of the model.
#[derive(Debug)]
pub(crate) enum Judge {
    /// 1 for the right class, else 0.
    Classes(Vec<String>),
    /// 1 for an answer that is one of its references, else 0.
    Texts,
    /// recall@5 among the split's own pairs: the mean of both directions.
    Pairs(Pool),
}

impl Judge {
    /// Of a split that was answered.
    pub fn of(answers: &Answers) -> Self {
        match answers {
            Answers::Classes(scored) => Self::Classes(scored.labels().to_vec()),
            Answers::Texts(_) => Self::Texts,
            Answers::Pairs(scored) => Self::Pairs(Pool::new(scored.rows())),
        }
    }

    /// Which score it is.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Classes(_) => "top1",
            Self::Texts => "exact_match",
            Self::Pairs(_) => "recall_at_5",
        }
    }

    /// 0 to 1; `None` for a sample that nothing can be held against. What isn't a number, or has no direction, is wrong.
    pub fn score(&self, sample: &Sample, prediction: &Prediction) -> Option<f64> {
        let of = |is: bool| if is { 1.0 } else { 0.0 };
        match self {
            Self::Classes(labels) => {
                let is_number = prediction.probabilities.iter().all(|probability| probability.is_finite());
                labels.get(prediction.class).map(|said| of(is_number && Some(said) == sample.label.as_ref()))
            }
            Self::Texts => {
                let said = prediction.generated.as_ref()?;
                exact_match(&said.text, &sample.references).ok().map(of)
            }
            Self::Pairs(pool) => match unit_pair(&prediction.embeddings) {
                Some(pair) => pool.recall(&sample.id, &pair),
                None => Some(0.0),
            },
        }
    }

    /// Whether something can be held against a sample at all.
    pub fn can_score(&self, sample: &Sample) -> bool {
        match self {
            Self::Classes(_) | Self::Pairs(_) => true,
            Self::Texts => exact_match("", &sample.references).is_ok(),
        }
    }
}

/// A split's embeddings as they are, among which a changed one is looked for.
#[derive(Debug)]
pub(crate) struct Pool {
    places: BTreeMap<String, usize>,
    first: Vec<Vec<f32>>,
    second: Vec<Vec<f32>>,
}

impl Pool {
    fn new(rows: &[PairRow]) -> Self {
        let places = rows.iter().enumerate().map(|(place, row)| (row.id.clone(), place)).collect();
        let side = |pick: fn(&PairRow) -> &Vec<f32>| rows.iter().map(|row| pick(row).clone()).collect();
        Self { places, first: side(|row| &row.first), second: side(|row| &row.second) }
    }

    /// The share of the two directions in which the pair finds itself among the first five, with its own place in the pool taken by it.
    fn recall(&self, id: &str, (first, second): &(Vec<f32>, Vec<f32>)) -> Option<f64> {
        let place = *self.places.get(id)?;
        let found = |from: &[f32], own: &[f32], others: &[Vec<f32>]| {
            let nearness = product(from, own);
            let nearer = |(other, vector): (usize, &Vec<f32>)| other != place && product(from, vector) >= nearness;
            others.iter().enumerate().filter(|pair| nearer(*pair)).count() < RECALLED
        };
        let both = [found(first, second, &self.second), found(second, first, &self.first)];
        Some(both.iter().filter(|found| **found).count() as f64 / 2.0)
    }
}

fn product(u: &[f32], v: &[f32]) -> f64 {
    u.iter().zip(v).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use edgeval_models::Modality;

    use super::*;
    use crate::ScoredPairs;

    /// Seven pairs on a circle; all but the asked one are in their places.
    fn recall_at(angle: f32) -> f64 {
        let at = |angle: f32| vec![angle.cos(), angle.sin()];
        let pair = |from: f32, to: f32| Prediction {
            embeddings: vec![(Modality::Image, at(from)), (Modality::Text, at(to))],
            ..Prediction::default()
        };
        let mut scored = ScoredPairs::new(vec![Modality::Image, Modality::Text]);
        let sample = |id: u8| Sample {
            id: id.to_string(),
            image: Some("x.png".to_owned()),
            text: Some("x".to_owned()),
            ..Sample::default()
        };
        for id in 0..7 {
            scored.push(&sample(id), &pair(f32::from(id) * 0.3, f32::from(id) * 0.3)).unwrap();
        }
        let judge = Judge::of(&Answers::Pairs(scored));
        judge.score(&sample(0), &pair(angle, 0.0)).unwrap()
    }

    #[test]
    fn a_pair_that_is_driven_apart_is_no_longer_found() {
        assert_eq!(recall_at(0.0), 1.0);
        assert_eq!(recall_at(0.3 * 2.0), 1.0, "four texts are nearer to the picture");
        assert_eq!(recall_at(0.3 * 6.0), 0.0);
    }

    #[test]
    fn ties_are_broken_against_us() {
        let judge = Judge::Pairs(Pool {
            places: [("a".to_owned(), 0)].into(),
            first: vec![vec![1.0, 0.0]; 6],
            second: vec![vec![1.0, 0.0]; 6],
        });
        let embeddings = vec![(Modality::Image, vec![1.0, 0.0]), (Modality::Text, vec![1.0, 0.0])];
        let sample = Sample { id: "a".to_owned(), ..Sample::default() };
        assert_eq!(judge.score(&sample, &Prediction { embeddings, ..Prediction::default() }), Some(0.0));
    }
}
