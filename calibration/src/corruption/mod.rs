//! Corruptions of pictures, sounds and streams: seeded, with the same bits on every processor.
//!
//! [`corrupt_picture`] makes ImageNet-C's fifteen (Hendrycks & Dietterich 2019) and what boards see besides,
//! [`corrupt_sound`] what microphones hear, and [`corrupt_stream`] says which frames are missing or frozen. How strong
//! a severity is stands in `severities.toml`. Functions come from `libm`, sums have one order, nothing is fused.
//!
//! JPEG is made by `jpeg-encoder`, which is based in part on the work of the Independent JPEG Group.

mod axis;
mod blur;
mod camera;
mod compression;
mod convolution;
mod elastic;
mod field;
mod frost;
mod lens;
mod memo;
mod noise;
#[cfg(test)]
mod parity_tests;
mod picture;
mod plasma;
mod random;
mod severities;
mod shift;
mod sound;
mod sound_channel;
mod sound_noise;
#[cfg(test)]
mod sound_tests;
mod stream;
mod tone;
mod weather;

pub use picture::{PictureCorruption, corrupt_picture};
pub(crate) use random::Random;
pub use random::Seed;
pub use severities::{CorruptionError, Severity};
pub use sound::{SoundCorruption, corrupt_sound};
pub use stream::{Frame, StreamCorruption, corrupt_stream};
