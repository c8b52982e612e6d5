//! From an ONNX file to regions, and back into a tract model.
