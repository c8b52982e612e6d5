//! One model in the forms that different tools write it in: the form changes no value, and what runs on integers in one
//! form does so in the others.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod model;

use model::{File, bytes, in_float, inner, integer, integers, values, wave};
use tract_onnx::prelude::*;

const PICTURE: [usize; 4] = [1, 3, 6, 5];

/// A quantized input, and the parameters of everything.
fn start(shape: &[usize]) -> File {
    let file = File::new(shape).floats("s", &[], &[0.01]).unsigned("z", &[], &[120]).floats("sw", &[], &[0.004]);
    file.signed("zw", &[], &[0]).floats("so", &[], &[0.03]).unsigned("zo", &[], &[110]).bordered("x", "s z", "real")
}

/// Weights of four output channels.
fn weighted(file: File) -> File {
    file.signed("w", &[4, 3, 3, 3], &bytes(108)).node("DequantizeLinear", "w sw zw", "weights")
}

/// What two files give for the same input; the second one runs on integers as a whole.
fn same(one: File, other: File, shape: &[usize]) {
    let (expected, _) = one.run("y", &wave(shape)).unwrap();
    let (given, coverage) = other.run("y", &wave(shape)).unwrap();
    assert_eq!(values(&given), values(&expected));
    assert_eq!(coverage.share(), Some(1.0), "{:?}", in_float(&coverage));
}

fn convolved() -> File {
    weighted(start(&PICTURE)).node("Conv", "real weights", "sums").bordered("sums", "so zo", "y")
}

#[test]
fn weights_may_be_quantized_by_the_file() {
    let floats: Vec<f32> = bytes(108).iter().map(|byte| f32::from(*byte) * 0.004).collect();
    let file = start(&PICTURE).floats("w", &[4, 3, 3, 3], &floats).bordered("w", "sw zw", "weights");
    same(convolved(), file.node("Conv", "real weights", "sums").bordered("sums", "so zo", "y"), &PICTURE);
}

#[test]
fn weights_may_be_turned() {
    let channels = |file: File| file.floats("sc", &[2], &[0.004, 0.002]);
    let plain = channels(start(&[2, 3])).signed("w", &[3, 2], &[1, 4, 2, 5, 3, 6]);
    let plain = plain.node("DequantizeLinear", "w sc", "weights").node("MatMul", "real weights", "sums");
    let turned = channels(start(&[2, 3])).signed("w", &[2, 3], &[1, 2, 3, 4, 5, 6]);
    let turned = turned.node_with("DequantizeLinear", "w sc", "columns", vec![integer("axis", 0)]);
    let turned = turned.node("Transpose", "columns", "weights").node("MatMul", "real weights", "sums");
    same(plain.bordered("sums", "so zo", "y"), turned.bordered("sums", "so zo", "y"), &[2, 3]);
}

#[test]
fn elements_may_move_between_a_border_and_a_convolution() {
    let order = |axes| vec![integers("perm", axes)];
    let (last, first): (&[i64], &[i64]) = (&[0, 2, 3, 1], &[0, 3, 1, 2]);
    let shape = [1, 6, 5, 3];
    let pairs = weighted(start(&shape)).node_with("Transpose", "real", "turned", order(first));
    let pairs = pairs.bordered("turned", "s z", "again").node("Conv", "again weights", "sums");
    let pairs = pairs.bordered("sums", "so zo", "made").node_with("Transpose", "made", "back", order(last));
    let bare = weighted(start(&shape)).node_with("Transpose", "real", "turned", order(first));
    let bare = bare.node("Conv", "turned weights", "sums").node_with("Transpose", "sums", "back", order(last));
    same(pairs.bordered("back", "so zo", "y"), bare.bordered("back", "so zo", "y"), &shape);
}

#[test]
fn an_activation_may_stand_behind_a_concatenation() {
    let sums = |file: File| weighted(file).node("Conv", "real weights", "sums").node("Conv", "real weights", "others");
    let joined = |file: File, pair: &str| file.node_with("Concat", pair, "joined", vec![integer("axis", 1)]);
    let pairs = sums(start(&PICTURE)).bordered("sums", "so zo", "one").bordered("others", "so zo", "two");
    let pairs = joined(pairs, "one two").bordered("joined", "so zo", "both").node("Relu", "both", "active");
    let bare = joined(sums(start(&PICTURE)), "sums others").node("Relu", "joined", "active");
    same(pairs.bordered("active", "so zo", "y"), bare.bordered("active", "so zo", "y"), &PICTURE);
}

#[test]
fn a_constant_may_be_joined_on() {
    let file = start(&[1, 2, 3]).signed("c", &[1, 1, 3], &[5, -7, 90]).node("DequantizeLinear", "c sw zw", "constant");
    let file = file.node_with("Concat", "constant real", "joined", vec![integer("axis", 1)]);
    let (given, coverage) = file.bordered("joined", "so zo", "y").run("y", &wave(&[1, 2, 3])).unwrap();
    assert_eq!(coverage.regions, 1);
    assert_eq!(values(&given)[..3], [5, -7, 90].map(|byte| (byte as f32 * 0.004 / 0.03).round_ties_even() * 0.03));
}

