//! Tensors from and to `.npy` files, so that any other runtime can be held against this one.

use std::io::{BufReader, BufWriter};
use std::path::Path;

use anyhow::{Context, bail};
use edgeval_models::{MAXIMUM_EXACT, Model, Tensors};
use npyz::WriterBuilder;

use super::Query;

/// Puts the array of `NAME=FILE.npy` in the place of the input's random values.
///
/// # Errors
/// When there is no such input, or the file's shape or type is another.
pub fn load_into(tensors: &mut Tensors, argument: &str) -> anyhow::Result<()> {
    let (name, file) = argument.split_once('=').with_context(|| format!("--input {argument}: write NAME=FILE.npy"))?;
    let Some(tensor) = tensors.get_mut(name) else {
        let known: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        bail!("--input {argument}: the model has no input `{name}`; it has {}", known.join(", "));
    };
    let failed = || format!("--input {argument}");
    let reader = std::fs::File::open(file).with_context(failed)?;
    let array = npyz::NpyFile::new(BufReader::new(reader)).with_context(failed)?;
    let shape: Vec<usize> = array.shape().iter().map(|&length| usize::try_from(length).unwrap_or(usize::MAX)).collect();
    if shape != tensor.shape {
        bail!("--input {argument}: the file has shape {shape:?}, the input {:?}", tensor.shape);
    }
    if array.order() != npyz::Order::C {
        bail!("--input {argument}: the file is in Fortran order; save it with numpy.ascontiguousarray");
    }
    tensor.values = values(array).with_context(failed)?;
    Ok(())
}

/// Floats, or whole numbers that floats hold exactly: token ids.
fn values(array: npyz::NpyFile<impl std::io::Read>) -> anyhow::Result<Vec<f32>> {
    let npyz::DType::Plain(kind) = array.dtype() else { bail!("an array of plain numbers is needed") };
    match (kind.type_char(), kind.size_field()) {
        (npyz::TypeChar::Int, 8) => array.into_vec::<i64>()?.into_iter().map(exact).collect(),
        (npyz::TypeChar::Int, 4) => array.into_vec::<i32>()?.into_iter().map(|number| exact(number.into())).collect(),
        _ => array.into_vec::<f32>().context("32-bit floats or whole numbers of 32 or 64 bits are needed"),
    }
}

fn exact(number: i64) -> anyhow::Result<f32> {
    if number.unsigned_abs() > MAXIMUM_EXACT.into() {
        bail!("it holds {number}; whole numbers up to {MAXIMUM_EXACT} are taken");
    }
    Ok(number as f32)
}

/// Writes every input and output of one query as `NAME.npy`.
///
/// # Errors
/// When inference fails or the folder can't be written.
pub fn save(folder: &Path, model: &mut Model, query: &Query) -> anyhow::Result<()> {
    let inputs = match query {
        Query::Window(window) => model.preprocess(window)?,
        Query::Tensors(tensors) => tensors.clone(),
    };
    let outputs = model.infer(&inputs)?;
    std::fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    for tensor in inputs.iter().chain(outputs.iter()) {
        let path = folder.join(format!("{}.npy", file_name(&tensor.name)));
        write(&path, &tensor.shape, &tensor.values).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}

fn write(path: &Path, shape: &[usize], values: &[f32]) -> std::io::Result<()> {
    let shape: Vec<u64> = shape.iter().map(|&length| length as u64).collect();
    let file = BufWriter::new(std::fs::File::create(path)?);
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()
}

/// A tensor's name may hold anything; a file's may not.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
}
