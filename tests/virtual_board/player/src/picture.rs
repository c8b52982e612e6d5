//! Pictures as YUYV frames.

use std::fs::File;
use std::io::BufReader;

use anyhow::{Context, ensure};

/// Limited range, as HDMI has it by default.
const BLACK: f32 = 16.0;
const WHITE: f32 = 235.0;
const NO_COLOUR: u8 = 128;
/// Largest side of a picture that is read.
const LARGEST: u32 = 1024;

/// A gray picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// `black`, `white`, or an 8-bit gray PNG file.
    ///
    /// # Errors
    /// When the file isn't one.
    pub fn open(name: &str) -> anyhow::Result<Self> {
        let plain = |value| Self { width: 1, height: 1, pixels: vec![value] };
        match name {
            "black" => Ok(plain(0)),
            "white" => Ok(plain(255)),
            file => read_png(file).with_context(|| format!("picture {file}")),
        }
    }

    /// Writes the picture, as a square as high as the frame in its middle, over a YUYV frame.
    pub fn draw(&self, frame: &mut [u8], frame_width: usize, stride: usize) {
        let frame_height = frame.len() / stride;
        let left = frame_width.saturating_sub(frame_height) / 2;
        let columns: Vec<Option<usize>> = (0..frame_width)
            .map(|x| x.checked_sub(left).map(|x| x * self.width / frame_height).filter(|&column| column < self.width))
            .collect();
        let levels = levels();
        for (y, line) in frame.chunks_exact_mut(stride).enumerate() {
            let row = &self.pixels[y * self.height / frame_height * self.width..][..self.width];
            for (pair, column) in line.chunks_exact_mut(2).zip(&columns) {
                let value = column.map_or(0, |column| row[column]);
                pair.copy_from_slice(&[levels[usize::from(value)], NO_COLOUR]);
            }
        }
    }
}

/// The luma of each gray value.
fn levels() -> Vec<u8> {
    (0..=255).map(|value| (BLACK + (WHITE - BLACK) * value as f32 / 255.0).round() as u8).collect()
}

fn read_png(path: &str) -> anyhow::Result<Picture> {
    let mut reader = png::Decoder::new(BufReader::new(File::open(path)?)).read_info()?;
    let info = reader.info();
    ensure!(info.width <= LARGEST && info.height <= LARGEST, "it is larger than {LARGEST} pixels");
    let kind = (info.color_type, info.bit_depth);
    ensure!(kind == (png::ColorType::Grayscale, png::BitDepth::Eight), "it isn't 8-bit gray");
    let (width, height) = (info.width as usize, info.height as usize);
    let mut pixels = vec![0; width * height];
    reader.next_frame(&mut pixels)?;
    Ok(Picture { width, height, pixels })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_drawn_in_the_middle_of_black() {
        let picture = Picture { width: 2, height: 1, pixels: vec![255, 0] };
        let mut frame = vec![0; 8 * 2 * 4];
        picture.draw(&mut frame, 8, 16);
        let luma: Vec<u8> = frame[..16].iter().step_by(2).copied().collect();
        assert_eq!(luma, [16, 16, 235, 235, 16, 16, 16, 16]);
        assert!(frame.iter().skip(1).step_by(2).all(|&chroma| chroma == 128));
        assert_eq!(frame[..16], frame[48..]);
    }
}
