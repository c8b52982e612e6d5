//! Runs a model so many times, so that an emulator can count its instructions:
//! `cargo run --example repeat -- model.onnx int8|tract RUNS`.
//!
//! The model has one or more `f32` inputs of known shapes; they get the same numbers each time.

use edgeval_int8::onnx::{Options, load};
use tract_onnx::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, engine, runs] = &words[..] else { return Err("say: FILE int8|tract RUNS".into()) };
    let model = match engine.as_str() {
        "int8" => load(tract_onnx::onnx().proto_model_for_path(path)?, &Options::default(), |_| Ok(()))?.model,
        _ => tract_onnx::onnx().model_for_path(path)?,
    };
    let model = model.into_optimized()?.into_runnable()?;
    let facts = model.model().input_outlets()?.iter().map(|outlet| model.model().outlet_fact(*outlet));
    let inputs = facts.map(|fact| numbers(fact?)).collect::<Result<TVec<TValue>, _>>()?;
    for _ in 0..runs.parse()? {
        model.run(inputs.clone())?;
    }
    Ok(())
}

fn numbers(fact: &TypedFact) -> Result<TValue, Box<dyn std::error::Error>> {
    let shape = fact.shape.as_concrete().ok_or("an input's shape isn't known")?;
    let values = (0..shape.iter().product::<usize>()).map(|place| (place * 37 % 101) as f32 / 50.0 - 1.0).collect();
    Ok(tract_ndarray::ArrayD::from_shape_vec(shape, values)?.into_tensor().into_tvalue())
}
