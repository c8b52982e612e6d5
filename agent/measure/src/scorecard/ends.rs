//! Figures made of figures. Their intervals take the ends of their parts'.

use crate::{Figure, Measured};

/// The plain mean of parts, each with its name; not measured unless all are, and then it names those that aren't.
///
/// The interval is the mean of the lower ends to the mean of the upper ends: it holds the true mean whenever every part's interval holds
/// its own. For estimates that are near normal that is in 95 % of cases or more, however they depend on each other (a deviation of a sum
/// is at most the sum of deviations); in general in at least 100 % − 5 % a part. The sample count is the smallest.
#[must_use]
pub fn mean_of(parts: &[(&str, &Measured)]) -> Measured {
    let absent = parts.iter().filter_map(|(name, part)| match part {
        Measured::Figure(_) => None,
        Measured::NotMeasured { reason } => Some(format!("{name}: {reason}")),
    });
    let absent: Vec<String> = absent.collect();
    if !absent.is_empty() {
        return Measured::not_measured(&absent.join("; "));
    }
    let figures: Vec<(f64, &Figure)> = parts.iter().filter_map(|(_, part)| Some((1.0, part.figure()?))).collect();
    weighted_mean(&figures).unwrap_or_else(|| Measured::not_measured("it has no parts"))
}

/// The weighted mean of values, lower ends and upper ends; `None` without parts, or unless weights are finite, 0 or more and
/// not all 0.
pub fn weighted_mean(parts: &[(f64, &Figure)]) -> Option<Measured> {
    let sum: f64 = parts.iter().map(|(weight, _)| *weight).sum();
    let fits = sum > 0.0 && sum.is_finite() && parts.iter().all(|(weight, _)| *weight >= 0.0);
    let mean = |pick: fn(&Figure) -> f64| parts.iter().map(|(weight, part)| weight * pick(part)).sum::<f64>() / sum;
    let n = parts.iter().map(|(_, part)| part.n).min()?;
    // Rounding may leave a mean a last bit outside what its parts lie in.
    let within = |value: f64, pick: fn(&Figure) -> f64| {
        let (lowest, highest) = parts.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, part)| {
            (low.min(pick(part)), high.max(pick(part)))
        });
        value.max(lowest).min(highest)
    };
    let of = |pick: fn(&Figure) -> f64| within(mean(pick), pick);
    let value = of(|part| part.value);
    let figure = Figure { value, low: of(|part| part.low).min(value), high: of(|part| part.high).max(value), n };
    fits.then_some(Measured::Figure(figure))
}

/// The figure and its interval times a factor over 0, such as chrF2 / 100.
#[must_use]
pub fn scaled(measured: &Measured, factor: f64) -> Measured {
    mapped(measured, |value| value * factor)
}

/// 1 less the figure: the interval's ends change places.
#[must_use]
pub fn less_from_one(measured: &Measured) -> Measured {
    measured.clone().map(|Figure { value, low, high, n }| Figure {
        value: 1.0 - value,
        low: 1.0 - high,
        high: 1.0 - low,
        n,
    })
}

/// The first of named figures that was measured, with its name; with none, the last name and all the reasons. `None` without any.
///
/// Consistency is `first_measured(&[("auc", &auc), ("agreement", &agreement)])`.
#[must_use]
pub fn first_measured<'a>(figures: &[(&'a str, &Measured)]) -> Option<(&'a str, Measured)> {
    let found = figures.iter().find(|(_, measured)| measured.figure().is_some());
    let (name, measured) = found.or_else(|| figures.last())?;
    Some((name, if found.is_some() { (*measured).clone() } else { mean_of(figures) }))
}

/// The scorecard's robustness, 0 to 1: the mean of the share of the clean score kept over all corruptions and of robust / clean accuracy
/// under attack, each with its interval and at most 1. Not measured unless both are. Interval as [`mean_of`].
#[must_use]
pub fn robustness_figure(share_kept: &Measured, robust_by_clean: &Measured) -> Measured {
    let (kept, robust) = (within_0_and_1(share_kept), within_0_and_1(robust_by_clean));
    mean_of(&[
        ("share of the clean score kept under corruption", &kept),
        ("robust / clean accuracy under attack", &robust),
    ])
}

/// The scorecard's fairness, 0 to 1: the mean of 1 − imbalance of the modalities and of the worst slice's score / the best's. Not
/// measured unless both are. Interval as [`mean_of`].
#[must_use]
pub fn fairness_figure(imbalance: &Measured, worst_by_best: &Measured) -> Measured {
    let (balance, groups) = (within_0_and_1(&less_from_one(imbalance)), within_0_and_1(worst_by_best));
    mean_of(&[("balance of the modalities", &balance), ("worst slice / best slice", &groups)])
}

/// The figure held within 0 to 1, its interval too.
#[must_use]
pub fn within_0_and_1(measured: &Measured) -> Measured {
    mapped(measured, |value| value.clamp(0.0, 1.0))
}

fn mapped(measured: &Measured, rising: impl Fn(f64) -> f64) -> Measured {
    measured.clone().map(|Figure { value, low, high, n }| Figure {
        value: rising(value),
        low: rising(low),
        high: rising(high),
        n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(value: f64, low: f64, high: f64, n: u64) -> Measured {
        Measured::Figure(Figure { value, low, high, n })
    }

    #[test]
    fn ends_are_averaged() {
        let (kept, robust) = (measured(1.25, 0.75, 1.5, 100), measured(0.5, 0.25, 0.75, 40));
        assert_eq!(robustness_figure(&kept, &robust), measured(0.75, 0.5, 0.875, 40));
        let (imbalance, ratio) = (measured(0.25, 0.0, 0.5, 80), measured(0.5, 0.25, 1.0, 30));
        assert_eq!(fairness_figure(&imbalance, &ratio), measured(0.625, 0.375, 1.0, 30));
    }

    #[test]
    fn equal_parts_give_their_value_to_the_bit() {
        let part = measured(0.1, 0.1, 0.1, 3);
        assert_eq!(mean_of(&[("a", &part), ("b", &part), ("c", &part)]), part);
    }

    #[test]
    fn a_missing_part_is_named() {
        let (part, absent) = (measured(0.5, 0.4, 0.6, 9), Measured::not_measured("no budget"));
        let reason = Measured::not_measured("robust / clean accuracy under attack: no budget");
        assert_eq!(robustness_figure(&part, &absent), reason);
        assert!(mean_of(&[]).figure().is_none());
    }

    #[test]
    fn the_first_that_was_measured_is_taken() {
        let (part, absent) = (measured(0.5, 0.4, 0.6, 9), Measured::not_measured("no embeddings"));
        assert_eq!(first_measured(&[("auc", &absent), ("agreement", &part)]), Some(("agreement", part.clone())));
        assert_eq!(first_measured(&[("auc", &part), ("agreement", &absent)]), Some(("auc", part)));
        let (name, none) = first_measured(&[("auc", &absent), ("agreement", &absent)]).unwrap();
        assert_eq!(none, Measured::not_measured("auc: no embeddings; agreement: no embeddings"));
        assert_eq!((name, first_measured(&[])), ("agreement", None));
    }

    #[test]
    fn a_percentage_becomes_a_share() {
        assert_eq!(scaled(&measured(50.0, 25.0, 75.0, 9), 0.01), measured(0.5, 0.25, 0.75, 9));
    }
}
