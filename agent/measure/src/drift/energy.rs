//! The energy distance between two samples of vectors, and how likely it is by chance (Székely & Rizzo 2013, "Energy statistics").

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::vectors::{dimension_of_both, squared_distance};

/// Ways to deal blocks that a test needs, so that it can tell at 5 % even where a deal and its mirror image are as far apart.
const WAYS: f64 = 40.0;
/// Distances this much of the pooled mean apart are equal but for rounding.
const ROUNDING: f64 = 1e-12;

/// An energy distance with its probability by chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyTest {
    /// 2E‖X − Y‖ − E‖X − X′‖ − E‖Y − Y′‖ over the whole blocks: in the unit of the vectors, 0 or more.
    pub distance: f64,
    /// Share of deals, the true one counted with them, that are at least as far apart: over 0, to 1.
    pub p_value: f64,
    /// Whole blocks of the first sample.
    pub first_blocks: usize,
    /// Whole blocks of the second sample.
    pub second_blocks: usize,
}

/// Why there is no test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEnergyTest {
    /// They can't be compared.
    #[error("both samples need vectors of finite numbers, all of one length")]
    Vectors,
    /// Too short, or blocks too long.
    #[error("{first} and {second} whole blocks of {block} vectors are too few to tell at 5 %: record longer")]
    TooFewBlocks {
        /// Whole blocks of the first sample.
        first: usize,
        /// Whole blocks of the second sample.
        second: usize,
        /// Vectors of a block.
        block: usize,
    },
    /// Nothing to hold the distance against.
    #[error("there are no deals of the blocks, or one isn't a choice of {first} out of {all} blocks")]
    Deals {
        /// Blocks of the first sample.
        first: usize,
        /// Blocks of both.
        all: usize,
    },
}

/// 2E‖X − Y‖ − E‖X − X′‖ − E‖Y − Y′‖ with means over all pairs, a vector with itself too (the V-statistic; the square of scipy's
/// `energy_distance` in one dimension). In the unit of the vectors, 0 or more; 0 for equal distributions.
///
/// A row for each vector; samples needn't be as many. `None` when either is empty, or the vectors aren't finite and all of one length.
/// Time grows with the square of the rows.
#[must_use]
pub fn energy_distance(first: &[Vec<f32>], second: &[Vec<f32>]) -> Option<f64> {
    dimension_of_both(first, second)?;
    let mean = |from: &[Vec<f32>], to: &[Vec<f32>]| sum(from, to) / (from.len() as f64 * to.len() as f64);
    // Rounding may leave equal samples a last bit under zero.
    Some((2.0 * mean(first, second) - mean(first, first) - mean(second, second)).max(0.0))
}

/// The energy distance of two samples in order of time, with a block permutation p-value.
///
/// Neighbouring windows are not independent, so blocks of `block` rows in sequence are dealt anew between the samples, not rows
/// (Kirch 2007, "Block permutation principles"; Székely & Rizzo 2013 for rows): choose `block` longer than what windows share. The oldest rows that don't
/// fill a block are left out. `deals` are choices of the blocks, the first sample's counted before the second's, that make up the first:
/// [`block_assignments`] draws them. p = (1 + deals at least as far apart) / (1 + deals) (Phipson & Smyth 2010).
///
/// # Errors
/// When vectors aren't finite and of one length, blocks are too few to tell at 5 % (fewer than 40 ways to deal them), or deals
/// don't fit.
pub fn energy_test(
    first: &[Vec<f32>],
    second: &[Vec<f32>],
    block: usize,
    deals: &[Vec<usize>],
) -> Result<EnergyTest, NoEnergyTest> {
    dimension_of_both(first, second).ok_or(NoEnergyTest::Vectors)?;
    let (firsts, seconds) = (whole_blocks(first, block), whole_blocks(second, block));
    let (first_blocks, second_blocks) = (firsts.len(), seconds.len());
    if ways(first_blocks, second_blocks) < WAYS {
        return Err(NoEnergyTest::TooFewBlocks { first: first_blocks, second: second_blocks, block });
    }
    let blocks: Vec<&[Vec<f32>]> = firsts.into_iter().chain(seconds).collect();
    let refused = NoEnergyTest::Deals { first: first_blocks, all: blocks.len() };
    let dealt: Option<Vec<Vec<bool>>> = deals.iter().map(|deal| membership(deal, first_blocks, blocks.len())).collect();
    let dealt = dealt.filter(|dealt| !dealt.is_empty()).ok_or(refused)?;

    let pairs = Pairs::new(&blocks, block);
    let own: Vec<bool> = (0..blocks.len()).map(|place| place < first_blocks).collect();
    let distance = pairs.distance(&own);
    let enough = distance - ROUNDING * pairs.mean();
    let as_far = dealt.iter().filter(|deal| pairs.distance(deal) >= enough).count();
    let p_value = (1 + as_far) as f64 / (1 + dealt.len()) as f64;
    Ok(EnergyTest { distance: distance.max(0.0), p_value, first_blocks, second_blocks })
}

