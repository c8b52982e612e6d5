//! How many bytes an inference moves: of what tract runs by its facts, of regions on integers by their own graphs.

use edgeval_int8::onnx as int8;
use edgeval_int8::traffic::Traffic;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Gather, Slice};
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::logic::IfThenElse;
use tract_onnx::tract_core::ops::scan::{InputMapping, Scan, iteration_count};
use tract_onnx::tract_core::ops::source::TypedSource;
use tract_onnx::tract_hir::internal::{TractErrorContext, bail};

use crate::inspection::BytesMoved;

/// Of one run of a simplified model, before tract chooses how its operators run: what it joins into one pass over memory
/// afterwards (a sum and the function of it) is counted as if it didn't.
pub(crate) fn bytes_moved(model: &TypedModel) -> BytesMoved {
    match of_model(model) {
        Ok(Traffic { weight_bytes, activation_bytes }) => BytesMoved::new(weight_bytes, activation_bytes),
        Err(error) => BytesMoved::Unknown { not_measured: error.root_cause().to_string() },
    }
}

fn of_model(model: &TypedModel) -> TractResult<Traffic> {
    let mut sum = Traffic::default();
    for id in model.eval_order()? {
        sum += of_node(model, model.node(id))?;
    }
    Ok(sum)
}

fn of_node(model: &TypedModel, node: &TypedNode) -> TractResult<Traffic> {
    if let Some(region) = int8::traffic(node) {
        return Ok(region);
    }
    if let Some(scan) = node.op_as::<Scan>() {
        return of_scan(model, node, scan);
    }
    if node.op_is::<IfThenElse>() {
        bail!("which way `{}` takes isn't known before it runs", node.name);
    }
    if node.op_is::<TypedSource>() || is_view(node) {
        return Ok(Traffic::default());
    }
    let written: u64 = node.outputs.iter().map(|output| bytes(node, &output.fact)).sum::<TractResult<_>>()?;
    if node.op_is::<Const>() {
        let is_picked_from = node
            .outputs
            .iter()
            .flat_map(|output| &output.successors)
            .all(|reader| reader.slot == 0 && picks(model.node(reader.node)));
        return Ok(Traffic { weight_bytes: if is_picked_from { 0 } else { written }, activation_bytes: 0 });
    }
    let mut moved = Traffic { weight_bytes: 0, activation_bytes: written };
    for (slot, input) in node.inputs.iter().enumerate() {
        let maker = model.node(input.node);
        match (picks(node) && slot == 0, maker.op_is::<Const>()) {
            (true, true) => moved.weight_bytes += written,
            (true, false) => moved.activation_bytes += written,
            // It was counted where it is.
            (false, true) => {}
            (false, false) => moved.activation_bytes += bytes(maker, model.outlet_fact(*input)?)?,
        }
    }
    Ok(moved)
}

/// Weights once, all else as often as it turns.
fn of_scan(model: &TypedModel, node: &TypedNode, scan: &Scan) -> TractResult<Traffic> {
    let facts = model.node_input_facts(node.id)?;
    let unknown = || format!("how often `{}` turns isn't known before it runs", node.name);
    let has_turns = scan.input_mapping.iter().any(|mapping| matches!(mapping, InputMapping::Scan(_)));
    let turns = if has_turns { iteration_count(&scan.input_mapping, &facts) } else { None };
    let turns = turns.and_then(|turns| turns.to_i64().ok()).with_context(unknown)?;
    let one = of_model(&scan.body)?;
    let turns = u64::try_from(turns).unwrap_or(0);
    Ok(Traffic { activation_bytes: one.activation_bytes.saturating_mul(turns), ..one })
}

/// Whether it only says that the same elements have another shape.
fn is_view(node: &TypedNode) -> bool {
    matches!(node.op_as::<AxisOp>(), Some(AxisOp::Add(_) | AxisOp::Rm(_) | AxisOp::Reshape(..)))
}

/// Whether it reads of its first input what it gives, and no more.
fn picks(node: &TypedNode) -> bool {
    node.op_is::<Gather>() || node.op_is::<Slice>()
}

fn bytes(maker: &TypedNode, fact: &TypedFact) -> TractResult<u64> {
    let known = fact.mem_size().to_i64().ok().and_then(|bytes| u64::try_from(bytes).ok());
    known.with_context(|| format!("how large what `{}` gives is isn't known before it runs", maker.name))
}

#[cfg(test)]
mod tests {
    use tract_onnx::tract_core::ops::einsum::EinSum;
    use tract_onnx::tract_core::ops::math;
    use tract_onnx::tract_core::ops::scan::{OutputMapping, ScanInfo};

    use super::*;

    fn floats(shape: &[usize]) -> Tensor {
        Tensor::zero::<f32>(shape).unwrap()
    }

