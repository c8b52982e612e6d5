//! Reference sets, and scoring a model against one.
//!
//! [`ReferenceSet::open`] reads a folder, [`check()`] tells whether it is fit for use, [`score`] asks a classifier about a
//! split and [`Scored`] sums it up; [`score_texts`] and [`ScoredTexts`] do the same with a model that generates.

mod accuracy;
mod check;
mod checksums;
pub mod corruption;
mod decode;
mod error;
mod generated;
mod generation;
mod resampling;
mod sample;
mod score;
mod set;
mod square_attack;

pub use accuracy::{Accuracy, ClassFigures, Consistency, SliceFigures};
pub use check::{CheckReport, Finding, Severity, check};
pub use error::SetError;
pub use generated::{GeneratedRow, ScoredTexts, score_texts};
pub use generation::{Generation, GenerationSlice};
pub use sample::Sample;
pub use score::{Row, Scored, score};
pub use set::ReferenceSet;
pub use square_attack::{Attacked, SquareAttack};
