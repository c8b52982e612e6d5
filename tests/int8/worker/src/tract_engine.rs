//! tract, plain or with edgeval's integer execution.

use anyhow::{Context, Result, bail};
use edgeval_int8::onnx::Options;
use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::InferenceModel;

use crate::engine::{Engine, Load};
use crate::tensor::{Tensor, Values};

/// A plan, its inputs, and the outputs of its last run.
pub struct Tract {
    state: TypedSimpleState,
    input_names: Vec<String>,
    output_names: Vec<String>,
    threads: Option<Executor>,
    inputs: TVec<TValue>,
    outputs: TVec<TValue>,
}

impl Tract {
    /// Loads a model as tract itself does.
    pub fn load_plain(load: &Load) -> Result<Self> {
        let onnx = tract_onnx::onnx();
        let proto = onnx.proto_model_for_path(load.path)?;
        let output_names = names_of_outputs(&proto)?;
        let model = onnx.model_for_proto_model(&proto)?;
        drop(proto);
        Self::finish(model, output_names, load)
    }

    /// Loads a model with its quantized regions on integers.
    pub fn load_int8(load: &Load) -> Result<Self> {
        let proto = tract_onnx::onnx().proto_model_for_path(load.path)?;
        let output_names = names_of_outputs(&proto)?;
        let options = Options { threads: load.threads, ..Options::default() };
        let lowered = edgeval_int8::onnx::load(proto, &options, |_| Ok(()))?;
        Self::finish(lowered.model, output_names, load)
    }

    fn finish(model: InferenceModel, output_names: Vec<String>, load: &Load) -> Result<Self> {
        let threads = (load.threads > 1).then(|| Executor::multithread_with_name(load.threads, "inference"));
        let input_names = model.inputs.iter().map(|outlet| model.node(outlet.node).name.clone()).collect();
        let state = model.into_optimized()?.into_runnable()?.spawn()?;
        Ok(Self { state, input_names, output_names, threads, inputs: tvec![], outputs: tvec![] })
    }
}

fn names_of_outputs(proto: &ModelProto) -> Result<Vec<String>> {
    let graph = proto.graph.as_ref().context("the file has no graph")?;
    Ok(graph.output.iter().map(|output| output.name.clone()).collect())
}

impl Engine for Tract {
    fn feed(&mut self, inputs: &[Tensor]) -> Result<()> {
        let of_name = |name: &String| {
            let tensor = inputs.iter().find(|tensor| tensor.name == *name);
            to_tract(tensor.with_context(|| format!("input `{name}` is missing"))?)
        };
        self.inputs = self.input_names.iter().map(of_name).collect::<Result<_>>()?;
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let inputs = self.inputs.clone();
        let state = &mut self.state;
        self.outputs = match &self.threads {
            Some(pool) => multithread_tract_scope(pool.clone(), || state.run(inputs)),
            None => state.run(inputs),
        }?;
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<Tensor>> {
        self.output_names.iter().zip(&self.outputs).map(|(name, value)| from_tract(name, value)).collect()
    }
}

fn to_tract(tensor: &Tensor) -> Result<TValue> {
    let shape = &tensor.shape;
    Ok(match &tensor.values {
        Values::F32(values) => tract_onnx::prelude::Tensor::from_shape(shape, values)?,
        Values::U8(values) => tract_onnx::prelude::Tensor::from_shape(shape, values)?,
        Values::I8(values) => tract_onnx::prelude::Tensor::from_shape(shape, values)?,
        Values::I32(values) => tract_onnx::prelude::Tensor::from_shape(shape, values)?,
        Values::I64(values) => tract_onnx::prelude::Tensor::from_shape(shape, values)?,
    }
    .into_tvalue())
}

fn from_tract(name: &str, value: &TValue) -> Result<Tensor> {
    let plain = value.try_as_plain_ram()?;
    let kind = value.datum_type().unquantized();
    let values = if kind == f32::datum_type() {
        Values::F32(plain.as_slice::<f32>()?.to_vec())
    } else if kind == u8::datum_type() {
        Values::U8(plain.as_slice::<u8>()?.to_vec())
    } else if kind == i8::datum_type() {
        Values::I8(plain.as_slice::<i8>()?.to_vec())
    } else if kind == i32::datum_type() {
        Values::I32(plain.as_slice::<i32>()?.to_vec())
    } else if kind == i64::datum_type() {
        Values::I64(plain.as_slice::<i64>()?.to_vec())
    } else {
        bail!("output `{name}` has elements of {kind:?}")
    };
    Ok(Tensor { name: name.to_owned(), shape: value.shape().to_vec(), values })
}
