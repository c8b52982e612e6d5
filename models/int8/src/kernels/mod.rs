//! The arithmetic, as fast as the processor allows. The only home of `unsafe` in this project.
//!
//! [`convolution`] and [`product`] cut their work into tiles: a few rows of bytes by one panel of packed weights. A
//! tile's sums stay in registers until they leave as bytes. [`Kernels`] is one instruction set's way to compute a tile;
//! everything around it is shared. [`elementwise`] is the rest.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod access;
pub mod convolution;
mod depthwise;
pub mod elementwise;
pub mod float;
mod gather;
mod panels;
mod plain;
pub mod pooling;
pub mod product;
mod tile;
pub mod turn;
pub mod wide;
mod work;
#[cfg(target_arch = "x86_64")]
mod x86;

use depthwise::Depthwise;
use tile::{Rows, Tile};

/// One instruction set's kernels.
pub struct Kernels {
    name: &'static str,
    /// How rows of bytes are laid out before they are multiplied.
    form: Form,
    /// Rows of a tile at most.
    rows: usize,
    /// Output channels of a panel of weights.
    columns: usize,
    /// Neighbouring depths that one instruction multiplies and adds.
    depth: usize,
    /// What a tile takes off every byte of its rows before it multiplies them; the bias gives it back.
    taken: i32,
    /// Faster ones for weights that are never −128, packed alike.
    symmetric: Option<&'static Kernels>,
    /// Faster ones for large products.
    large: Option<Large>,
    /// Puts rows of bytes in the order in which tiles read them; none: as they are. Its caller checked that the processor
    /// has the instructions.
    interleave: Option<unsafe fn(&Rows<'_>, &mut [u8])>,
    /// Multiplies one tile. Its caller checked that the processor has the instructions.
    tile: unsafe fn(&Tile<'_>),
    /// One row of a depthwise convolution. Its caller checked that the processor has the instructions.
    depthwise: unsafe fn(&Depthwise<'_>),
    /// A function of one byte, as a table; input and output are as long. Its caller checked that the processor has the instructions.
    look_up: unsafe fn(&[u8], &[u8; 256], &mut [u8]),
    /// Whether it multiplies whole columns of 3 × 3 windows, and takes 128 off every byte then.
    by_columns: bool,
    /// Whether it multiplies the columns of known windows once for all the pixels that see them.
    shares_columns: bool,
}

/// Kernels for large products: putting rows in another order first is worth while there.
struct Large {
    kernels: &'static Kernels,
    /// How many rows, depths and columns a product has at least.
    least: [usize; 3],
    /// Whether two products are added in 16 bits: weights that could saturate them are corrected, and have no zero points.
    in_pairs: bool,
}

/// How rows of bytes are laid out before they are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As they are.
    Bytes,
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "Arm multiplies bytes"))]
    /// As 16-bit integers: two are multiplied and added without loss on processors that would saturate bytes.
    Wide,
}

impl Form {
    const fn bytes(self) -> usize {
        if matches!(self, Self::Bytes) { 1 } else { 2 }
    }
}

impl std::fmt::Debug for Kernels {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Kernels {
    /// Those that this processor can run, fastest first. The plain ones, which all can run, are last.
    #[must_use]
    pub fn available() -> Vec<&'static Self> {
        let mut available: Vec<&'static Self> = Vec::new();
        #[cfg(target_arch = "x86_64")]
        x86::add_available(&mut available);
        #[cfg(target_arch = "aarch64")]
        aarch64::add_available(&mut available);
        available.push(&plain::KERNELS);
        available
    }

    /// The fastest that this processor can run.
    #[must_use]
    pub fn best() -> &'static Self {
        Self::available().first().copied().unwrap_or(&plain::KERNELS)
    }

    /// The instruction set, such as `avx2`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// A function of every byte, as a table.
    #[allow(unsafe_code, reason = "available kernels run here")]
    pub fn look_up(&self, input: &[u8], table: &[u8; 256], output: &mut [u8]) {
        // SAFETY: `available` saw that there are the instructions.
        unsafe { (self.look_up)(input, table, output) };
    }

    /// The fastest for these weights.
    fn for_weights(&'static self, weights: &[i8]) -> &'static Self {
        self.symmetric.filter(|_| !weights.contains(&i8::MIN)).unwrap_or(self)
    }

    /// Depths rounded up to whole multiplications.
    const fn padded(&self, depth: usize) -> usize {
        depth.next_multiple_of(self.depth)
    }
}

#[cfg(test)]
mod tests {
    use super::Kernels;

    /// Where emulated processors are tested: a kernel that isn't chosen isn't tested, and nothing else would tell.
    #[test]
    fn the_expected_kernels_are_available() {
        let Ok(expected) = std::env::var("INT8_KERNELS") else { return };
        let names: Vec<&str> = Kernels::available().into_iter().map(Kernels::name).collect();
        assert_eq!(names.join(" "), expected);
        assert_eq!(Kernels::best().name(), names[0]);
    }
}
