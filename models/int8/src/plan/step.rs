//! One step of a plan: where it reads and writes, and what it does.

use std::ops::Range;
use std::sync::Arc;

use crate::tensor::{Data, DataMut};
use crate::threads::Threads;

/// What a buffer's elements are in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// One byte.
    Byte,
    /// 32-bit floating point.
    Float,
    /// 32-bit sum.
    Sum,
}

impl Element {
    /// Its size.
    pub const fn bytes(self) -> usize {
        if matches!(self, Self::Byte) { 1 } else { 4 }
    }
}

/// Where a buffer is.
#[derive(Clone, Debug)]
pub enum Place {
    /// In the arena: these bytes.
    Arena(Range<usize>, Element),
    /// An input of the plan.
    Input(usize),
    /// An output of the plan.
    Output(usize),
    /// What never changes.
    Constant(Constant),
}

/// Elements that never change.
#[derive(Clone, Debug)]
pub enum Constant {
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// Floats.
    Floats(Arc<[f32]>),
}

/// What a step sees.
pub struct Views<'a> {
    /// What it reads; a step of one input has the second empty.
    pub inputs: [Data<'a>; 2],
    /// What it writes.
    pub output: DataMut<'a>,
    /// Memory for its own use; its content means nothing.
    pub scratch: &'a mut [u8],
}

/// What a step does.
pub type Work = Box<dyn Fn(Views<'_>, &Threads) + Send + Sync>;

/// One step.
pub struct Step {
    /// Which node it serves, for profiles.
    pub name: String,
    /// The buffers it reads.
    pub inputs: [Place; 2],
    /// The buffer it writes.
    pub output: Place,
    /// Memory for its own use.
    pub scratch: Range<usize>,
    /// What it does.
    pub work: Work,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {:?} -> {:?}", self.name, self.inputs, self.output)
    }
}

impl Step {
    /// Runs it on the arena, and on the plan's inputs and outputs.
    pub fn run(&self, arena: &mut [u8], inputs: &[Data<'_>], outputs: &mut [DataMut<'_>], threads: &Threads) {
        let range = |place: &Place| if let Place::Arena(range, _) = place { range.clone() } else { 0..0 };
        let [one, two] = self.inputs.each_ref().map(range);
        // A value may be taken twice, by `x + x`: it is borrowed once.
        let twice = one == two;
        let two = if twice { 0..0 } else { two };
        // The plan lays the buffers of one step apart: the layout's tests hold it.
        let Ok([one, two, result, scratch]) =
            arena.get_disjoint_mut([one, two, range(&self.output), self.scratch.clone()])
        else {
            return;
        };
        let (one, two): (&[u8], &[u8]) = (one, two);
        let two = if twice { one } else { two };
        let inputs = [read(&self.inputs[0], one, inputs), read(&self.inputs[1], two, inputs)];
        let output = match &self.output {
            Place::Output(at) => outputs.get_mut(*at).map_or(DataMut::Bytes(&mut []), reborrow),
            place => write(place, result),
        };
        (self.work)(Views { inputs, output, scratch }, threads);
    }
}

fn read<'a>(place: &'a Place, arena: &'a [u8], inputs: &[Data<'a>]) -> Data<'a> {
    match place {
        Place::Arena(_, Element::Byte) | Place::Output(_) => Data::Bytes(arena),
        Place::Arena(_, Element::Float) => Data::Floats(bytemuck::cast_slice(arena)),
        Place::Arena(_, Element::Sum) => Data::Sums(bytemuck::cast_slice(arena)),
        Place::Input(at) => inputs.get(*at).copied().unwrap_or(Data::Bytes(&[])),
        Place::Constant(Constant::Bytes(bytes)) => Data::Bytes(bytes),
        Place::Constant(Constant::Floats(floats)) => Data::Floats(floats),
    }
}

fn write<'a>(place: &Place, arena: &'a mut [u8]) -> DataMut<'a> {
    match place {
        Place::Arena(_, Element::Float) => DataMut::Floats(bytemuck::cast_slice_mut(arena)),
        Place::Arena(_, Element::Sum) => DataMut::Sums(bytemuck::cast_slice_mut(arena)),
        _ => DataMut::Bytes(arena),
    }
}

fn reborrow<'a>(output: &'a mut DataMut<'_>) -> DataMut<'a> {
    match output {
        DataMut::Bytes(bytes) => DataMut::Bytes(bytes),
        DataMut::Floats(floats) => DataMut::Floats(floats),
        DataMut::Sums(sums) => DataMut::Sums(sums),
    }
}
