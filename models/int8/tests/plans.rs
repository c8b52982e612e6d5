//! Plans give exactly the bits of the plain definition: random graphs, every instruction set of this processor, one to
//! three threads.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

mod support;

use edgeval_int8::graph::{Graph, Kind};
use edgeval_int8::kernels::Kernels;
use edgeval_int8::plan::Plan;
use edgeval_int8::reference::{self, Owned};
use edgeval_int8::tensor::DataMut;
use edgeval_int8::threads::Threads;
use support::{Grower, Random};

fn inputs(graph: &Graph, seed: u64) -> Vec<Owned> {
    let mut random = Random(seed ^ 0x5eed);
    let input = |id: &edgeval_int8::graph::ValueId| {
        let value = &graph.values[id.0];
        let bytes = random.bytes(value.shape.iter().product());
        match value.kind {
            Kind::Float => Owned::Floats(bytes.iter().map(|byte| f32::from(*byte) / 16.0 - 8.0).collect()),
            _ => Owned::Bytes(bytes),
        }
    };
    graph.inputs.iter().map(input).collect()
}

fn blank(owned: &Owned) -> Owned {
    match owned {
        Owned::Bytes(bytes) => Owned::Bytes(vec![77; bytes.len()]),
        Owned::Floats(floats) => Owned::Floats(vec![f32::NAN; floats.len()]),
        Owned::Sums(sums) => Owned::Sums(vec![i32::MIN; sums.len()]),
    }
}

fn data_mut(owned: &mut Owned) -> DataMut<'_> {
    match owned {
        Owned::Bytes(bytes) => DataMut::Bytes(bytes),
        Owned::Floats(floats) => DataMut::Floats(floats),
        Owned::Sums(sums) => DataMut::Sums(sums),
    }
}

fn run(
    graph: &Graph,
    kernels: &'static Kernels,
    threads: &Threads,
    inputs: &[Owned],
    expected: &[Owned],
) -> Vec<Owned> {
    let plan = Plan::new(graph, kernels, threads.count()).unwrap();
    let mut arena = plan.arena();
    let inputs: Vec<_> = inputs.iter().map(Owned::data).collect();
    let mut outputs: Vec<Owned> = expected.iter().map(blank).collect();
    // Twice: what the first run leaves in the arena means nothing to the second.
    for _ in 0..2 {
        let mut targets: Vec<DataMut<'_>> = outputs.iter_mut().map(data_mut).collect();
        plan.run(&mut arena, &inputs, &mut targets, threads).unwrap();
    }
    outputs
}

/// The same bits; what is no number has no bits of its own.
fn same(one: &Owned, other: &Owned) -> bool {
    let (Owned::Floats(one), Owned::Floats(other)) = (one, other) else { return one == other };
    let equal = |(one, other): (&f32, &f32)| one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan());
    one.len() == other.len() && one.iter().zip(other).all(equal)
}

#[test]
fn plans_equal_the_definition() {
    let pools: Vec<Threads> = (1..=3).map(|count| Threads::new(count).unwrap()).collect();
    for seed in 0..400 {
        let graph = Grower::grow(seed, 1 + seed as usize % 12);
        let inputs = inputs(&graph, seed);
        let data: Vec<_> = inputs.iter().map(Owned::data).collect();
        let expected = reference::run(&graph, &data).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        for kernels in Kernels::available() {
            for threads in &pools {
                let actual = run(&graph, kernels, threads, &inputs, &expected);
                for (place, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
                    let name = &graph.values[graph.outputs[place].0].name;
                    assert!(
                        same(actual, expected),
                        "seed {seed}, {}, {} threads: {name}",
                        kernels.name(),
                        threads.count()
                    );
                }
            }
        }
    }
}
