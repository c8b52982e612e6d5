//! Floats between quantized parts stay in their region, and are what tract makes of them.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod model;

use model::{File, bytes, integer, integers, values, wave};

const ROWS: [usize; 3] = [2, 7, 20];

/// A quantized product of the input: `real` are its floats.
fn product() -> File {
    let file = File::new(&ROWS).floats("s", &[], &[0.01]).unsigned("z", &[], &[120]).floats("sw", &[], &[0.004]);
    let file = file.signed("zw", &[], &[0]).floats("so", &[], &[0.03]).unsigned("zo", &[], &[110]);
    let file = file.signed("w", &[20, 20], &bytes(400)).node("DequantizeLinear", "w sw zw", "weights");
    file.bordered("x", "s z", "taken").node("MatMul", "taken weights", "sums").bordered("sums", "so zo", "real")
}

/// What `island` makes of `real` within a region, and what tract makes of the same floats.
#[track_caller]
fn same(island: impl Fn(File) -> File) {
    let (given, coverage) = island(product()).run("y", &wave(&ROWS)).unwrap();
    assert_eq!(coverage.regions, 1);
    let (real, _) = product().run("real", &wave(&ROWS)).unwrap();
    // Nothing is quantized there, so there is no region.
    let (expected, coverage) = island(File::new(&ROWS).node("Identity", "x", "real")).run("y", &real).unwrap();
    assert_eq!(coverage.regions, 0);
    assert_eq!(given.shape(), expected.shape());
    for (given, expected) in values(&given).into_iter().zip(values(&expected)) {
        let close = given == expected || (given - expected).abs() <= 1e-5 * expected.abs().max(1.0);
        assert!(close || (given.is_nan() && expected.is_nan()), "{given}, not {expected}");
    }
}

#[test]
fn functions_of_one_value() {
    for operator in ["Sqrt", "Neg", "Abs", "Reciprocal", "Exp", "Erf", "Tanh", "Sigmoid", "Relu"] {
        same(|file| file.node(operator, "real", "y"));
    }
    same(|file| file.floats("low", &[], &[-0.5]).floats("high", &[], &[0.75]).node("Clip", "real low high", "y"));
    for power in [2.0, 0.5] {
        same(|file| file.floats("p", &[], &[power]).node("Pow", "real p", "y"));
    }
}

#[test]
fn operators_of_two_values() {
    for operator in ["Add", "Sub", "Mul", "Div"] {
        same(|file| file.floats("c", &[7, 1], &[1.0, 2.0, 3.0, -4.0, 5.5, 6.0, 7.0]).node(operator, "real c", "y"));
        same(|file| file.floats("c", &[1], &[3.0]).node(operator, "c real", "y"));
        same(|file| file.node(operator, "real real", "y"));
    }
}

#[test]
fn reductions() {
    for operator in ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"] {
        same(|file| file.integers("axes", &[-1]).node(operator, "real axes", "y"));
        let few = || vec![integer("keepdims", 0)];
        same(|file| file.integers("axes", &[1, 0]).node_with(operator, "real axes", "y", few()));
    }
}

#[test]
fn attention() {
    same(|file| {
        let turned = file.node_with("Transpose", "real", "keys", vec![integers("perm", &[0, 2, 1])]);
        let scores = turned.node("MatMul", "real keys", "scores").floats("c", &[], &[0.2]);
        let weights = scores.node("Mul", "scores c", "scaled").node("Softmax", "scaled", "shares");
        weights.node("Identity", "shares", "y")
    });
}

#[test]
fn norms_are_one_operator_or_many() {
    let one = |file: File| {
        let file = file.floats("scale", &[20], &[1.5; 20]).floats("bias", &[20], &[0.25; 20]);
        file.node("LayerNormalization", "real scale bias", "y")
    };
    let many = |file: File| {
        let file = file.floats("scale", &[20], &[1.5; 20]).floats("bias", &[20], &[0.25; 20]);
        let file = file.floats("e", &[], &[1e-5]).integers("last", &[2]);
        let file = file.node("ReduceMean", "real last", "mean").node("Sub", "real mean", "centred");
        let file = file.node("Mul", "centred centred", "squares").node("ReduceMean", "squares last", "variance");
        let file = file.node("Add", "variance e", "above").node("Sqrt", "above", "deviation");
        let file = file.node("Div", "centred deviation", "normal").node("Mul", "normal scale", "scaled");
        file.node("Add", "scaled bias", "y")
    };
    same(one);
    same(many);
    let given = |file: File| values(&file.run("y", &wave(&ROWS)).unwrap().0);
    assert_eq!(given(one(product())), given(many(product())));
}

#[test]
fn elements_that_move() {
    same(|file| file.node_with("Transpose", "real", "y", vec![integers("perm", &[2, 0, 1])]));
    same(|file| file.node_with("Concat", "real real", "y", vec![integer("axis", 1)]));
    same(|file| file.node("Flatten", "real", "y"));
}

#[test]
fn a_large_product_of_floats_stays_with_tract() {
    let file = product().floats("c", &[20, 4000], &vec![0.01; 80_000]).node("MatMul", "real c", "y");
    let (_, coverage) = file.run("y", &wave(&ROWS)).unwrap();
    assert_eq!(coverage.share(), Some(20.0 / 4020.0));
}

/// Who changes one input needn't compute again what hangs on the others.
#[test]
fn what_hangs_on_other_inputs_is_another_region() {
    let file = product().input("x2", &ROWS).bordered("x2", "s z", "second").node("MatMul", "second weights", "sums2");
    let file = file.bordered("sums2", "so zo", "real2").node("Add", "real real2", "both");
    let file = file.bordered("both", "so zo", "joined").node("MatMul", "joined weights", "y");
    assert_eq!(file.coverage("y").regions, 3);
}
