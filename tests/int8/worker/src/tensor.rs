//! Tensors as they pass between the programs: for each a line `name dtype d0,d1,…`, then its bytes, little-endian.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

/// A named array, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The graph's name for it.
    pub name: String,
    /// Its dimensions; none for a single number.
    pub shape: Vec<usize>,
    /// Its elements.
    pub values: Values,
}

macro_rules! element_types {
    ($($variant:ident $type:ty, $name:literal);*) => {
        /// Elements of a tensor.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "they say what they are")]
        pub enum Values { $($variant(Vec<$type>)),* }

        impl Values {
            /// numpy's name of the type.
            pub const fn type_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),* }
            }

            fn to_bytes(&self) -> Vec<u8> {
                match self { $(Self::$variant(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect()),* }
            }

            fn from_bytes(type_name: &str, bytes: &[u8]) -> Option<Self> {
                match type_name {
                    $($name => {
                        let chunks = bytes.chunks_exact(size_of::<$type>());
                        let value = |chunk: &[u8]| chunk.try_into().map(<$type>::from_le_bytes).ok();
                        chunks.map(value).collect::<Option<_>>().map(Self::$variant)
                    })*
                    _ => None,
                }
            }

            fn size_of(type_name: &str) -> Option<usize> {
                match type_name { $($name => Some(size_of::<$type>()),)* _ => None }
            }
        }
    };
}

element_types!(F32 f32, "float32"; U8 u8, "uint8"; I8 i8, "int8"; I32 i32, "int32"; I64 i64, "int64");

/// Every tensor in a file.
pub fn read(path: &Path) -> Result<Vec<Tensor>> {
    let file = std::fs::File::open(path).with_context(|| format!("{} can't be read", path.display()))?;
    let mut reader = BufReader::new(file);
    let mut tensors = Vec::new();
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        tensors.push(read_one(line.trim_end_matches('\n'), &mut reader).with_context(|| format!("in {}", path.display()))?);
        line.clear();
    }
    Ok(tensors)
}

fn read_one(header: &str, reader: &mut impl Read) -> Result<Tensor> {
    let [name, type_name, shape] = header.split(' ').collect::<Vec<_>>()[..] else {
        bail!("`{header}` isn't a header")
    };
    let numbers = shape.split(',').filter(|number| !number.is_empty());
    let shape = numbers.map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let size = Values::size_of(type_name).with_context(|| format!("{type_name} isn't a known type"))?;
    let mut bytes = vec![0; shape.iter().product::<usize>() * size];
    reader.read_exact(&mut bytes)?;
    let values = Values::from_bytes(type_name, &bytes).context("bytes are missing")?;
    Ok(Tensor { name: name.to_owned(), shape, values })
}

/// Writes tensors into a file.
pub fn write(path: &Path, tensors: &[Tensor]) -> Result<()> {
    let mut bytes = Vec::new();
    for tensor in tensors {
        let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
        writeln!(bytes, "{} {} {}", tensor.name, tensor.values.type_name(), shape.join(","))?;
        bytes.extend(tensor.values.to_bytes());
    }
    std::fs::write(path, bytes).with_context(|| format!("{} can't be written", path.display()))
}
