//! Tensors as they cross a region's border: row-major, in ONNX's order.

/// Elements of a tensor, to read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Data<'a> {
    /// Bytes: [`Kind::Quantized`](crate::graph::Kind::Quantized) and [`Kind::Bytes`](crate::graph::Kind::Bytes).
    Bytes(&'a [u8]),
    /// [`Kind::Float`](crate::graph::Kind::Float).
    Floats(&'a [f32]),
    /// [`Kind::Sums`](crate::graph::Kind::Sums).
    Sums(&'a [i32]),
}

/// Elements of a tensor, to fill.
#[derive(Debug)]
pub enum DataMut<'a> {
    /// Bytes.
    Bytes(&'a mut [u8]),
    /// 32-bit floating point.
    Floats(&'a mut [f32]),
    /// 32-bit sums.
    Sums(&'a mut [i32]),
}

impl Data<'_> {
    /// How many elements there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(floats) => floats.len(),
            Self::Sums(sums) => sums.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl DataMut<'_> {
    /// How many elements there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(floats) => floats.len(),
            Self::Sums(sums) => sums.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
