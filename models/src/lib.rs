//! Model bundles, preprocessing and inference: the only code of edgeval that names tract.
//!
//! A [`Bundle`] is opened and checked, a [`Model`] is loaded from it, and [`Model::predict`] turns a [`Window`] into a
//! [`Prediction`], timing preprocessing, inference and postprocessing with a clock that is passed in.

mod bundle;
mod execution;
mod files;
mod graph;
mod guard;
mod image;
mod inspection;
mod log_mel;
mod manifest;
mod model;
mod onnx_file;
mod prediction;
mod resize;
mod sound;
mod tensor;
mod toml_error;
mod window;

pub use bundle::{Bundle, BundleError, MANIFEST_FILE};
pub use execution::{Engine, Execution};
pub use files::{FileError, read_bounded, sha256, sha256_of, stays_inside};
pub use graph::GraphError;
pub use image::{ImagePlan, PictureError};
pub use inspection::{FloatOperator, Inspection, TensorFacts};
pub use log_mel::LogMelPlan;
pub use manifest::{
    AudioInput, Axes, ChannelOrder, Features, Filter, Fit, ImageInput, Input, Layout, LogKind, LogMel, Manifest,
    MelNorm, MelScale, Modality, Output, PadMode, Precision, Variant, WindowShape,
};
pub use model::{Model, ModelError, Timed};
pub use prediction::Prediction;
pub use sound::{ResampleError, SoundPlan};
pub use tensor::{Tensor, Tensors};
pub use toml_error::explain;
pub use window::{Channels, Picture, Sound, Window};