    fn source(model: &mut TypedModel, name: &str, shape: &[usize]) -> OutletId {
        model.add_source(name, f32::fact(shape)).unwrap()
    }

    fn wire(model: &mut TypedModel, name: &str, op: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> OutletId {
        model.wire_node(name, op, inputs).unwrap()[0]
    }

    fn is(model: &TypedModel, weights: u64, activations: u64) {
        assert_eq!(bytes_moved(model), BytesMoved::Known { total: weights + activations, weights, activations });
    }

    /// (1, 4) by (4, 3), plus three biases; a tangent and a sigmoid of it, the one through another shape, added up.
    #[test]
    fn a_small_graph_is_counted_by_hand() {
        let mut model = TypedModel::default();
        let x = source(&mut model, "x", &[1, 4]);
        let weights = model.add_const("weights", floats(&[4, 3])).unwrap();
        let bias = model.add_const("bias", floats(&[1, 3])).unwrap();
        let product = EinSum::new("mk,kn->mn".parse().unwrap(), f32::datum_type());
        let product = wire(&mut model, "product", product, &[x, weights]);
        let sum = wire(&mut model, "sum", math::add(), &[product, bias]);
        let viewed = wire(&mut model, "viewed", AxisOp::Rm(0), &[sum]);
        let one = wire(&mut model, "tanh", math::tanh(), &[viewed]);
        let viewed = wire(&mut model, "viewed back", AxisOp::Add(0), &[one]);
        let two = wire(&mut model, "other", math::exp(), &[sum]);
        let both = wire(&mut model, "both", math::add(), &[viewed, two]);
        model.select_output_outlets(&[both]).unwrap();
        // The product reads 16 and writes 12, the sum 12 and 12, each function the same, their sum 24 and 12.
        is(&model, 48 + 12, 28 + 24 + 24 + 24 + 36);
    }

    #[test]
    fn what_picks_rows_reads_these_alone() {
        let mut model = TypedModel::default();
        let ids = model.add_source("ids", i64::fact([2])).unwrap();
        let table = model.add_const("table", floats(&[1000, 8])).unwrap();
        let rows = wire(&mut model, "rows", Gather::new(0), &[table, ids]);
        let first = wire(&mut model, "first", Slice::new(0, 0, 1), &[rows]);
        model.select_output_outlets(&[first]).unwrap();
        // Two rows of 32 bytes from the table; 16 of ids read and 64 written; a slice of 32 read and written.
        is(&model, 64, 16 + 64 + 64);
    }

    /// A recurrence over 5 steps of 2 numbers: the state times a matrix, plus the step's input.
    #[test]
    fn what_turns_moves_its_values_each_time_and_its_weights_once() {
        let mut body = TypedModel::default();
        let (step, state) = (source(&mut body, "step", &[1, 2]), source(&mut body, "state", &[1, 2]));
        let weights = body.add_const("weights", floats(&[2, 2])).unwrap();
        let product = EinSum::new("mk,kn->mn".parse().unwrap(), f32::datum_type());
        let product = wire(&mut body, "product", product, &[state, weights]);
        let next = wire(&mut body, "next", math::add(), &[product, step]);
        body.select_output_outlets(&[next]).unwrap();
        let inputs = vec![InputMapping::Scan(ScanInfo { axis: 0, chunk: 1 }), InputMapping::State];
        let outputs = vec![OutputMapping { scan: None, full_dim_hint: None, last_value_slot: Some(0), state: true }];
        let scan = Scan::new(body, inputs, outputs, 0).unwrap();
        let mut model = TypedModel::default();
        let (steps, start) = (source(&mut model, "steps", &[5, 2]), source(&mut model, "start", &[1, 2]));
        let last = wire(&mut model, "recurrence", scan, &[steps, start]);
        model.select_output_outlets(&[last]).unwrap();
        // A turn: the product reads 8 and writes 8, the sum reads 16 and writes 8.
        is(&model, 16, 5 * (16 + 24));
    }

    #[test]
    fn a_size_that_nobody_knows_is_no_zero() {
        let mut model = TypedModel::default();
        let length = model.symbols.sym("length");
        let x = model.add_source("x", f32::fact([length.to_dim()])).unwrap();
        let y = wire(&mut model, "tanh of it", math::tanh(), &[x]);
        model.select_output_outlets(&[y]).unwrap();
        let BytesMoved::Unknown { not_measured } = bytes_moved(&model) else { panic!("it is known") };
        assert!(not_measured.contains("`tanh of it`"), "{not_measured}");
        assert!(matches!(BytesMoved::new(1, 2).and(&bytes_moved(&model)), BytesMoved::Unknown { .. }));
        assert_eq!(BytesMoved::new(1, 2).and(&BytesMoved::new(3, 4)), BytesMoved::new(4, 6));
    }
}
