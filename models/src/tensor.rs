//! Named arrays of numbers: what goes into a graph and what comes out.

/// Every whole number up to this (2²⁴) is a float; larger token ids are refused.
pub const MAXIMUM_EXACT: u32 = 1 << 24;

/// One array, in row-major order. Graphs' inputs of whole numbers (token ids) are held as floats too, and turned into
/// the graph's type at its border: they are whole and at most [`MAXIMUM_EXACT`], so nothing is lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The graph's name for it.
    pub name: String,
    /// Its dimensions, batch first.
    pub shape: Vec<usize>,
    /// As many values as the dimensions multiply to.
    pub values: Vec<f32>,
}

/// The arrays of one query, in the graph's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors(Vec<Tensor>);

impl Tensors {
    /// The arrays in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Tensor> {
        self.0.iter()
    }

    /// The arrays in order, to be changed.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Tensor> {
        self.0.iter_mut()
    }

    /// The array of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.iter().find(|tensor| tensor.name == name)
    }

    /// The array of this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Tensor> {
        self.0.iter_mut().find(|tensor| tensor.name == name)
    }
}

impl FromIterator<Tensor> for Tensors {
    fn from_iter<I: IntoIterator<Item = Tensor>>(tensors: I) -> Self {
        Self(tensors.into_iter().collect())
    }
}
