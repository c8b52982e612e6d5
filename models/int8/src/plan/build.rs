//! From a graph to steps: which buffers there are, in which order values lie in them, and what runs when.

use super::memory::{Lifetime, lay_out};
use super::operations;
use super::order::Order;
use super::step::{Constant, Element, Place, Step, Work};
use crate::graph::{Graph, Kind, Node, Value, ValueId};
use crate::kernels::Kernels;
use crate::quantization::Quantization;

/// A place in [`Builder::buffers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferId(usize);

/// A buffer that has no place in the arena yet.
#[derive(Debug)]
struct Buffer {
    origin: Origin,
    element: Element,
    elements: usize,
    /// The first and the last step that need it.
    needed: Option<[usize; 2]>,
}

#[derive(Clone, Debug)]
enum Origin {
    Arena,
    Input(usize),
    Output(usize),
    Constant(Constant),
}

/// Where a value is, and in which order.
#[derive(Clone, Debug)]
pub struct Located {
    /// Its buffer.
    pub buffer: BufferId,
    /// The order of its axes there.
    pub order: Order,
}

/// A step whose buffers have no places yet.
struct Draft {
    name: String,
    inputs: Vec<BufferId>,
    output: BufferId,
    scratch_bytes: usize,
    work: Work,
}

/// Makes a plan's steps, one node after the other.
pub struct Builder<'a> {
    /// What is built.
    pub graph: &'a Graph,
    /// What it will run on.
    pub kernels: &'static Kernels,
    /// How many threads will run it.
    pub threads: usize,
    buffers: Vec<Buffer>,
    drafts: Vec<Draft>,
    /// Every order in which a value is to be had, the one it was made in first.
    located: Vec<Vec<Located>>,
}

/// Steps with places, and how many bytes of arena they need.
pub struct Built {
    /// In the order of their running.
    pub steps: Vec<Step>,
    /// Size of the arena.
    pub arena_bytes: usize,
}

/// Makes the steps of a graph that was checked.
pub fn build(graph: &Graph, kernels: &'static Kernels, threads: usize) -> Built {
    let located = vec![Vec::new(); graph.values.len()];
    let mut builder = Builder { graph, kernels, threads, buffers: Vec::new(), drafts: Vec::new(), located };
    for (place, id) in graph.inputs.iter().enumerate() {
        let buffer = builder.buffer(Origin::Input(place), *id);
        builder.locate(*id, buffer, Order::row_major(graph.values[id.0].shape.len()));
    }
    graph.nodes.iter().for_each(|node| operations::add(&mut builder, node));
    graph.outputs.iter().enumerate().for_each(|(place, id)| builder.export(place, *id));
    builder.finish()
}

