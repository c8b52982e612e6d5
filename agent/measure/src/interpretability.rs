//! Whether a map of what mattered tells the truth, and points where the answer is.

use serde::{Deserialize, Serialize};

use crate::curve::area_under_curve;
use crate::vectors::mean;

/// A box in the picture (or in time and frequency), in shares of its width and height from the upper left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Left edge, 0 to 1.
    pub left: f64,
    /// Upper edge, 0 to 1.
    pub top: f64,
    /// Right edge, 0 to 1.
    pub right: f64,
    /// Lower edge, 0 to 1.
    pub bottom: f64,
}

/// Cells of a map from the one that matters most to the least, by index; of equal ones the lower index is first.
///
/// `None` for an empty map, or a value that isn't finite.
#[must_use]
pub fn map_order(map: &[f64]) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..map.len()).collect();
    // −0 is 0, which a total order tells apart.
    let key = |cell: &usize| map.get(*cell).map_or(0.0, |value| value + 0.0);
    order.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.cmp(b)));
    (!map.is_empty() && map.iter().all(|value| value.is_finite())).then_some(order)
}

/// Area under the class's probability against the share removed (deletion: less is better) or restored (insertion: more is better), by
/// trapezoids, 0 to 1 (RISE, Petsiuk et al. 2018).
///
/// Points `(share, probability)` in any order. `None` unless shares run from 0 to 1, one point each, and all values are finite.
#[must_use]
pub fn area_over_share(points: &[(f64, f64)]) -> Option<f64> {
    let shares = || points.iter().map(|(share, _)| *share);
    let (first, last) = (shares().fold(f64::INFINITY, f64::min), shares().fold(f64::NEG_INFINITY, f64::max));
    (first == 0.0 && last == 1.0).then(|| area_under_curve(points))?
}

/// The scorecard's interpretability, 0 to 1: how much of what lies between random orders and the best there could be a map gains,
/// ((insertion − deletion AUC of the map) − (the same of random orders)) / (1 − the latter), at least 0.
///
/// Each has a value for each sample: `map` its insertion area less its deletion area, `random` the mean of the same over its random
/// orders. Both are averaged over samples first and held at 0 last, since holding each sample there would turn noise into merit. Feed
/// it resampled samples for an interval. `None` without samples, when they aren't as many, when one isn't finite, or when random orders
/// leave nothing to gain.
#[must_use]
pub fn interpretability(map: &[f64], random: &[f64]) -> Option<f64> {
    let (gained, by_chance) = (mean(map.iter().copied())?, mean(random.iter().copied())?);
    let figure = (gained - by_chance) / (1.0 - by_chance);
    (map.len() == random.len() && by_chance < 1.0 && figure.is_finite()).then(|| figure.max(0.0))
}

/// Whether a map's peak lies where the answer is: its highest cell's centre inside a region, edges included (the pointing game, Zhang et al.
/// 2018, without its tolerance in pixels). Of equal cells the first counts. The rate over samples takes Wilson's interval.
///
/// `map` has `columns` cells a row, row by row from the upper left, and covers the picture. `None` when its rows aren't full, a value isn't
/// finite, or no region is known.
#[must_use]
pub fn pointing_hit(map: &[f64], columns: usize, regions: &[Region]) -> Option<bool> {
    let peak = *map_order(map)?.first()?;
    if columns == 0 || !map.len().is_multiple_of(columns) || regions.is_empty() {
        return None;
    }
    let centre = |place: usize, cells: usize| (place as f64 + 0.5) / cells as f64;
    let (x, y) = (centre(peak % columns, columns), centre(peak / columns, map.len() / columns));
    let is_inside =
        |region: &Region| (region.left..=region.right).contains(&x) && (region.top..=region.bottom).contains(&y);
    Some(regions.iter().any(is_inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_by_place() {
        assert_eq!(map_order(&[0.0, 2.0, -0.0, 2.0, -1.0]), Some(vec![1, 3, 0, 2, 4]));
        assert_eq!((map_order(&[]), map_order(&[f64::NAN])), (None, None));
    }

    #[test]
    fn areas_need_the_whole_range() {
        assert_eq!(area_over_share(&[(0.0, 1.0), (0.5, 0.0), (1.0, 0.0)]), Some(0.25));
        for points in [vec![], vec![(0.0, 1.0)], vec![(0.0, 1.0), (0.9, 1.0)], vec![(0.1, 1.0), (1.0, 1.0)]] {
            assert_eq!(area_over_share(&points), None, "{points:?}");
        }
    }

    #[test]
    fn chance_gains_nothing() {
        assert_eq!(interpretability(&[0.5, 1.0], &[0.5, 0.5]), Some(0.5));
        assert_eq!(interpretability(&[0.1, 0.2], &[0.1, 0.2]), Some(0.0));
        assert_eq!(interpretability(&[-0.5], &[0.1]), Some(0.0));
        // One sample far under chance takes away what the other gained.
        assert_eq!(interpretability(&[0.5, -0.5], &[0.0, 0.0]), Some(0.0));
        assert_eq!((interpretability(&[], &[]), interpretability(&[0.1], &[])), (None, None));
        assert_eq!((interpretability(&[1.0], &[1.0]), interpretability(&[f64::NAN], &[0.0])), (None, None));
    }

    #[test]
    fn a_peak_points_into_a_region() {
        let map = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        let region = |left, right| Region { left, top: 0.0, right, bottom: 0.5 };
        assert_eq!(pointing_hit(&map, 3, &[region(0.0, 0.5)]), Some(false));
        assert_eq!(pointing_hit(&map, 3, &[region(0.0, 0.5), region(0.7, 1.0)]), Some(true));
        assert_eq!(pointing_hit(&map, 2, &[region(0.0, 0.5)]), Some(true), "three rows: its centre is on the edge");
        assert_eq!(pointing_hit(&map, 4, &[region(0.0, 0.5)]), None);
        assert_eq!((pointing_hit(&map, 3, &[]), pointing_hit(&map, 0, &[region(0.0, 1.0)])), (None, None));
    }
}
