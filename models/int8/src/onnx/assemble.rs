//! A region's items as one graph.

use std::collections::{BTreeSet, HashMap};

use tract_onnx::prelude::DatumType;

use super::dynamic::Dynamic;
use super::file::{File, Quantized};
use super::lower::{Step, Tensor, Unit};
use super::partition::{Item, ItemKind};
use crate::float::FloatOperation;
use crate::graph::{Graph, Kind, Node, Operation, Value, ValueId};

/// A region: its graph, and how its inputs and outputs look from outside.
#[derive(Clone, Debug)]
pub struct Region {
    /// What it computes.
    pub graph: Graph,
    /// What it takes, in the graph's order.
    pub inputs: Vec<Port>,
    /// What it makes, in the graph's order.
    pub outputs: Vec<Port>,
}

/// A tensor that crosses a region's border.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub datum_type: DatumType,
    /// Its dimensions.
    pub shape: Vec<usize>,
}

/// Builds a region of its members; `outside` are the names that others need.
///
/// # Errors
/// In words: what isn't known before running.
pub fn assemble(file: &File<'_>, members: &[&Item], outside: &BTreeSet<String>) -> Result<Region, String> {
    let graph = Graph::default();
    let mut assembly = Assembly { file, graph, made: HashMap::new(), inputs: Vec::new(), outputs: Vec::new() };
    for item in members {
        assembly.add(item)?;
    }
    for item in members {
        for name in item.outputs.iter().filter(|name| outside.contains(*name)) {
            assembly.hand_out(item, name)?;
        }
    }
    Ok(Region { graph: assembly.graph, inputs: assembly.inputs, outputs: assembly.outputs })
}