/// Draws `count` deals of `first_blocks` + `second_blocks` blocks for [`energy_test`]: which make up the first sample, each choice as
/// likely. The same seed gives the same deals everywhere.
#[must_use]
pub fn block_assignments(first_blocks: usize, second_blocks: usize, count: usize, seed: u64) -> Vec<Vec<usize>> {
    let all = first_blocks + second_blocks;
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut deal = || {
        let mut blocks: Vec<usize> = (0..all).collect();
        // The first places of a Fisher–Yates shuffle.
        for place in 0..first_blocks {
            blocks.swap(place, random.random_range(place..all));
        }
        blocks.truncate(first_blocks);
        blocks
    };
    (0..count).map(|_| deal()).collect()
}

/// Blocks of `length` rows, up to the newest.
fn whole_blocks(rows: &[Vec<f32>], length: usize) -> Vec<&[Vec<f32>]> {
    if length == 0 {
        return Vec::new();
    }
    let (_, whole) = rows.split_at(rows.len() % length);
    whole.chunks_exact(length).collect()
}

/// How many ways there are to choose the first's blocks, as far as [`WAYS`] needs to know.
fn ways(first: usize, second: usize) -> f64 {
    let fewer = first.min(second).min(64);
    (1..=fewer).map(|k| (first.max(second) + k) as f64 / k as f64).product::<f64>() * f64::from(u8::from(fewer > 0))
}

/// Which blocks a deal gives to the first sample; `None` unless they are `first` different ones of `all`.
fn membership(deal: &[usize], first: usize, all: usize) -> Option<Vec<bool>> {
    let mut is_first = vec![false; all];
    for &block in deal {
        *is_first.get_mut(block)? = true;
    }
    (deal.len() == first && is_first.iter().filter(|is_first| **is_first).count() == first).then_some(is_first)
}

/// Sum of distances from each row to each.
fn sum(from: &[Vec<f32>], to: &[Vec<f32>]) -> f64 {
    from.iter().map(|x| to.iter().map(|y| libm::sqrt(squared_distance(x, y))).sum::<f64>()).sum()
}

/// Sums of distances between blocks: vectors are compared once, not once a deal.
struct Pairs {
    sums: Vec<Vec<f64>>,
    block: usize,
}

impl Pairs {
    fn new(blocks: &[&[Vec<f32>]], block: usize) -> Self {
        let mut sums = vec![vec![0.0; blocks.len()]; blocks.len()];
        for (row, from) in blocks.iter().enumerate() {
            for (column, to) in blocks.iter().enumerate().skip(row) {
                let sum = sum(from, to);
                sums[row][column] = sum;
                sums[column][row] = sum;
            }
        }
        Self { sums, block }
    }

