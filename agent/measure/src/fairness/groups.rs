//! Whether groups of samples are served alike.

use serde::Serialize;

use crate::slice::{RANKED_SAMPLES, Slice, best, ranked, worst};
use crate::{Figure, Measured};

/// The worst and the best served group of one slice key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupGap {
    /// The ranked group with the lowest score, the first of equals; none when no group is ranked.
    pub worst: Option<Slice>,
    /// The ranked group with the highest score, the first of equals.
    pub best: Option<Slice>,
    /// The worst's score divided by the best's, 0 to 1.
    pub ratio: Measured,
    /// Groups with fewer than 30 samples, or no score: reported, not ranked.
    pub unranked: Vec<Slice>,
}

/// The gap between groups of one slice key, such as speakers, each with a score of 0 or more over its own samples.
///
/// The ratio's interval takes the ends: lowest worst / highest best to highest worst / lowest best, at most 1. It holds the true ratio of
/// these two groups whenever both intervals hold theirs. That they were picked as the extremes makes the gap look larger than it
/// is, the more so the more groups and the fewer samples. Not measured with fewer than two ranked groups, when the best scores
/// nothing, or the worst less than nothing.
#[must_use]
pub fn group_gap(groups: &[Slice]) -> GroupGap {
    let (worst, best) = (worst(groups), best(groups));
    let ratio = match (worst, best) {
        (Some((_, worst)), Some((_, best))) if ranked(groups).count() > 1 => ratio(worst, best),
        _ => Measured::not_measured(&format!("fewer than two groups have {RANKED_SAMPLES} samples")),
    };
    GroupGap {
        worst: worst.map(|(group, _)| group.clone()),
        best: best.map(|(group, _)| group.clone()),
        ratio,
        unranked: groups.iter().filter(|group| group.ranked().is_none()).cloned().collect(),
    }
}

fn ratio(worst: &Figure, best: &Figure) -> Measured {
    if best.value <= 0.0 || worst.value < 0.0 {
        return Measured::not_measured("the best group scores nothing, or the worst less than that");
    }
    let value = worst.value / best.value;
    let highest = if best.low > 0.0 { (worst.high / best.low).min(1.0) } else { 1.0 };
    Measured::Figure(Figure { value, low: (worst.low / best.high).max(0.0), high: highest, n: worst.n.min(best.n) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wilson;

    fn group(name: &str, right: u64, n: u64) -> Slice {
        Slice { name: name.to_owned(), score: wilson(right, n) }
    }

    #[test]
    fn small_groups_are_not_ranked() {
        let gap = group_gap(&[group("a", 40, 50), group("b", 20, 50), group("c", 0, 29), group("d", 45, 50)]);
        assert_eq!((gap.worst.unwrap().name, gap.best.unwrap().name), ("b".to_owned(), "d".to_owned()));
        assert_eq!((gap.unranked.len(), gap.unranked[0].name.as_str()), (1, "c"));
        let (ratio, worst, best) = (*gap.ratio.figure().unwrap(), wilson(20, 50), wilson(45, 50));
        let (worst, best) = (worst.figure().unwrap(), best.figure().unwrap());
        assert!((ratio.value - 20.0 / 45.0).abs() < 1e-12 && ratio.n == 50);
        assert_eq!((ratio.low, ratio.high), (worst.low / best.high, worst.high / best.low));
    }

    #[test]
    fn equal_groups_have_no_gap() {
        let gap = group_gap(&[group("a", 50, 50), group("b", 50, 50)]);
        let figure = *gap.ratio.figure().unwrap();
        assert!(figure.value == 1.0 && figure.high == 1.0 && figure.low < 1.0);
        assert_eq!(gap.worst.unwrap().name, "a");
    }

    #[test]
    fn one_group_has_no_gap_and_nothing_right_no_ratio() {
        let alone = group_gap(&[group("a", 50, 50), group("b", 5, 5)]);
        assert!(alone.ratio.figure().is_none() && alone.worst.is_some());
        let none = group_gap(&[]);
        assert!(none.ratio.figure().is_none() && none.worst.is_none());
        assert!(group_gap(&[group("a", 0, 50), group("b", 0, 50)]).ratio.figure().is_none());
    }
}