#[test]
fn rows_of_a_table_stay_bytes() {
    let file = start(&[2]).signed("w", &[5, 3], &bytes(15)).node("DequantizeLinear", "w sw zw", "table");
    let file = file.node_with("Cast", "x", "places", vec![integer("to", 7)]).node("Gather", "table places", "rows");
    let x = Tensor::from_shape(&[2], &[4.0_f32, 1.0]).unwrap();
    let (given, coverage) = file.bordered("rows", "so zo", "y").run("y", &x).unwrap();
    let expected = [4, 1].map(|row| bytes(15)[3 * row..3 * row + 3].to_vec()).concat();
    let expected = expected.into_iter().map(|byte| (f32::from(byte) * 0.004 / 0.03).round_ties_even() * 0.03);
    assert_eq!((values(&given), coverage.regions), (expected.collect(), 1));
}

#[test]
fn what_a_branch_reads_is_there() {
    let of_branch = |operator: &str| File::default().node(operator, "real", "out").branch("out");
    let file = convolved().signed("one", &[], &[1]).node_with("Cast", "one", "yes", vec![integer("to", 9)]);
    let branches = vec![inner("then_branch", of_branch("Neg")), inner("else_branch", of_branch("Abs"))];
    let (given, _) = file.node_with("If", "yes", "chosen", branches).run("chosen", &wave(&PICTURE)).unwrap();
    let (expected, _) = convolved().node("Neg", "real", "chosen").run("chosen", &wave(&PICTURE)).unwrap();
    assert_eq!(values(&given), values(&expected));
}

#[test]
fn parameters_of_float_operators_may_be_quantized() {
    let file = convolved().signed("p", &[4], &[20, 40, 60, 80]).node("DequantizeLinear", "p so", "factors");
    let file = file.node("BatchNormalization", "y factors factors factors factors", "normal");
    let (given, _) = file.run("normal", &wave(&PICTURE)).unwrap();
    assert_eq!(given.shape(), [1, 4, 4, 3]);
}

#[test]
fn the_type_may_be_named_by_an_attribute() {
    let signed = |file: File| file.node_with("QuantizeLinear", "x s", "q", vec![integer("output_dtype", 3)]);
    let file = signed(weighted(start(&PICTURE))).node("DequantizeLinear", "q s", "read");
    let file = file.node("Conv", "read weights", "sums").bordered("sums", "so zo", "y");
    let zero =
        weighted(start(&PICTURE)).node("QuantizeLinear", "x s zw", "q").node("DequantizeLinear", "q s zw", "read");
    same(zero.node("Conv", "read weights", "sums").bordered("sums", "so zo", "y"), file, &PICTURE);
}

#[test]
fn a_bias_of_rows_is_no_bias_of_columns() {
    let file =
        start(&[2, 3]).signed("w", &[3, 2], &[10, 0, 10, 0, 10, 0]).node("DequantizeLinear", "w sw zw", "weights");
    let file =
        file.floats("b", &[2, 1], &[0.0, 3.0]).node("Gemm", "real weights b", "sums").bordered("sums", "so zo", "y");
    let (given, _) = file.run("y", &wave(&[2, 3])).unwrap();
    let rows = values(&given);
    assert!(rows[0].abs() < 0.2 && rows[1].abs() < 0.2 && rows[2] > 2.5 && rows[3] > 2.5, "{rows:?}");
}

#[test]
fn channels_may_lie_at_the_end() {
    let qlinear = |file: File, attributes| {
        let file = file.signed("w", &[4, 3, 3, 3], &bytes(108));
        file.node_with("QLinearConv", "q s z w sw zw so zo", "bytes", attributes)
    };
    let turn = |file: File, from: &str, to: &str, order: &[i64]| {
        file.node_with("Transpose", from, to, vec![integers("perm", order)])
    };
    let shape = [1, 6, 5, 3];
    let quantized = || start(&shape).node("QuantizeLinear", "x s z", "taken");
    let plain = qlinear(turn(quantized(), "taken", "q", &[0, 3, 1, 2]), vec![]);
    let plain = turn(plain, "bytes", "last", &[0, 2, 3, 1]).node("DequantizeLinear", "last so zo", "y");
    let last = start(&shape).node("QuantizeLinear", "x s z", "q");
    let attributes = vec![integer("channels_last", 1), integers("kernel_shape", &[3, 3])];
    same(plain, qlinear(last, attributes).node("DequantizeLinear", "bytes so zo", "y"), &shape);
}

