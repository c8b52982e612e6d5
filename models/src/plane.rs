//! What part of an input's tensor stands for what part of the picture, or of frequency and time: cells that can be covered.

use std::ops::Range;

use crate::fit::shape_of;
use crate::manifest::{Axes, Features, Input, Layout, Modality};
use crate::tensor::Tensors;

/// How an input's tensor lies over its picture (rows from the top, columns from the left), or over frequency (rows from the lowest band)
/// and time (columns from the start). A waveform is one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plane {
    input: String,
    modality: Modality,
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
    /// Values of one place: a picture's channels.
    depth: usize,
    depth_stride: usize,
}

impl Plane {
    /// Of an input of a checked manifest; `None` for words, which have no places.
    pub(crate) fn new(input: &Input) -> Option<Self> {
        let shape = shape_of(input);
        let [rows, columns, row_stride, column_stride, depth, depth_stride] = match (input, shape.as_slice()) {
            (Input::Image(image), &[channels, height, width]) if image.layout == Layout::Nchw => {
                [height, width, width, 1, channels, height * width]
            }
            (Input::Image(_), &[height, width, channels]) => [height, width, width * channels, channels, channels, 1],
            (Input::Audio(audio), &[first, second]) => match &audio.features {
                Features::LogMel(mel) if mel.axes == Axes::FramesBands => [second, first, 1, second, 1, 0],
                _ => [first, second, second, 1, 1, 0],
            },
            (Input::Audio(_), &[samples]) => [1, samples, 0, 1, 1, 0],
            _ => return None,
        };
        let (input, modality) = (input.name().to_owned(), input.modality());
        Some(Self { input, modality, rows, columns, row_stride, column_stride, depth, depth_stride })
    }

    /// What it is made of.
    #[must_use]
    pub const fn modality(&self) -> Modality {
        self.modality
    }

    /// Rows of pixels or frequency bands.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of pixels, frames or samples.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Copies what lies in these rows and columns from one query's tensors to another's; both are of the model that the plane is of.
    pub fn copy(&self, rows: Range<usize>, columns: Range<usize>, from: &Tensors, to: &mut Tensors) {
        let (Some(from), Some(to)) = (from.get(&self.input), to.get_mut(&self.input)) else { return };
        let (rows, columns) = (rows.start..rows.end.min(self.rows), columns.start..columns.end.min(self.columns));
        for row in rows {
            for column in columns.clone() {
                for depth in 0..self.depth {
                    let place = row * self.row_stride + column * self.column_stride + depth * self.depth_stride;
                    to.values[place] = from.values[place];
                }
            }
        }
    }

    /// The tensor's values as rows from the first, the mean where a place has several: what a person can be shown.
    #[must_use]
    pub fn values(&self, tensors: &Tensors) -> Vec<f32> {
        let Some(tensor) = tensors.get(&self.input) else { return Vec::new() };
        let mean = |place: usize| {
            let of = |depth: usize| tensor.values[place + depth * self.depth_stride];
            (0..self.depth).map(of).sum::<f32>() / self.depth as f32
        };
        let row = |row: usize| (0..self.columns).map(move |column| row * self.row_stride + column * self.column_stride);
        (0..self.rows).flat_map(row).map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    fn plane(manifest: &str) -> Plane {
        Plane::new(&toml::from_str(manifest).unwrap()).unwrap()
    }

    fn tensors(values: Vec<f32>) -> Tensors {
        std::iter::once(Tensor { name: "x".to_owned(), shape: vec![values.len()], values }).collect()
    }

    #[test]
    fn a_cell_of_a_picture_is_copied_in_all_channels_whatever_their_order() {
        for (layout, expected) in [("nchw", vec![3_usize, 7, 11]), ("nhwc", vec![9, 10, 11])] {
            let text = format!(
                "name = \"x\"\nmodality = \"image\"\nwidth = 2\nheight = 2\nchannels = \"rgb\"\nlayout = \"{layout}\"\nmean = [0.0]\nstd = [1.0]"
            );
            let mut to = tensors(vec![0.0; 12]);
            plane(&text).copy(1..2, 1..9, &tensors(vec![1.0; 12]), &mut to);
            let changed = to.get("x").unwrap().values.iter().enumerate().filter(|(_, value)| **value > 0.0);
            assert_eq!(changed.map(|(place, _)| place).collect::<Vec<_>>(), expected, "{layout}");
        }
    }

    #[test]
    fn low_bands_are_the_first_rows_whatever_the_axes() {
        for (axes, first_row) in [("frames_bands", [0.0, 2.0, 4.0]), ("bands_frames", [0.0, 1.0, 2.0])] {
            let text = format!(
                "name = \"x\"\nmodality = \"audio\"\nsample_rate_hz = 4\nwindow_ms = 1000\n[features]\nkind = \"log_mel\"\nwindow_samples = 2\n\
                 hop_samples = 1\nfft = 2\nbands = 2\nlow_hz = 0\nhigh_hz = 2\ncenter = false\nlog = \"ln\"\nfloor = 1e-6\naxes = \"{axes}\"\nmel_scale = \"htk\""
            );
            let plane = plane(&text);
            assert_eq!((plane.rows(), plane.columns()), (2, 3), "{axes}");
            let values = plane.values(&tensors((0..6_u8).map(f32::from).collect()));
            assert_eq!(values[..3], first_row, "{axes}");
        }
    }
}
