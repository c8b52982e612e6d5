//! ONNX Runtime, from the library that its Python package holds.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::SessionBuilder;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, TensorElementType, ValueType};

use crate::engine::{Engine, Load};
use crate::tensor::{Tensor, Values};

/// A session, its inputs, and the outputs of its last run.
pub struct OnnxRuntime {
    session: Session,
    inputs: Vec<(String, DynValue)>,
    outputs: Vec<(String, DynValue)>,
}

/// Makes ONNX Runtime ready: opens its library.
pub fn open(library: &Path) -> Result<Environment> {
    Ok(ort::init_from(library)?.build()?)
}

impl OnnxRuntime {
    /// Loads a model as ONNX Runtime does by default, or with exact products on processors without VNNI.
    pub fn load(environment: &Environment, load: &Load, exact: bool) -> Result<Self> {
        let precision = if exact { "1" } else { "0" };
        let refused = |error: ort::Error<SessionBuilder>| anyhow!("{error}");
        let builder = Session::builder(environment)?.with_intra_threads(load.threads).map_err(refused)?;
        let builder = builder.with_config_entry("session.x64quantprecision", precision).map_err(refused)?;
        let session = builder.with_log_level(LogLevel::Error).map_err(refused)?.commit_from_file(load.path)?;
        Ok(Self { session, inputs: Vec::new(), outputs: Vec::new() })
    }
}

impl Engine for OnnxRuntime {
    fn feed(&mut self, inputs: &[Tensor]) -> Result<()> {
        self.inputs =
            inputs.iter().map(|tensor| Ok((tensor.name.clone(), to_value(tensor)?))).collect::<Result<_>>()?;
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let inputs: Vec<(&str, SessionInputValue)> =
            self.inputs.iter().map(|(name, value)| (name.as_str(), value.into())).collect();
        let outputs = self.session.run(inputs)?;
        self.outputs = outputs.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<Tensor>> {
        self.outputs.iter().map(|(name, value)| from_value(name, value)).collect()
    }
}

fn to_value(tensor: &Tensor) -> Result<DynValue> {
    let shape = tensor.shape.clone();
    Ok(match &tensor.values {
        Values::F32(values) => ort::value::Tensor::from_array((shape, values.clone()))?.into_dyn(),
        Values::U8(values) => ort::value::Tensor::from_array((shape, values.clone()))?.into_dyn(),
        Values::I8(values) => ort::value::Tensor::from_array((shape, values.clone()))?.into_dyn(),
        Values::I32(values) => ort::value::Tensor::from_array((shape, values.clone()))?.into_dyn(),
        Values::I64(values) => ort::value::Tensor::from_array((shape, values.clone()))?.into_dyn(),
    })
}

fn from_value(name: &str, value: &DynValue) -> Result<Tensor> {
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { bail!("output `{name}` isn't a tensor") };
    let values = match ty {
        TensorElementType::Float32 => Values::F32(value.try_extract_tensor::<f32>()?.1.to_vec()),
        TensorElementType::Uint8 => Values::U8(value.try_extract_tensor::<u8>()?.1.to_vec()),
        TensorElementType::Int8 => Values::I8(value.try_extract_tensor::<i8>()?.1.to_vec()),
        TensorElementType::Int32 => Values::I32(value.try_extract_tensor::<i32>()?.1.to_vec()),
        TensorElementType::Int64 => Values::I64(value.try_extract_tensor::<i64>()?.1.to_vec()),
        other => bail!("output `{name}` has elements of {other:?}"),
    };
    let lengths = shape.iter().map(|&length| usize::try_from(length));
    let shape = lengths.collect::<Result<_, _>>().with_context(|| format!("output `{name}` has no shape"))?;
    Ok(Tensor { name: name.to_owned(), shape, values })
}
