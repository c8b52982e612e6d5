//! Model bundles, preprocessing and inference: the only code of edgeval that names tract.
//!
//! A [`Bundle`] is opened and checked, a [`Model`] is loaded from it, and [`Model::predict`] turns a [`Window`] into a
//! [`Prediction`], timing preprocessing, inference and postprocessing with a clock that is passed in.

mod bundle;
mod dimensions;
mod error;
mod execution;
mod files;
mod fit;
mod fourier;
mod generation;
mod graph;
mod guard;
mod image;
mod inputs;
mod inspection;
mod lanes;
mod log_mel;
mod manifest;
mod memory;
mod model;
mod onnx_file;
mod plane;
mod prediction;
mod resize;
mod sound;
mod tensor;
mod text;
mod toml_error;
mod traffic;
mod window;

pub use bundle::{Bundle, BundleError, MANIFEST_FILE};
pub use dimensions::{AssumedDimension, Dimensions};
pub use edgeval_int8::kernels::wide::wide;
pub use error::ModelError;
pub use execution::{Engine, Execution};
pub use files::{FileError, read_bounded, sha256, sha256_of, stays_inside};
pub use fourier::{Complex, Fourier};
pub use graph::GraphError;
pub use image::{ImagePlan, PictureError};
pub use inspection::{BytesMoved, DecoderFacts, FloatOperator, Inspection, TensorFacts};
pub use lanes::{LANES, Lanes};
pub use log_mel::LogMelPlan;
pub use manifest::{
    AudioInput, Axes, Begins, Carried, ChannelOrder, Decode, Features, Filter, Fit, GraphFile, ImageInput, Input,
    Layout, LogKind, LogMel, Manifest, MelNorm, MelScale, Modality, Output, PadMode, Precision, Task, TextInput,
    Variant, WindowShape,
};
pub use model::{Model, Timed};
pub use plane::Plane;
pub use prediction::{Generated, Prediction};
pub use sound::{ResampleError, SoundPlan};
pub use tensor::{MAXIMUM_EXACT, Tensor, Tensors};
pub use text::TextError;
pub use toml_error::explain;
pub use window::{Channels, Picture, Sound, Turn, Window};
