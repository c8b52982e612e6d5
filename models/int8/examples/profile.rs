//! Where a model's time goes: `cargo run --example profile -- model.onnx [THREADS] [QUERIES]`.
//!
//! Prints what isn't run on integers, the median time of each region's steps, longest first, and their sum.

use std::collections::BTreeMap;

use edgeval_int8::graph::Kind;
use edgeval_int8::onnx::{Lowered, Options, load};
use edgeval_int8::plan::Plan;
use edgeval_int8::reference::Owned;
use edgeval_int8::tensor::DataMut;
use edgeval_int8::threads::Threads;
use tract_onnx::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name an ONNX file")?;
    let threads = arguments.next().map_or(Ok(1), |count| count.parse())?;
    let queries = arguments.next().map_or(Ok(30), |count| count.parse())?;
    let started = std::time::Instant::now();
    let proto = tract_onnx::onnx().proto_model_for_path(path)?;
    let options = Options { threads, ..Options::default() };
    let Lowered { model, coverage, plans } = load(proto, &options, |_| Ok(()))?;
    println!("loaded in {:.1} ms, {} regions", started.elapsed().as_secs_f64() * 1e3, coverage.regions);
    let _model = model.into_optimized()?.into_runnable()?;
    println!("ready in {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    println!("{:?} of the multiply-accumulates run on integers", coverage.share());
    for node in coverage.nodes.iter().filter(|node| !node.on_integers) {
        println!("  {} {}: {}", node.operator, node.name, node.reason.as_deref().unwrap_or(""));
    }
    let threads = Threads::new(threads)?;
    for plan in plans {
        profile(&plan, &threads, queries)?;
    }
    Ok(())
}

fn profile(plan: &Plan, threads: &Threads, queries: usize) -> Result<(), Box<dyn std::error::Error>> {
    let zeros = |kind: Kind, length: usize| match kind {
        Kind::Float => Owned::Floats((0..length).map(|place| (place % 97) as f32 / 48.0 - 1.0).collect()),
        Kind::Sums => Owned::Sums(vec![0; length]),
        _ => Owned::Bytes((0..length).map(|place| (place * 31 % 251) as u8).collect()),
    };
    let values = |values: &[edgeval_int8::graph::Value]| -> Vec<Owned> {
        values.iter().map(|value| zeros(value.kind, value.shape.iter().product())).collect()
    };
    let (inputs, mut outputs) = (values(plan.inputs()), values(plan.outputs()));
    let inputs: Vec<_> = inputs.iter().map(Owned::data).collect();
    let mut arena = plan.arena();
    let mut times: BTreeMap<usize, (String, Vec<f64>)> = BTreeMap::new();
    for _ in 0..queries {
        let mut targets: Vec<DataMut<'_>> = outputs.iter_mut().map(data_mut).collect();
        for (step, (name, time)) in plan.profile(&mut arena, &inputs, &mut targets, threads)?.into_iter().enumerate() {
            times.entry(step).or_insert((name, Vec::new())).1.push(time);
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let mut steps: Vec<(String, f64)> = times.into_values().map(|(name, times)| (name, median(times))).collect();
    let total: f64 = steps.iter().map(|(_, time)| time).sum();
    steps.sort_by(|one, two| two.1.total_cmp(&one.1));
    println!("region: {} steps, {total:.1} us, arena {} bytes", steps.len(), plan.arena_bytes());
    steps.iter().take(25).for_each(|(name, time)| println!("  {time:9.1} us  {name}"));
    Ok(())
}

fn data_mut(owned: &mut Owned) -> DataMut<'_> {
    match owned {
        Owned::Bytes(bytes) => DataMut::Bytes(bytes),
        Owned::Floats(floats) => DataMut::Floats(floats),
        Owned::Sums(sums) => DataMut::Sums(sums),
    }
}
