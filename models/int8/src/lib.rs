//! Integer execution of quantized ONNX models.
//!
//! Data flows one way: an ONNX file becomes [`graph`]s of integer operations (one a quantized region), each graph is
//! compiled to a [`plan`] (packed weights, one arena, a list of steps), and a plan runs on [`kernels`] chosen for the
//! processor. [`reference`] defines what every operation computes, plainly; plans give exactly its bits.

pub mod check;
pub mod float;
pub mod formula;
pub mod graph;
pub mod kernels;
pub mod plan;
pub mod quantization;
pub mod reference;
pub mod tensor;
pub mod threads;
pub mod traffic;

#[cfg(feature = "onnx")]
pub mod onnx;
