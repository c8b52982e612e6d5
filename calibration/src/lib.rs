//! Reference sets, and scoring a model against one.
//!
//! [`ReferenceSet::open`] reads a folder, [`check()`] tells whether it is fit for use, [`score`] asks a predictor about a
//! split and [`Scored`] sums it up.

mod accuracy;
mod check;
mod checksums;
pub mod corruption;
mod decode;
mod error;
mod sample;
mod score;
mod set;
mod square_attack;

pub use accuracy::{Accuracy, ClassFigures, Consistency, SliceFigures};
pub use check::{CheckReport, Finding, Severity, check};
pub use error::SetError;
pub use sample::Sample;
pub use score::{Row, Scored, score};
pub use set::ReferenceSet;
pub use square_attack::{Attacked, SquareAttack};
