//! An operator of the file with its attributes.

use tract_onnx::pb::NodeProto;

use crate::onnx::file::File;

/// An operator that makes a value.
pub struct Call<'a> {
    /// The file.
    pub file: &'a File<'a>,
    /// The operator.
    pub node: &'a NodeProto,
    /// Its output's name.
    pub value: &'a str,
}

impl<'a> Call<'a> {
    /// The name of the input at a place.
    pub fn input(&self, place: usize) -> Result<&'a String, String> {
        let given = self.node.input.get(place).filter(|name| !name.is_empty());
        given.ok_or_else(|| "an input is missing".to_owned())
    }

    /// The shape of the output.
    pub fn shape(&self) -> Result<Vec<usize>, String> {
        self.file.shape(self.value)
    }

    /// An integer attribute.
    pub fn attribute(&self, name: &str, otherwise: i64) -> i64 {
        self.node.get_attr_opt::<i64>(name).ok().flatten().unwrap_or(otherwise)
    }

    /// A list of integers, as an attribute.
    pub fn attributes(&self, name: &str) -> Option<Vec<i64>> {
        self.node.get_attr_opt_vec::<i64>(name).ok().flatten()
    }

    /// A list of integers, as an attribute or, in later operator sets, as an input.
    pub fn list(&self, attribute: &str, place: usize) -> Result<Option<Vec<i64>>, String> {
        if let Some(list) = self.attributes(attribute) {
            return Ok(Some(list));
        }
        match self.node.input.get(place).filter(|name| !name.is_empty()) {
            Some(name) => {
                let list = self.file.integers(name);
                list.map(Some).ok_or_else(|| format!("its input `{name}` isn't known before running"))
            }
            None => Ok(None),
        }
    }
}