struct Assembly<'a> {
    file: &'a File<'a>,
    graph: Graph,
    made: HashMap<String, ValueId>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Assembly<'_> {
    fn add(&mut self, item: &Item) -> Result<(), String> {
        let name = &self.file.graph.node[item.place].name;
        match &item.kind {
            ItemKind::Unit(unit) => self.add_steps(&unit.name, &unit.output.name, &unit.steps),
            ItemKind::Enter(quantized) => {
                let shape = self.file.shape(&item.inputs[0])?;
                let input = self.take(&item.inputs[0], Kind::Float, DatumType::F32, &shape);
                let output = self.value(&quantized.name, &shape, Kind::Quantized(quantized.quantization));
                self.node(name, Operation::Quantize, &[input], output);
                Ok(())
            }
            ItemKind::Leave(quantized) => {
                let shape = self.file.shape(&quantized.name)?;
                let input = self.take_quantized(quantized, &shape);
                let output = self.value(&item.outputs[0], &shape, Kind::Float);
                self.node(name, Operation::Dequantize, &[input], output);
                Ok(())
            }
            ItemKind::Float(steps) => self.add_steps(name, &item.outputs[0], steps),
            ItemKind::Dynamic(dynamic) => self.add_dynamic(name, item, dynamic),
            ItemKind::Other => Ok(()),
        }
    }

    /// The steps of an operator, of which the last makes `output`.
    fn add_steps(&mut self, operator: &str, output: &str, steps: &[Step]) -> Result<(), String> {
        let mut made = Vec::with_capacity(steps.len());
        for (at, Step { operation, inputs, shape, kind }) in steps.iter().enumerate() {
            let inputs = inputs.iter().map(|tensor| self.tensor(operator, tensor, &made));
            let inputs = inputs.collect::<Result<Vec<ValueId>, String>>()?;
            let last = at + 1 == steps.len();
            let name = if last { output.to_owned() } else { format!("{operator} step {at}") };
            let output = self.value(&name, shape, *kind);
            self.node(operator, operation.clone(), &inputs, output);
            made.push(output);
        }
        Ok(())
    }

    fn tensor(&mut self, operator: &str, tensor: &Tensor, made: &[ValueId]) -> Result<ValueId, String> {
        Ok(match tensor {
            Tensor::Named(quantized, shape) => self.take_quantized(quantized, shape),
            Tensor::Raw(name, kind, shape) => {
                let datum_type = if *kind == Kind::Sums { DatumType::I32 } else { DatumType::F32 };
                self.take(name, *kind, datum_type, shape)
            }
            Tensor::Made(at) => *made.get(*at).ok_or("takes a step that isn't made yet")?,
            Tensor::Constant(bytes, shape, quantization) => {
                let kind = Kind::Quantized(*quantization);
                self.constant(operator, Operation::Constant(bytes.clone()), shape, kind)
            }
            Tensor::Floats(floats, shape) => {
                let constant = Operation::Float(FloatOperation::Constant(floats.clone()));
                self.constant(operator, constant, shape, Kind::Float)
            }
        })
    }

    fn constant(&mut self, operator: &str, constant: Operation, shape: &[usize], kind: Kind) -> ValueId {
        let name = format!("{operator} constant {}", self.graph.values.len());
        let value = self.value(&name, shape, kind);
        self.node(operator, constant, &[], value);
        value
    }

    fn add_dynamic(&mut self, name: &str, item: &Item, dynamic: &Dynamic) -> Result<(), String> {
        match dynamic {
            Dynamic::Quantize(shape) => {
                let input = self.take(&item.inputs[0], Kind::Float, DatumType::F32, shape);
                let bytes = self.value(&item.outputs[0], shape, Kind::Bytes);
                let scale = self.value(&item.outputs[1], &[], Kind::Float);
                let zero_point = self.value(&item.outputs[2], &[], Kind::Bytes);
                self.node(name, Operation::DynamicQuantize, &[input], bytes);
                let outputs = vec![bytes, scale, zero_point];
                self.graph.nodes.last_mut().into_iter().for_each(|node| node.outputs.clone_from(&outputs));
            }
            Dynamic::Sums { convolution, from, to } => {
                let input = self.take(&item.inputs[0], Kind::Bytes, DatumType::U8, from);
                let zero_point = self.take(&item.inputs[1], Kind::Bytes, DatumType::U8, &[]);
                let output = self.value(&item.outputs[0], to, Kind::Sums);
                self.node(
                    name,
                    Operation::IntegerConvolution(convolution.as_ref().clone()),
                    &[input, zero_point],
                    output,
                );
            }
        }
        Ok(())
    }

    fn value(&mut self, name: &str, shape: &[usize], kind: Kind) -> ValueId {
        self.graph.values.push(Value { name: name.to_owned(), shape: shape.to_vec(), kind });
        let id = ValueId(self.graph.values.len() - 1);
        self.made.insert(name.to_owned(), id);
        id
    }

    fn node(&mut self, name: &str, operation: Operation, inputs: &[ValueId], output: ValueId) {
        let node = Node { name: name.to_owned(), operation, inputs: inputs.to_vec(), outputs: vec![output] };
        self.graph.nodes.push(node);
    }

    /// A value of the region, or an input of it.
    fn take(&mut self, name: &str, kind: Kind, datum_type: DatumType, shape: &[usize]) -> ValueId {
        if let Some(id) = self.made.get(name) {
            return *id;
        }
        let id = self.value(name, shape, kind);
        self.graph.inputs.push(id);
        self.inputs.push(Port { name: name.to_owned(), datum_type, shape: shape.to_vec() });
        id
    }

    /// A quantized value, which comes in with its sign.
    fn take_quantized(&mut self, quantized: &Quantized, shape: &[usize]) -> ValueId {
        let kind = Kind::Quantized(quantized.quantization);
        if self.made.contains_key(&quantized.name) || !quantized.signed {
            return self.take(&quantized.name, kind, DatumType::U8, shape);
        }
        let raw = self.take(&quantized.name, Kind::Bytes, DatumType::I8, shape);
        let held = self.value(&quantized.name, shape, kind);
        self.node(&quantized.name, Operation::FlipSign, &[raw], held);
        held
    }

    /// Makes a value an output of the region, with its sign.
    fn hand_out(&mut self, item: &Item, name: &str) -> Result<(), String> {
        let id = *self.made.get(name).ok_or_else(|| format!("`{name}` isn't made"))?;
        let signed = match &item.kind {
            ItemKind::Unit(Unit { output, .. }) | ItemKind::Enter(output) => output.signed,
            _ => false,
        };
        let shape = self.graph.values[id.0].shape.clone();
        let (id, datum_type) = match self.graph.values[id.0].kind {
            Kind::Float => (id, DatumType::F32),
            Kind::Sums => (id, DatumType::I32),
            _ if signed => (self.flipped(id, name, &shape), DatumType::I8),
            _ => (id, DatumType::U8),
        };
        self.graph.outputs.push(id);
        self.outputs.push(Port { name: name.to_owned(), datum_type, shape });
        Ok(())
    }

    fn flipped(&mut self, id: ValueId, name: &str, shape: &[usize]) -> ValueId {
        self.graph.values.push(Value { name: format!("{name} signed"), shape: shape.to_vec(), kind: Kind::Bytes });
        let raw = ValueId(self.graph.values.len() - 1);
        self.node(name, Operation::FlipSign, &[id], raw);
        raw
    }
}
