//! Budgets kept.

use serde::Serialize;

use super::ScorecardRow;
use crate::{Figure, Measured};

/// What was measured, and what it may be: both in the unit that the name carries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budgeted {
    /// Such as `latency_p99_us`, `pss_peak_bytes`, `energy_mj_per_inference`.
    pub name: String,
    /// The budget, over 0; none when the configuration has none.
    pub budget: Option<f64>,
    /// What was measured, over 0.
    pub measured: Measured,
}

/// How well budgets are kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Efficiency {
    /// Geometric mean of min(1, budget / measured) over what has both, 0 to 1.
    pub figure: Measured,
    /// Everything that was to be held against a budget, as it was given.
    pub budgets: Vec<Budgeted>,
    /// What the figure lacks, by name, with the reason: no budget, or not measured.
    pub lacks: Vec<String>,
}

impl Efficiency {
    /// Its row of the scorecard: what was measured beside it, and what it lacks.
    #[must_use]
    pub fn row(&self) -> ScorecardRow {
        let raw = self.budgets.iter().map(|budgeted| (budgeted.name.clone(), budgeted.measured.clone())).collect();
        ScorecardRow { raw, lacks: self.lacks.clone(), ..ScorecardRow::new("budgets_kept", self.figure.clone()) }
    }
}

/// The geometric mean of min(1, budget / measured), 0 to 1: 1 when every budget is kept, ½ when all are missed by double.
///
/// What has no budget, or wasn't measured, is left out and named in `lacks`; with nothing left the figure isn't measured. The interval is the
/// geometric mean of the shares at the measured figures' upper ends to that at their lower ends: it holds the truth whenever all of
/// theirs do, and its sample count is the smallest.
#[must_use]
pub fn efficiency(budgets: Vec<Budgeted>) -> Efficiency {
    let shares: Vec<Result<Figure, String>> = budgets.iter().map(share).collect();
    let lacks: Vec<String> = shares.iter().filter_map(|share| share.as_ref().err().cloned()).collect();
    let kept: Vec<&Figure> = shares.iter().filter_map(|share| share.as_ref().ok()).collect();
    let figure = match kept.iter().map(|share| share.n).min() {
        None if lacks.is_empty() => Measured::not_measured("there are no budgets"),
        None => Measured::not_measured(&lacks.join("; ")),
        Some(n) => {
            let mean = |pick: fn(&Figure) -> f64| geometric_mean(kept.iter().map(|share| pick(share)), kept.len());
            let value = mean(|share| share.value);
            Measured::Figure(Figure { value, low: mean(|share| share.low), high: mean(|share| share.high), n })
        }
    };
    Efficiency { figure, budgets, lacks }
}

/// min(1, budget / measured) with its ends, or why there is none.
fn share(of: &Budgeted) -> Result<Figure, String> {
    let name = &of.name;
    let budget = of.budget.ok_or_else(|| format!("{name} has no budget"))?;
    if !budget.is_finite() || budget <= 0.0 {
        return Err(format!("{name} has a budget of {budget}, which isn't over 0"));
    }
    let measured = match &of.measured {
        Measured::Figure(figure) if figure.value > 0.0 && figure.value.is_finite() => figure,
        Measured::Figure(figure) => return Err(format!("{name} is {}, which isn't over 0", figure.value)),
        Measured::NotMeasured { reason } => return Err(format!("{name}: {reason}")),
    };
    // An end at 0 or under keeps any budget.
    let kept = |measured: f64| if measured > budget { budget / measured } else { 1.0 };
    Ok(Figure { value: kept(measured.value), low: kept(measured.high), high: kept(measured.low), n: measured.n })
}

fn geometric_mean(shares: impl Iterator<Item = f64>, count: usize) -> f64 {
    libm::exp(shares.map(libm::log).sum::<f64>() / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgeted(name: &str, budget: Option<f64>, measured: Measured) -> Budgeted {
        Budgeted { name: name.to_owned(), budget, measured }
    }

    fn measured(value: f64, low: f64, high: f64) -> Measured {
        Measured::Figure(Figure { value, low, high, n: 64 })
    }

    #[test]
    fn a_budget_missed_by_four_times_halves_a_pair() {
        let efficiency = efficiency(vec![
            budgeted("latency_p99_us", Some(100.0), measured(400.0, 100.0, 400.0)),
            budgeted("pss_peak_bytes", Some(100.0), measured(50.0, 50.0, 400.0)),
        ]);
        let figure = *efficiency.figure.figure().unwrap();
        assert!((figure.value - 0.5).abs() < 1e-12 && (figure.low - 0.25).abs() < 1e-12 && figure.high == 1.0);
        assert!(efficiency.lacks.is_empty() && figure.n == 64);
    }

    #[test]
    fn what_is_missing_is_named() {
        let efficiency = efficiency(vec![
            budgeted("latency_p99_us", Some(100.0), measured(50.0, 40.0, 60.0)),
            budgeted("pss_peak_bytes", None, measured(50.0, 50.0, 50.0)),
            budgeted("energy_mj_per_inference", Some(1.0), Measured::not_measured("no sensor")),
        ]);
        assert_eq!(efficiency.figure.figure().unwrap().value, 1.0);
        let row = efficiency.row();
        assert_eq!((row.raw.len(), &row.lacks, &row.figure), (3, &efficiency.lacks, &efficiency.figure));
        assert_eq!(efficiency.lacks, ["pss_peak_bytes has no budget", "energy_mj_per_inference: no sensor"]);
    }

    #[test]
    fn nothing_left_is_not_measured() {
        let none = efficiency(vec![budgeted("latency_p99_us", None, measured(1.0, 1.0, 1.0))]);
        assert_eq!(none.figure, Measured::not_measured("latency_p99_us has no budget"));
        let zero = efficiency(vec![budgeted("energy_mj_per_inference", Some(1.0), measured(0.0, 0.0, 0.0))]);
        assert!(zero.figure.figure().is_none() && zero.lacks.len() == 1);
        assert!(efficiency(vec![budgeted("x", Some(0.0), measured(1.0, 1.0, 1.0))]).figure.figure().is_none());
        assert!(efficiency(vec![]).figure.figure().is_none());
    }
}
