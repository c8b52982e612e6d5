//! Why a model can't be loaded or asked.

use std::path::PathBuf;

use crate::bundle::BundleError;
use crate::files::FileError;
use crate::graph::GraphError;
use crate::image::PictureError;
use crate::sound::ResampleError;
use crate::text::TextError;

/// Why a model can't be loaded or asked.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A bare graph's file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The bundle can't be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The graph can't be loaded or run.
    #[error("{path}: {reason}")]
    Graph {
        /// The graph's file.
        path: PathBuf,
        /// What is wrong.
        reason: GraphError,
    },
    /// Manifest and graph contradict each other.
    #[error("{path}: `{field}` says {manifest}, but the graph has {graph}")]
    Contradiction {
        /// The graph's file.
        path: PathBuf,
        /// The manifest's field.
        field: String,
        /// What the manifest says.
        manifest: String,
        /// What the graph has.
        graph: String,
    },
    /// The window's picture can't be used.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The window's sound can't be used.
    #[error(transparent)]
    Sound(#[from] ResampleError),
    /// A tokenizer can't be used, or fails on the window's words.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The window asks for what the model doesn't do.
    #[error("the window asks for `{asked}`; the model can be asked for {known}")]
    Ask {
        /// What was asked for.
        asked: String,
        /// What can be.
        known: String,
    },
    /// The model has no preprocessing: it is a bare graph.
    #[error("{0} is a bare ONNX file: it has no preprocessing for pictures, sound and text; use a bundle")]
    Bare(PathBuf),
}
