//! What tract finds out about a file: types, shapes and constants.

use std::collections::{BTreeSet, HashMap};

use tract_onnx::model::{Onnx, ParseResult};
use tract_onnx::pb::{GraphProto, ModelProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::{DimLike, TractErrorContext};

/// What is known of a file's values, by their names.
#[derive(Default)]
pub struct Facts {
    /// Dimensions, where all are known.
    pub shapes: HashMap<String, Vec<usize>>,
    /// Types of elements.
    pub types: HashMap<String, DatumType>,
    /// Values that don't depend on inputs.
    pub constants: HashMap<String, Arc<Tensor>>,
    /// Constants that the file lacks meanwhile.
    taken: BTreeSet<String>,
}

/// Constants of more bytes are taken out of the file while it is looked at: one copy of the weights is enough.
const LARGE_BYTES: usize = 1 << 10;

impl Facts {
    /// Asks tract.
    ///
    /// # Errors
    /// When tract can't read the file.
    pub fn new(
        onnx: &Onnx,
        proto: &ModelProto,
        fix: impl Fn(&mut InferenceModel) -> TractResult<()>,
    ) -> TractResult<Self> {
        let graph = proto.graph.as_ref().context("no graph")?;
        let ParseResult { mut model, outlets_by_name, .. } = onnx.parse(proto, None)?;
        fix(&mut model)?;
        model.analyse(false)?;
        let mut facts = Self::default();
        let made = graph.node.iter().flat_map(|node| &node.output);
        let given =
            graph.input.iter().map(|input| &input.name).chain(graph.initializer.iter().map(|weights| &weights.name));
        for name in made.chain(given) {
            if let Some(outlet) = outlets_by_name.get(name) {
                facts.add(name, model.outlet_fact(*outlet)?);
            }
        }
        Ok(facts)
    }

    fn add(&mut self, name: &str, fact: &InferenceFact) {
        let lengths = fact.shape.concretize().unwrap_or_default();
        let shape = lengths.iter().map(|length| length.to_usize().ok()).collect::<Option<Vec<usize>>>();
        if let Some(shape) = shape.filter(|_| fact.shape.is_concrete()) {
            self.shapes.insert(name.to_owned(), shape);
        }
        if let Some(datum_type) = fact.datum_type.concretize() {
            self.types.insert(name.to_owned(), datum_type);
        }
        if let Some(value) = fact.value.concretize() {
            self.constants.insert(name.to_owned(), value);
        }
    }

    /// Empties the file's large constants, which are held here.
    pub fn take_constants(&mut self, graph: &mut GraphProto) {
        for weights in graph.initializer.iter_mut().filter(|weights| weights.raw_data.len() > LARGE_BYTES) {
            if self.bytes(&weights.name).is_some_and(|held| held == weights.raw_data) {
                weights.raw_data = Vec::new();
                self.taken.insert(weights.name.clone());
            }
        }
    }

    /// Gives back the constants that are left in the file.
    pub fn give_back(&self, graph: &mut GraphProto) {
        for weights in graph.initializer.iter_mut().filter(|weights| self.taken.contains(&weights.name)) {
            if let Some(held) = self.bytes(&weights.name) {
                weights.raw_data = held.to_vec();
            }
        }
    }

    fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.constants.get(name)?.try_as_plain_ram().ok().map(|held| held.as_bytes())
    }
}
