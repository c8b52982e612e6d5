//! Recorded pieces of quantized models against what ONNX Runtime gives for them.
//!
//! Each is a small ONNX file with its inputs and, as `expected:NAME`, the outputs that ONNX Runtime computed with exact
//! products (tests/int8/record_vectors.py made them). Its kernels for other processors round exact halves otherwise here
//! and there, so one value in a thousand may be one step off.

#![cfg(feature = "onnx")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use edgeval_int8::kernels::Kernels;
use edgeval_int8::onnx::{Options, load};
use tract_onnx::prelude::*;

type Named = BTreeMap<String, Tensor>;

/// What a file of tensors holds: for each a line `name dtype d0,d1,…`, then its bytes.
fn read(path: &Path) -> Named {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut tensors = Named::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let header = std::str::from_utf8(&rest[..end]).unwrap();
        let [name, kind, shape] = header.split(' ').collect::<Vec<_>>()[..] else { panic!("{header}") };
        let shape: Vec<usize> =
            shape.split(',').filter(|length| !length.is_empty()).map(|length| length.parse().unwrap()).collect();
        let kind = match kind {
            "float32" => DatumType::F32,
            "int32" => DatumType::I32,
            "uint8" => DatumType::U8,
            "int8" => DatumType::I8,
            other => panic!("{other}"),
        };
        let length = shape.iter().product::<usize>() * kind.size_of();
        let (values, after) = rest[end + 1..].split_at(length);
        tensors.insert(name.to_owned(), tensor(kind, &shape, values));
        rest = after;
    }
    tensors
}

fn tensor(kind: DatumType, shape: &[usize], bytes: &[u8]) -> Tensor {
    let words = || bytes.chunks_exact(4).map(|word| word.try_into().unwrap());
    match kind {
        DatumType::F32 => Tensor::from_shape(shape, &words().map(f32::from_le_bytes).collect::<Vec<_>>()),
        DatumType::I32 => Tensor::from_shape(shape, &words().map(i32::from_le_bytes).collect::<Vec<_>>()),
        DatumType::I8 => Tensor::from_shape(shape, &bytes.iter().map(|byte| byte.cast_signed()).collect::<Vec<_>>()),
        _ => Tensor::from_shape(shape, bytes),
    }
    .unwrap()
}

/// Runs a piece; its outputs by name.
fn run(path: &Path, tensors: &Named, kernels: &'static Kernels) -> TractResult<Named> {
    let proto = tract_onnx::onnx().proto_model_for_path(path).unwrap();
    let names: Vec<String> = proto.graph.as_ref().unwrap().output.iter().map(|output| output.name.clone()).collect();
    let options = Options { kernels, ..Options::default() };
    let model = load(proto, &options, |_| Ok(()))?.model;
    let inputs = model.inputs.iter().map(|outlet| tensors[&model.node(outlet.node).name].clone().into_tvalue());
    let inputs: TVec<TValue> = inputs.collect();
    let outputs = model.into_optimized()?.into_runnable()?.run(inputs)?;
    Ok(names.into_iter().zip(outputs.into_iter().map(TValue::into_tensor)).collect())
}

/// Elements as integers; none for floats, which aren't compared.
fn integers(tensor: &Tensor) -> Option<Vec<i64>> {
    let kind = tensor.datum_type().unquantized();
    let whole = tensor.cast_to_dt(kind).ok().filter(|_| kind != DatumType::F32)?;
    let wide = whole.cast_to::<i64>().unwrap();
    Some(wide.try_as_plain_ram().unwrap().as_slice::<i64>().unwrap().to_vec())
}

fn pieces() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "onnx")).collect();
    files.sort();
    files
}

#[test]
fn pieces_give_what_onnx_runtime_gives() {
    let pieces = pieces();
    assert!(pieces.len() > 40, "{} pieces", pieces.len());
    let mut wrong = Vec::new();
    for path in &pieces {
        let tensors = read(&path.with_extension("tensors"));
        for kernels in Kernels::available() {
            let found = run(path, &tensors, kernels).map(|outputs| compare(&outputs, &tensors));
            let trouble = match found {
                Ok((count, different, furthest)) if furthest > 1 || different * 1000 > count.max(1000) => {
                    format!("{different} of {count} values differ, the furthest by {furthest}")
                }
                Ok(_) => continue,
                Err(error) => error.to_string(),
            };
            wrong.push(format!("{} on {}: {trouble}", path.display(), kernels.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Values compared, those that differ, and the greatest distance.
fn compare(outputs: &Named, tensors: &Named) -> (usize, usize, i64) {
    let mut result = (0, 0, 0);
    for (name, given) in outputs {
        let expected = &tensors[&format!("expected:{name}")];
        assert_eq!(given.shape(), expected.shape(), "{name}");
        let Some((given, expected)) = integers(given).zip(integers(expected)) else { continue };
        let distances: Vec<i64> = given.iter().zip(expected).map(|(one, other)| (one - other).abs()).collect();
        result.0 += distances.len();
        result.1 += distances.iter().filter(|distance| **distance > 0).count();
        result.2 = result.2.max(distances.into_iter().max().unwrap_or(0));
    }
    result
}
