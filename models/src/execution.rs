//! How a model is run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What runs a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Quantized regions on integers (`edgeval-int8`), the rest in tract.
    #[default]
    Int8,
    /// Everything in tract.
    Tract,
}

impl Engine {
    /// Its name: `int8` or `tract`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Tract => "tract",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "int8" => Ok(Self::Int8),
            "tract" => Ok(Self::Tract),
            _ => Err(format!("{text:?} is no engine; there are int8 and tract")),
        }
    }
}

/// How a model is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// What runs it.
    pub engine: Engine,
    /// Threads that may work on one inference, 1 or more.
    pub threads: usize,
}

impl Default for Execution {
    fn default() -> Self {
        Self { engine: Engine::default(), threads: 1 }
    }
}