impl Builder<'_> {
    /// A value of the graph.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.graph.values[id.0]
    }

    /// What a value's bytes mean; arbitrary for what isn't quantized.
    pub fn quantization(&self, id: ValueId) -> Quantization {
        let arbitrary = Quantization { scale: 1.0, zero_point: 0 };
        if let Kind::Quantized(quantization) = self.value(id).kind { quantization } else { arbitrary }
    }

    /// Where a value is, in the order it was made in.
    pub fn any_order(&self, id: ValueId) -> Located {
        let unmade = || Located { buffer: BufferId(0), order: Order::row_major(self.value(id).shape.len()) };
        // A checked graph makes every value before it is used.
        self.located[id.0].first().cloned().unwrap_or_else(unmade)
    }

    /// A buffer with the value in this order; a step that brings it there is added when there is none.
    pub fn in_order(&mut self, id: ValueId, order: &Order) -> BufferId {
        let shape = &self.value(id).shape;
        if let Some(found) = self.located[id.0].iter().find(|found| found.order.places_like(order, shape)) {
            return found.buffer;
        }
        let from = self.any_order(id);
        let buffer = self.buffer(Origin::Arena, id);
        operations::permute(self, id, &from, (buffer, order));
        self.locate(id, buffer, order.clone());
        buffer
    }

    /// A buffer with the value in an order that ends with `axis`, and that order.
    pub fn with_innermost(&mut self, id: ValueId, axis: usize) -> Located {
        let shape = &self.value(id).shape;
        let found = self.located[id.0].iter().find(|found| found.order.has_innermost(axis, shape));
        // An axis of length 1 lies anywhere; what is made from it may be longer there, so the order says the end.
        let order = found.map_or_else(|| self.any_order(id).order, |found| found.order.clone()).with_innermost(axis);
        Located { buffer: self.in_order(id, &order), order }
    }

    /// A new buffer for a value that a node makes in this order.
    pub fn make(&mut self, id: ValueId, order: Order) -> BufferId {
        let origin = self.border(id, &order).map_or(Origin::Arena, Origin::Output);
        let buffer = self.buffer(origin, id);
        self.locate(id, buffer, order);
        buffer
    }

    /// The output that a value can be written to at once: it is needed nowhere else, and lies as ONNX wants it.
    fn border(&self, id: ValueId, order: &Order) -> Option<usize> {
        let shape = &self.value(id).shape;
        let outputs = self.graph.outputs.iter().filter(|output| **output == id).count();
        let used = self.graph.nodes.iter().any(|node| node.inputs.contains(&id));
        let fits = outputs == 1 && !used && order.places_like(&Order::row_major(shape.len()), shape);
        fits.then(|| self.graph.outputs.iter().position(|output| *output == id)).flatten()
    }

    /// Says that a value is what another buffer holds.
    pub fn locate(&mut self, id: ValueId, buffer: BufferId, order: Order) {
        self.located[id.0].push(Located { buffer, order });
    }

    /// Says that a value is these elements, row-major.
    pub fn constant(&mut self, id: ValueId, elements: Constant) {
        let buffer = self.buffer(Origin::Constant(elements), id);
        self.locate(id, buffer, Order::row_major(self.value(id).shape.len()));
    }

    /// A buffer that is no value of the graph.
    pub fn temporary(&mut self, element: Element, elements: usize) -> BufferId {
        self.buffers.push(Buffer { origin: Origin::Arena, element, elements, needed: None });
        BufferId(self.buffers.len() - 1)
    }

    fn buffer(&mut self, origin: Origin, id: ValueId) -> BufferId {
        let value = self.value(id);
        let element = match value.kind {
            Kind::Quantized(_) | Kind::Bytes => Element::Byte,
            Kind::Float => Element::Float,
            Kind::Sums => Element::Sum,
        };
        let elements = value.shape.iter().product();
        self.buffers.push(Buffer { origin, element, elements, needed: None });
        BufferId(self.buffers.len() - 1)
    }

    /// Adds a step. `scratch_bytes` are for its own use.
    pub fn step(&mut self, node: &Node, inputs: &[BufferId], output: BufferId, scratch_bytes: usize, work: Work) {
        self.named_step(node.name.clone(), inputs, output, scratch_bytes, work);
    }

    /// Adds a step that no node asked for by name.
    pub fn named_step(
        &mut self,
        name: String,
        inputs: &[BufferId],
        output: BufferId,
        scratch_bytes: usize,
        work: Work,
    ) {
        let now = self.drafts.len();
        for buffer in inputs.iter().chain([&output]) {
            let needed = self.buffers[buffer.0].needed.get_or_insert([now, now]);
            needed[1] = now;
        }
        self.drafts.push(Draft { name, inputs: inputs.to_vec(), output, scratch_bytes, work });
    }

    /// Brings a value to an output of the plan, if it isn't there.
    fn export(&mut self, place: usize, id: ValueId) {
        let from = self.any_order(id);
        if matches!(self.buffers[from.buffer.0].origin, Origin::Output(at) if at == place) {
            return;
        }
        let order = Order::row_major(self.value(id).shape.len());
        let buffer = self.buffer(Origin::Output(place), id);
        operations::permute(self, id, &from, (buffer, &order));
    }

    /// Gives every buffer its place.
    fn finish(self) -> Built {
        let in_arena = |buffer: &Buffer| matches!(buffer.origin, Origin::Arena);
        let lifetime = |buffer: &Buffer| {
            let [first, last] = buffer.needed.unwrap_or([0, 0]);
            let bytes = if in_arena(buffer) { buffer.elements * buffer.element.bytes() } else { 0 };
            Lifetime { bytes, first, last }
        };
        let mut lifetimes: Vec<Lifetime> = self.buffers.iter().map(lifetime).collect();
        let scratch = |(step, draft): (usize, &Draft)| Lifetime { bytes: draft.scratch_bytes, first: step, last: step };
        lifetimes.extend(self.drafts.iter().enumerate().map(scratch));
        let (ranges, arena_bytes) = lay_out(&lifetimes);
        let (buffer_ranges, scratch_ranges) = ranges.split_at(self.buffers.len());
        let places: Vec<Place> =
            self.buffers.iter().zip(buffer_ranges).map(|(buffer, range)| place(buffer, range.clone())).collect();
        let at = |buffer: Option<&BufferId>| {
            buffer.map_or(Place::Arena(0..0, Element::Byte), |buffer| places[buffer.0].clone())
        };
        let step = |(draft, scratch): (Draft, &std::ops::Range<usize>)| Step {
            inputs: [at(draft.inputs.first()), at(draft.inputs.get(1))],
            output: at(Some(&draft.output)),
            scratch: scratch.clone(),
            name: draft.name,
            work: draft.work,
        };
        Built { steps: self.drafts.into_iter().zip(scratch_ranges).map(step).collect(), arena_bytes }
    }
}

fn place(buffer: &Buffer, range: std::ops::Range<usize>) -> Place {
    match &buffer.origin {
        Origin::Arena => Place::Arena(range, buffer.element),
        Origin::Input(at) => Place::Input(*at),
        Origin::Output(at) => Place::Output(*at),
        Origin::Constant(elements) => Place::Constant(elements.clone()),
    }
}
