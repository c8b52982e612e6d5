//! Curves of a score against how far something was disturbed.

/// Area under the straight lines between points (x, y), the trapezoid rule; in the unit of x times that of y. As scikit-learn's
/// `auc`.
///
/// Points come in any order. `None` with fewer than two, two at one x, or a value that isn't finite.
#[must_use]
pub fn area_under_curve(points: &[(f64, f64)]) -> Option<f64> {
    let sorted = in_order(points).filter(|sorted| sorted.len() > 1)?;
    let strips = sorted.iter().zip(sorted.iter().skip(1));
    Some(strips.map(|((left, low), (right, high))| (right - left) * (low + high) / 2.0).sum())
}

/// Rounding in a product that is exactly what is kept of a score.
pub const ROUNDING: f64 = 1e-12;

/// Points by rising x; `None` without points, with two at one x, or a value that isn't finite.
pub fn in_order(points: &[(f64, f64)]) -> Option<Vec<(f64, f64)>> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let finite = sorted.iter().all(|(x, y)| x.is_finite() && y.is_finite());
    let apart = sorted.iter().zip(sorted.iter().skip(1)).all(|(left, right)| left.0 < right.0);
    (finite && apart && !sorted.is_empty()).then_some(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_triangle_and_a_box() {
        assert_eq!(area_under_curve(&[(2.0, 0.0), (0.0, 0.0), (1.0, 1.0)]), Some(1.0));
        assert_eq!(area_under_curve(&[(-1.0, 0.5), (3.0, 0.5)]), Some(2.0));
    }

    #[test]
    fn what_isn_t_a_curve_has_no_area() {
        for points in [vec![], vec![(0.0, 1.0)], vec![(0.0, 1.0), (0.0, 2.0)], vec![(0.0, f64::NAN), (1.0, 1.0)]] {
            assert_eq!(area_under_curve(&points), None, "{points:?}");
        }
    }
}
