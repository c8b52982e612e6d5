//! rten.

use std::sync::Arc;

use anyhow::{Context, Result};
use rten::{Model, NodeId, RunOptions, ThreadPool, Value, ValueOrView, ValueView};
use rten_tensor::prelude::*;

use crate::engine::{Engine, Load};
use crate::tensor::{Tensor, Values};

/// A model, its inputs, and the outputs of its last run.
pub struct Rten {
    model: Model,
    options: RunOptions,
    inputs: Vec<(NodeId, Value)>,
    outputs: Vec<Value>,
}

impl Rten {
    /// Loads a model.
    pub fn load(load: &Load) -> Result<Self> {
        let model = rten::ModelOptions::with_all_ops().load_file(load.path)?;
        let pool = Arc::new(ThreadPool::with_num_threads(load.threads));
        let options = RunOptions::default().with_thread_pool(Some(pool));
        Ok(Self { model, options, inputs: Vec::new(), outputs: Vec::new() })
    }
}

impl Engine for Rten {
    fn feed(&mut self, inputs: &[Tensor]) -> Result<()> {
        let named = |tensor: &Tensor| Ok((self.model.node_id(&tensor.name)?, to_value(tensor)?));
        self.inputs = inputs.iter().map(named).collect::<Result<_>>()?;
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let inputs = self.inputs.iter().map(|(id, value)| (*id, ValueOrView::View(value.as_view()))).collect();
        self.outputs = self.model.run(inputs, self.model.output_ids(), Some(self.options.clone()))?;
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<Tensor>> {
        let names = self.model.output_ids().iter().map(|id| self.model.node_info(*id));
        let name =
            |info: Option<rten::NodeInfo>| info.and_then(|info| info.name().map(str::to_owned)).unwrap_or_default();
        names.zip(&self.outputs).map(|(info, value)| from_value(name(info), value)).collect()
    }
}

fn to_value(tensor: &Tensor) -> Result<Value> {
    Ok(match &tensor.values {
        Values::F32(values) => Value::from_shape(&tensor.shape, values.clone())?,
        Values::U8(values) => Value::from_shape(&tensor.shape, values.clone())?,
        Values::I8(values) => Value::from_shape(&tensor.shape, values.clone())?,
        Values::I32(values) => Value::from_shape(&tensor.shape, values.clone())?,
        Values::I64(values) => {
            let narrow = values.iter().map(|&value| i32::try_from(value)).collect::<Result<Vec<_>, _>>();
            Value::from_shape(&tensor.shape, narrow?)?
        }
    })
}

fn from_value(name: String, value: &Value) -> Result<Tensor> {
    let (shape, values) = match value.as_view() {
        ValueView::FloatTensor(view) => (view.shape().to_vec(), Values::F32(view.to_vec())),
        ValueView::Int32Tensor(view) => (view.shape().to_vec(), Values::I32(view.to_vec())),
        ValueView::Int8Tensor(view) => (view.shape().to_vec(), Values::I8(view.to_vec())),
        ValueView::UInt8Tensor(view) => (view.shape().to_vec(), Values::U8(view.to_vec())),
        _ => return None.context("output isn't a tensor"),
    };
    Ok(Tensor { name, shape, values })
}
