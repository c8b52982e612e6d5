//! Groups of samples, each with its score.

use serde::Serialize;

use crate::{Figure, Measured};

/// A slice with fewer samples is reported, not ranked.
pub const RANKED_SAMPLES: u64 = 30;

/// A named group of samples, such as a speaker or a cell of modalities and slices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    /// Which.
    pub name: String,
    /// Its score, over as many samples as it says.
    pub score: Measured,
}

impl Slice {
    /// Its score, where it was measured over the 30 samples that a ranking needs.
    #[must_use]
    pub fn ranked(&self) -> Option<&Figure> {
        self.score.figure().filter(|figure| figure.n >= RANKED_SAMPLES)
    }
}

/// A slice that is ranked, with its score.
pub type Ranked<'a> = (&'a Slice, &'a Figure);

/// Slices that are ranked.
pub fn ranked(slices: &[Slice]) -> impl Iterator<Item = Ranked<'_>> {
    slices.iter().filter_map(|slice| Some((slice, slice.ranked()?)))
}

/// The lowest score among slices that are ranked, the first of equals; `None` when none is.
pub fn worst(slices: &[Slice]) -> Option<Ranked<'_>> {
    ranked(slices).reduce(|worst, next| if next.1.value < worst.1.value { next } else { worst })
}

/// The highest score among slices that are ranked, the first of equals; `None` when none is.
pub fn best(slices: &[Slice]) -> Option<Ranked<'_>> {
    ranked(slices).reduce(|best, next| if next.1.value > best.1.value { next } else { best })
}
