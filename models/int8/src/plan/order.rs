//! In which order the axes of a value lie in memory.

/// Logical axes, outermost first: (N, C, H, W) with channels last in memory is `[0, 2, 3, 1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order(Vec<usize>);

impl Order {
    /// These axes, outermost first.
    pub const fn of(axes: Vec<usize>) -> Self {
        Self(axes)
    }

    /// ONNX's own order.
    pub fn row_major(rank: usize) -> Self {
        Self((0..rank).collect())
    }

    /// Axis 1 moved to the end; row-major below three axes.
    pub fn channels_last(rank: usize) -> Self {
        if rank < 3 {
            return Self::row_major(rank);
        }
        Self(std::iter::once(0).chain(2..rank).chain([1]).collect())
    }

    /// The axes, outermost first.
    pub fn axes(&self) -> &[usize] {
        &self.0
    }

    /// The lengths of the axes as they lie in memory.
    pub fn lengths(&self, shape: &[usize]) -> Vec<usize> {
        self.0.iter().map(|axis| shape[*axis]).collect()
    }

    /// For each logical axis, how far apart its neighbours lie.
    pub fn strides(&self, shape: &[usize]) -> Vec<usize> {
        let mut strides = vec![0; shape.len()];
        let mut stride = 1;
        for axis in self.0.iter().rev() {
            strides[*axis] = stride;
            stride *= shape[*axis];
        }
        strides
    }

    /// Whether both orders put a value of this shape in the same places: axes of length 1 don't count.
    pub fn places_like(&self, other: &Self, shape: &[usize]) -> bool {
        let long = |order: &Self| order.0.iter().copied().filter(|axis| shape[*axis] > 1).collect::<Vec<_>>();
        long(self) == long(other)
    }

    /// Whether neighbours along `axis` lie side by side.
    pub fn has_innermost(&self, axis: usize, shape: &[usize]) -> bool {
        shape[axis] == 1 || self.0.iter().rev().find(|axis| shape[**axis] > 1) == Some(&axis)
    }

    /// The order with `axis` moved to the end.
    pub fn with_innermost(&self, axis: usize) -> Self {
        let others = self.0.iter().copied().filter(|other| *other != axis);
        Self(others.chain([axis]).collect())
    }

    /// Elements before, along, and after a run of axes that lie together: (outer, run, inner). None when others lie
    /// between them.
    pub fn around(&self, axes: &[usize], shape: &[usize]) -> Option<[usize; 3]> {
        let chosen = |axis: &usize| axes.contains(axis) && shape[*axis] > 1;
        let long: Vec<usize> = self.0.iter().copied().filter(|axis| shape[*axis] > 1).collect();
        let start = long.iter().position(chosen).unwrap_or(long.len());
        let run = long[start..].iter().take_while(|axis| chosen(axis)).count();
        let together = !long[start + run..].iter().any(chosen);
        let product = |axes: &[usize]| axes.iter().map(|axis| shape[*axis]).product();
        together.then(|| [product(&long[..start]), product(&long[start..start + run]), product(&long[start + run..])])
    }

    /// The order of the same memory seen with its axes permuted: new axis `i` is old axis `permutation[i]`.
    pub fn transposed(&self, permutation: &[usize]) -> Self {
        let renamed = |axis: &usize| permutation.iter().position(|old| old == axis).unwrap_or(*axis);
        Self(self.0.iter().map(renamed).collect())
    }

    /// The order of the same memory seen in another shape, when there is one: axes that are joined or split must lie
    /// together, in ONNX's order.
    pub fn reshaped(&self, from: &[usize], to: &[usize]) -> Option<Self> {
        let groups = groups(from, to)?;
        let mut axes = Vec::with_capacity(to.len());
        let mut rest: &[usize] = &self.0.iter().copied().filter(|axis| from[*axis] > 1).collect::<Vec<_>>();
        while let Some(first) = rest.first() {
            let (old, new) = groups.iter().find(|(old, _)| old.contains(first))?;
            rest = rest.strip_prefix(old.as_slice())?;
            axes.extend(new);
        }
        let short = (0..to.len()).filter(|axis| to[*axis] == 1);
        Some(Self(short.chain(axes).collect()))
    }
}

