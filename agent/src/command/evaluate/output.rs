//! The JSON of `edgeval evaluate`, and what its tables are made of.

use edgeval_calibration::{
    Accuracy, Answers, Consistency, Evaluated, Fairness, Findings, Generation, Interpretability, ReferenceSet,
    Retrieval, Robustness, SliceKey,
};
use edgeval_measure::{ByDimension, Diversity, Measured, Scorecard};
use edgeval_wire as wire;
use serde::Serialize;

use super::Args;
use super::efficiency::{EfficiencyFigures, Timed};
use super::scorecard;
use crate::measurement::ModelFacts;

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Output {
    schema: u32,
    pub model: ModelFacts,
    pub engine: &'static str,
    pub set: SetFacts,
    pub without: Option<String>,
    pub seed: u64,
    pub diversity: Diversity,
    pub consistency: ConsistencyFigures,
    pub accuracy: AccuracyFigures,
    pub efficiency: EfficiencyFigures,
    pub generation: Dimension<Generation>,
    pub interpretability: Dimension<Interpretability>,
    pub robustness: Dimension<Robustness>,
    pub fairness: Dimension<FairnessFigures>,
    pub scorecard: Scorecard,
    board: wire::BoardState,
    overhead: wire::AgentCost,
    pub validity: wire::Validity,
}

/// A dimension's figures, or why there are none.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Dimension<T> {
    Figures(Box<T>),
    Absent(Measured),
}

impl<T> Dimension<T> {
    fn new(figures: Result<T, &str>) -> Self {
        match figures {
            Ok(figures) => Self::Figures(Box::new(figures)),
            Err(reason) => Self::Absent(Measured::not_measured(reason)),
        }
    }

    /// The figures, where there are some.
    pub fn figures(&self) -> Option<&T> {
        match self {
            Self::Figures(figures) => Some(figures),
            Self::Absent(_) => None,
        }
    }
}

/// How often the model is right: each task has figures of its own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum AccuracyFigures {
    Classes(Box<Accuracy>),
    Pairs(Box<Retrieval>),
    Texts { exact_match: Measured },
    Absent(Measured),
}

/// Embeddings, and the modalities alone.
#[derive(Debug, Serialize)]
pub(super) struct ConsistencyFigures {
    #[serde(flatten)]
    pub embeddings: Consistency,
    /// How often the modalities alone pick the same answer.
    pub agreement: Measured,
    /// How far their probabilities are apart, in bits.
    pub divergence_bits: Measured,
}

/// Modalities and groups.
#[derive(Debug, Serialize)]
pub(super) struct FairnessFigures {
    #[serde(flatten)]
    pub fairness: Fairness,
    /// Each slice key with its worst and best group.
    pub groups: Vec<SliceKey>,
}

#[derive(Debug, Serialize)]
pub(super) struct SetFacts {
    pub name: String,
    pub version: String,
    pub sha256: String,
    pub split: String,
    /// Samples that were asked about as they are.
    pub samples: usize,
    /// Samples of the split.
    pub of_samples: usize,
    /// Samples that were tried.
    pub tried: usize,
    /// Samples that could have been tried.
    pub to_try: usize,
}

impl SetFacts {
    fn new(args: &Args, set: &ReferenceSet, evaluated: &Evaluated) -> Self {
        Self {
            name: set.name().to_owned(),
            version: set.version().to_owned(),
            sha256: set.identity().to_owned(),
            split: args.split.clone(),
            samples: evaluated.answers.count(),
            of_samples: evaluated.samples,
            tried: evaluated.trials.len(),
            to_try: evaluated.to_try,
        }
    }
}

impl Output {
    pub fn new(
        args: &Args,
        model: ModelFacts,
        set: &ReferenceSet,
        evaluated: &Evaluated,
        timed: Timed,
        weights: ByDimension<f64>,
    ) -> Self {
        let Findings { agreement, divergence_bits, robustness, fairness, interpretability, groups, .. } =
            evaluated.findings.clone();
        let (accuracy, generation) = answered(&evaluated.answers);
        let embeddings = evaluated.answers.consistency();
        let consistency = ConsistencyFigures { embeddings, agreement, divergence_bits };
        let efficiency = timed.figures(&args.budgets);
        let scores = scorecard::Scores {
            diversity: &groups.diversity,
            consistency: &consistency,
            accuracy: &accuracy,
            efficiency: &efficiency,
            generation: &generation,
            findings: &evaluated.findings,
        };
        let scorecard = Scorecard::new(scores.rows(), weights);
        let tried = !evaluated.trials.is_empty();
        let why = if args.quick {
            "--quick leaves it out"
        } else {
            "no sample was tried: there was no time, or none can be scored"
        };
        let given = |is: bool| if is { Ok(()) } else { Err(why) };
        Self {
            schema: 1,
            engine: model.engine.name(),
            model,
            set: SetFacts::new(args, set, evaluated),
            without: args.without.clone(),
            seed: args.seed,
            diversity: groups.diversity.clone(),
            consistency,
            accuracy,
            efficiency,
            generation,
            interpretability: Dimension::new(given(tried).map(|()| interpretability)),
            robustness: Dimension::new(given(tried).map(|()| robustness)),
            fairness: Dimension::new(given(tried).map(|()| FairnessFigures { fairness, groups: groups.keys })),
            scorecard,
            board: timed.observed.board,
            overhead: timed.observed.cost,
            validity: timed.observed.validity,
        }
    }
}

/// What the answers to samples as they are come to.
fn answered(answers: &Answers) -> (AccuracyFigures, Dimension<Generation>) {
    match answers {
        Answers::Classes(scored) => {
            let generation = Dimension::new(Err("the model classifies; it generates nothing"));
            (AccuracyFigures::Classes(Box::new(scored.accuracy())), generation)
        }
        Answers::Pairs(scored) => {
            let generation = Dimension::new(Err("the model finds; it generates nothing"));
            (AccuracyFigures::Pairs(Box::new(scored.retrieval())), generation)
        }
        Answers::Texts(scored) => {
            let generation = scored.generation();
            let accuracy = match &generation.exact_match {
                figure @ Measured::Figure(_) => AccuracyFigures::Texts { exact_match: figure.clone() },
                absent => AccuracyFigures::Absent(absent.clone()),
            };
            (accuracy, Dimension::new(Ok(generation)))
        }
    }
}
