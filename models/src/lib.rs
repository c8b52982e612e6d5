//! Model bundles, preprocessing and inference: the only code of edgeval that names tract.

mod window;

pub use window::{Channels, Picture, Sound, Window};