    /// Always summed in the blocks' own order, so that equal deals give equal bits.
    fn distance(&self, is_first: &[bool]) -> f64 {
        let (mut across, mut within_first, mut within_second) = (0.0, 0.0, 0.0);
        for (row, own) in self.sums.iter().zip(is_first) {
            for (sum, other) in row.iter().zip(is_first) {
                match (own, other) {
                    (true, true) => within_first += sum,
                    (false, false) => within_second += sum,
                    _ => across += sum,
                }
            }
        }
        let firsts = is_first.iter().filter(|is_first| **is_first).count();
        let (x, y) = ((firsts * self.block) as f64, ((is_first.len() - firsts) * self.block) as f64);
        // `across` holds each pair twice.
        across / (x * y) - within_first / (x * x) - within_second / (y * y)
    }

    fn mean(&self) -> f64 {
        let rows = (self.sums.len() * self.block) as f64;
        self.sums.iter().flatten().sum::<f64>() / (rows * rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: impl IntoIterator<Item = u8>) -> Vec<Vec<f32>> {
        values.into_iter().map(|value| vec![f32::from(value)]).collect()
    }

    #[test]
    fn two_points_by_hand() {
        // 2·1 − 0 − 0; and 2·½ − ½ − 0.
        assert_eq!(energy_distance(&line([0]), &line([1])), Some(2.0));
        assert_eq!(energy_distance(&line([0, 1]), &line([1])), Some(0.5));
        assert_eq!(energy_distance(&line([3, 3]), &line([3])), Some(0.0));
        assert_eq!((energy_distance(&[], &line([1])), energy_distance(&[vec![0.0, 1.0]], &line([1]))), (None, None));
    }

    #[test]
    fn what_is_far_apart_isn_t_chance() {
        let (near, far) = (line(0..20), line(100..120));
        let deals = block_assignments(10, 10, 199, 1);
        let test = energy_test(&near, &far, 2, &deals).unwrap();
        assert_eq!((test.first_blocks, test.second_blocks, test.p_value), (10, 10, 1.0 / 200.0));
        assert!((test.distance - energy_distance(&near, &far).unwrap()).abs() < 1e-9);
    }

    #[test]
    fn the_oldest_rows_that_fill_no_block_are_left_out() {
        let (near, far) = (line([200, 0, 1, 2, 3, 0, 1, 2, 3]), line(4..12));
        let test = energy_test(&near, &far, 2, &block_assignments(4, 4, 9, 1)).unwrap();
        assert!((test.distance - energy_distance(&near[1..], &far).unwrap()).abs() < 1e-12);
    }

    #[test]
    fn all_in_one_place_is_chance() {
        let test = energy_test(&line([7; 8]), &line([7; 8]), 2, &block_assignments(4, 4, 50, 1)).unwrap();
        assert_eq!((test.distance, test.p_value), (0.0, 1.0));
    }

    #[test]
    fn a_test_that_can_t_tell_isn_t_made() {
        let (three, four, many) = (line(0..3), line(0..4), line(0..60));
        assert!(matches!(energy_test(&three, &three, 1, &[vec![0, 1, 2]]), Err(NoEnergyTest::TooFewBlocks { .. })));
        assert!(energy_test(&four, &four, 1, &[vec![0, 1, 2, 3]]).is_ok());
        assert!(energy_test(&line(0..1), &many, 1, &[vec![5]]).is_ok());
        assert!(matches!(energy_test(&four, &many, 0, &[vec![]]), Err(NoEnergyTest::TooFewBlocks { .. })));
        assert!(matches!(energy_test(&four, &[vec![f32::NAN]], 1, &[]), Err(NoEnergyTest::Vectors)));
        for deals in [vec![], vec![vec![0, 1]], vec![vec![0, 1, 2, 8]], vec![vec![0, 1, 2, 2]]] {
            assert!(matches!(energy_test(&four, &four, 1, &deals), Err(NoEnergyTest::Deals { .. })), "{deals:?}");
        }
    }

    #[test]
    fn deals_are_different_blocks_and_repeat() {
        let deals = block_assignments(3, 5, 40, 9);
        assert!(deals.iter().all(|deal| membership(deal, 3, 8).is_some()));
        assert_eq!(deals, block_assignments(3, 5, 40, 9));
        assert_ne!(deals, block_assignments(3, 5, 40, 10));
    }
}
