//! Reference sets, and evaluating a model with one.
//!
//! [`ReferenceSet::open`] reads a folder, [`check()`] tells whether it is fit for use, and [`Evaluation::run`] asks a model about a split:
//! [`Answers`] sums up what it says of samples as they are, [`Findings`] what is left when they are changed.

mod accuracy;
mod answers;
mod check;
mod checksums;
mod comparison;
mod consistency;
pub mod corruption;
mod decode;
mod error;
mod evaluation;
mod findings;
mod generated;
mod generation;
mod journal;
mod order;
mod pairs;
mod reference_errors;
mod resampling;
mod retrieval;
mod sample;
mod score;
mod set;
mod square_attack;
mod trial;
mod workers;

pub use accuracy::{Accuracy, ClassFigures, SliceFigures};
pub use answers::Answers;
pub use check::{CheckReport, Finding, Severity, check};
pub use comparison::{Comparison, ComparisonError, Disagreements, PairedFigure};
pub use consistency::Consistency;
pub use error::SetError;
pub use evaluation::{Evaluated, Evaluation, Observer, Stage};
pub use findings::{
    Attack, AttackFigures, Contribution, CorruptionScores, Fairness, Findings, Groups, Interpretability, Missing,
    ModalityMap, Noise, PrecisionFigures, Robustness, Skew, SliceKey,
};
pub use generated::{GeneratedRow, ScoredTexts};
pub use generation::{Generation, GenerationSlice};
pub use journal::{Journal, Kept};
pub use pairs::{PairRow, ScoredPairs};
pub use reference_errors::ReferenceErrors;
pub use retrieval::Retrieval;
pub use sample::{PixelBox, Sample};
pub use score::{Row, Scored};
pub use set::ReferenceSet;
pub use square_attack::{Asked, Attacked, SoundAttack, SquareAttack};
pub use trial::{Agreement, AttackEnd, Explanation, PrecisionGap, Replaced, Trial, TrialOptions, Worker};