/// Axes of two shapes of one size, in the smallest groups of equal products; axes of length 1 are left out.
fn groups(from: &[usize], to: &[usize]) -> Option<Vec<(Vec<usize>, Vec<usize>)>> {
    let long = |shape: &[usize]| (0..shape.len()).filter(|axis| shape[*axis] > 1).collect::<Vec<_>>();
    let (mut old, mut new) = (long(from).into_iter().peekable(), long(to).into_iter().peekable());
    let mut groups = Vec::new();
    while let (Some(one), Some(two)) = (old.next(), new.next()) {
        let mut group = (vec![one], vec![two]);
        let (mut one, mut two) = (from[one], to[two]);
        while one != two {
            let (axes, iterator, product, shape) = if one < two {
                (&mut group.0, &mut old, &mut one, from)
            } else {
                (&mut group.1, &mut new, &mut two, to)
            };
            let axis = iterator.next()?;
            axes.push(axis);
            *product *= shape[axis];
        }
        groups.push(group);
    }
    (old.peek().is_none() && new.peek().is_none()).then_some(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(axes: &[usize]) -> Order {
        Order(axes.to_vec())
    }

    #[test]
    fn channels_go_last() {
        assert_eq!(Order::channels_last(4), order(&[0, 2, 3, 1]));
        assert_eq!(Order::channels_last(3), order(&[0, 2, 1]));
        assert_eq!(Order::channels_last(2), order(&[0, 1]));
        assert_eq!(Order::channels_last(4).strides(&[2, 3, 5, 7]), [105, 1, 21, 3]);
    }

    #[test]
    fn axes_of_length_one_do_not_count() {
        assert!(Order::channels_last(4).places_like(&Order::row_major(4), &[1, 5, 1, 1]));
        assert!(!Order::channels_last(4).places_like(&Order::row_major(4), &[1, 5, 2, 1]));
        assert!(Order::channels_last(4).has_innermost(2, &[1, 1, 6, 1]));
    }

    #[test]
    fn a_transposed_value_is_the_same_memory() {
        // (N, C, H, W) held with channels last, seen as (N, H, W, C), is row-major.
        assert_eq!(Order::channels_last(4).transposed(&[0, 2, 3, 1]), Order::row_major(4));
    }

    #[test]
    fn joined_axes_must_lie_together() {
        let channels_last = Order::channels_last(4);
        assert_eq!(channels_last.reshaped(&[1, 8, 4, 5], &[1, 8, 20]), Some(order(&[0, 2, 1])));
        assert_eq!(channels_last.reshaped(&[1, 8, 4, 5], &[1, 160]), None);
        assert_eq!(channels_last.reshaped(&[1, 8, 1, 1], &[1, 8]), Some(order(&[0, 1])));
        assert_eq!(Order::row_major(3).reshaped(&[2, 3, 8], &[2, 3, 2, 4]), Some(order(&[0, 1, 2, 3])));
        assert_eq!(Order::row_major(3).reshaped(&[2, 3, 8], &[48]), Some(order(&[0])));
        assert_eq!(order(&[1, 0]).reshaped(&[6, 4], &[2, 3, 4]), Some(order(&[2, 0, 1])));
    }

    #[test]
    fn a_run_of_axes_has_its_neighbours() {
        let channels_last = Order::channels_last(4);
        assert_eq!(channels_last.around(&[2, 3], &[2, 8, 4, 5]), Some([2, 20, 8]));
        assert_eq!(channels_last.around(&[1], &[2, 8, 4, 5]), Some([40, 8, 1]));
        assert_eq!(channels_last.around(&[1, 2], &[2, 8, 4, 5]), None);
        assert_eq!(channels_last.around(&[0], &[1, 8, 4, 5]), Some([160, 1, 1]));
    }
}
