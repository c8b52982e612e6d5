//! One figure of both sides, and what its difference says.

use edgeval_measure::{Figure, Measured};
use serde::Serialize;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
    /// The same of what depends on the board and on what else runs: shown, not judged.
    MoreOfTheBoard,
    LessOfTheBoard,
}

/// What a difference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// Better over all of the interval.
    Better,
    /// Worse over all of the interval by more than the tolerance.
    Regression,
    /// Worse over all of the interval, but not by more than the tolerance.
    Worse,
    /// It depends on the board and on what else runs.
    NotJudged,
    /// The interval holds 0.
    NoDifferenceShown,
    /// One of the two wasn't measured.
    NotComparable,
}

impl Verdict {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Regression => "REGRESSION",
            Self::Worse => "worse",
            Self::NotJudged => "not judged",
            Self::NoDifferenceShown => "no difference shown",
            Self::NotComparable => "can't be compared",
        }
    }

    fn of(difference: &Measured, better: Better, tolerance: f64) -> Self {
        let Measured::Figure(Figure { low, high, .. }) = *difference else { return Self::NotComparable };
        // From here on more is better.
        let (low, high) = match better {
            Better::More => (low, high),
            Better::Less => (-high, -low),
            Better::MoreOfTheBoard | Better::LessOfTheBoard => return Self::NotJudged,
        };
        match (low, high) {
            (_, high) if high < -tolerance => Self::Regression,
            (_, high) if high < 0.0 => Self::Worse,
            (low, _) if low > 0.0 => Self::Better,
            _ => Self::NoDifferenceShown,
        }
    }
}

/// One figure of both sides.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line {
    pub name: String,
    pub first: Measured,
    pub second: Measured,
    /// The second's less the first's.
    pub difference: Measured,
    pub more_is_better: bool,
    pub verdict: Verdict,
}

impl Line {
    pub fn new(name: &str, (first, second): (Measured, Measured), difference: Measured, how: (Better, f64)) -> Self {
        let (better, tolerance) = how;
        let verdict = Verdict::of(&difference, better, tolerance);
        let more_is_better = matches!(better, Better::More | Better::MoreOfTheBoard);
        Self { name: name.to_owned(), first, second, difference, more_is_better, verdict }
    }
}

/// Whether any is a regression.
pub(super) fn any_regression(lines: &[Line]) -> bool {
    lines.iter().any(|line| line.verdict == Verdict::Regression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regression_lies_wholly_beyond_the_tolerance() {
        let verdict = |low: f64, high: f64, better, tolerance| {
            Verdict::of(
                &Measured::Figure(Figure { value: f64::midpoint(low, high), low, high, n: 9 }),
                better,
                tolerance,
            )
        };
        assert_eq!(verdict(-0.3, -0.1, Better::More, 0.0), Verdict::Regression);
        assert_eq!(verdict(-0.3, -0.1, Better::More, 0.1), Verdict::Worse);
        assert_eq!(verdict(-0.3, 0.0, Better::More, 0.0), Verdict::NoDifferenceShown);
        assert_eq!(verdict(0.1, 0.3, Better::More, 0.0), Verdict::Better);
        assert_eq!(verdict(0.1, 0.3, Better::Less, 0.0), Verdict::Regression);
        assert_eq!(verdict(0.1, 0.3, Better::LessOfTheBoard, 0.0), Verdict::NotJudged);
        assert_eq!(Verdict::of(&Measured::not_measured("x"), Better::More, 0.0), Verdict::NotComparable);
    }
}
