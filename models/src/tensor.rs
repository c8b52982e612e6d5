//! Named arrays of floats: what goes into a graph and what comes out.

/// One array, in row-major order.
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