#[test]
fn fused_products_are_taken_apart() {
    let weights = |file: File| file.signed("w", &[3, 2], &[1, 4, 2, 5, 3, 6]).floats("b", &[2], &[0.5, -0.5]);
    let fused = weights(start(&[2, 3])).node("DynamicQuantizeMatMul", "x w sw zw b", "y");
    let parts = weights(start(&[2, 3])).node("DynamicQuantizeLinear", "x", "q qs qz");
    let parts =
        parts.node("MatMulInteger", "q w qz zw", "sums").node_with("Cast", "sums", "floats", vec![integer("to", 1)]);
    let parts =
        parts.node("Mul", "qs sw", "scale").node("Mul", "floats scale", "product").node("Add", "product b", "y");
    same(parts, fused, &[2, 3]);
}

#[test]
fn a_quantized_lstm_runs_in_float() {
    let shape = [5, 1, 3];
    let file = File::new(&shape).floats("s", &[1], &[0.01]).signed("z", &[1], &[0]);
    let fused = file.clone().signed("w", &[1, 3, 8], &bytes(24)).signed("r", &[1, 2, 8], &bytes(16));
    let hidden = || vec![integer("hidden_size", 2)];
    let fused = fused.node_with("DynamicQuantizeLSTM", "x w r _ _ _ _ _ s z s z", "y", hidden());
    let reals = |rows: usize, depth: usize| -> Vec<f32> {
        let all = bytes(rows * depth);
        (0..rows * depth).map(|place| f32::from(all[place % depth * rows + place / depth]) * 0.01).collect()
    };
    let plain = file.floats("w", &[1, 8, 3], &reals(8, 3)).floats("r", &[1, 8, 2], &reals(8, 2));
    let (expected, _) = plain.node_with("LSTM", "x w r", "y", hidden()).run("y", &wave(&shape)).unwrap();
    let (given, coverage) = fused.run("y", &wave(&shape)).unwrap();
    assert_eq!(values(&given), values(&expected));
    assert!(in_float(&coverage).contains_key("LSTM"));
    assert_eq!(coverage.macs(), 5 * 8 * (3 + 2));
}

#[test]
fn what_runs_in_float_counts() {
    let file = convolved().floats("t", &[4, 2, 2, 2], &[0.1; 32]).node("ConvTranspose", "y t", "larger");
    let (_, coverage) = file.run("larger", &wave(&PICTURE)).unwrap();
    let convolution = 4 * 4 * 3 * 27;
    assert_eq!((coverage.integer_macs(), coverage.macs()), (convolution, convolution + 4 * 4 * 3 * 8));
}

#[test]
fn windows_side_by_side_are_blocks_of_pixels() {
    let file = start(&PICTURE).signed("w", &[3, 2, 2, 3], &bytes(36)).node("DequantizeLinear", "w sw zw", "weights");
    let large =
        |file: File| file.node_with("ConvTranspose", "real weights", "large", vec![integers("strides", &[2, 3])]);
    let quantized = large(file.clone()).node("Relu", "large", "active").bordered("active", "so zo", "y");
    let (given, coverage) = quantized.run("y", &wave(&PICTURE)).unwrap();
    let (expected, _) = large(file).node("Relu", "large", "y").run("y", &wave(&PICTURE)).unwrap();
    let rounded = values(&expected).into_iter().map(|value| (value / 0.03).round_ties_even() * 0.03);
    assert_eq!(values(&given), rounded.collect::<Vec<f32>>());
    assert_eq!(coverage.share(), Some(1.0), "{:?}", in_float(&coverage));
}

#[test]
fn what_is_not_known_is_named() {
    let attention = start(&[2, 3]).foreign("QAttention", "real", "y");
    let error = attention.run("y", &wave(&[2, 3])).unwrap_err().to_string();
    assert!(error.contains("QAttention") && error.contains("optimizer"), "{error}");
    let error = convolved().narrow("w").run("y", &wave(&PICTURE)).unwrap_err().to_string();
    assert!(error.contains("`w`") && error.contains("INT4"), "{error}");
}

/// tract alone counts from 0 to 2⁶⁴ − 1 for these: a fuzzer's find.
#[test]
fn an_axis_before_the_first_is_refused() {
    for axis in [-3, 2, i64::MIN] {
        let file = start(&[2, 3]).floats("one", &[3], &[1.0; 3]);
        let file = file.node_with("LayerNormalization", "real one", "y", vec![integer("axis", axis)]);
        let error = file.run("y", &wave(&[2, 3])).unwrap_err();
        assert!(format!("{error:?}").contains(&format!("axis {axis} of a tensor of rank 2")), "{error:?}");
    }
    for axis in [-1, 1] {
        let file = start(&[2, 3]).floats("one", &[3], &[1.0; 3]);
        let file = file.node_with("LayerNormalization", "real one", "y", vec![integer("axis", axis)]);
        assert!(file.run("y", &wave(&[2, 3])).is_ok());
    }
}
