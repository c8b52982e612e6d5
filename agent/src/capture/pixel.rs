//! A camera's raw frame to a picture. Pure: nothing here knows a device.
//!
//! YUV becomes RGB by the matrix and range that the driver's colorspace and quantization stand for (the defaults of
//! the V4L2 interface), in 16-bit fixed point: coefficients are rounded to 1/65536, the sum is rounded to the nearest,
//! so a value is within 1 of the exact one, the same on every processor.

use edgeval_models::{Channels, Picture};
use serde::Deserialize;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// The most pixels that a frame may have: 8192 × 8192.
pub const MOST_PIXELS: usize = 1 << 26;

/// How a frame's bytes stand for pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Y U Y V.
    Yuyv,
    /// U Y V Y.
    Uyvy,
    /// A plane of Y, then one of U V at half the size each way.
    Nv12,
    /// A plane of Y, then one of U and one of V, each at half the size each way and half the stride.
    I420,
    /// One luminance byte.
    Grey,
    /// R G B.
    Rgb,
    /// B G R.
    Bgr,
    /// A JPEG a frame.
    Mjpg,
}

impl PixelFormat {
    /// All of them; the cheapest to turn into a good picture first.
    pub const ALL: [Self; 8] =
        [Self::Yuyv, Self::Uyvy, Self::Nv12, Self::I420, Self::Rgb, Self::Bgr, Self::Mjpg, Self::Grey];

    /// V4L2's four characters.
    #[must_use]
    pub const fn four_characters(self) -> &'static [u8; 4] {
        match self {
            Self::Yuyv => b"YUYV",
            Self::Uyvy => b"UYVY",
            Self::Nv12 => b"NV12",
            Self::I420 => b"YU12",
            Self::Grey => b"GREY",
            Self::Rgb => b"RGB3",
            Self::Bgr => b"BGR3",
            Self::Mjpg => b"MJPG",
        }
    }

    /// The format with these four characters; `JPEG` is a name of MJPG.
    #[must_use]
    pub fn from_four_characters(characters: [u8; 4]) -> Option<Self> {
        let characters = if &characters == b"JPEG" { *b"MJPG" } else { characters };
        Self::ALL.into_iter().find(|format| *format.four_characters() == characters)
    }

    /// The format that a person names, in either case: by V4L2's four characters or as other programs say it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "I420" => Some(Self::I420),
            "RGB24" => Some(Self::Rgb),
            "BGR24" => Some(Self::Bgr),
            "MJPEG" => Some(Self::Mjpg),
            name => Self::from_four_characters(name.as_bytes().try_into().ok()?),
        }
    }

    /// Bytes of a row of the first plane without padding.
    #[must_use]
    pub const fn row_bytes(self, width: usize) -> usize {
        match self {
            Self::Yuyv | Self::Uyvy => width.div_ceil(2) * 4,
            Self::Nv12 | Self::I420 | Self::Grey => width,
            Self::Rgb | Self::Bgr => width * 3,
            Self::Mjpg => 0,
        }
    }
}

/// Which weights red, green and blue have in luminance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matrix {
    /// ITU-R BT.601.
    Bt601,
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.2020.
    Bt2020,
}

impl Matrix {
    /// Red's and blue's weight; green has the rest.
    const fn weights(self) -> (f64, f64) {
        match self {
            Self::Bt601 => (0.299, 0.114),
            Self::Bt709 => (0.2126, 0.0722),
            Self::Bt2020 => (0.2627, 0.0593),
        }
    }
}

/// All that is needed to read a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How bytes stand for pixels.
    pub format: PixelFormat,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Whether luminance uses 0 to 255 rather than 16 to 235.
    pub full_range: bool,
    /// Which YUV it is.
    pub matrix: Matrix,
}

/// Why a frame isn't a picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PixelError {
    /// No picture has this shape.
    #[error("{width}×{height} with {stride} bytes a row is no picture")]
    Shape {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes a row.
        stride: usize,
    },
    /// The buffer ends early.
    #[error("the frame has {has} bytes of {needs}")]
    Truncated {
        /// Bytes that are there.
        has: usize,
        /// Bytes that the picture has.
        needs: usize,
    },
    /// The JPEG can't be decoded.
    #[error("the frame is not a JPEG that can be decoded: {0}")]
    Jpeg(String),
}

impl Layout {
    /// Whether the numbers fit each other.
    ///
    /// # Errors
    /// When the picture is empty, too large, or a row is shorter than its pixels.
    pub fn check(&self) -> Result<(), PixelError> {
        let Self { width, height, stride, format, .. } = *self;
        let pixels = width.checked_mul(height).filter(|&pixels| pixels > 0 && pixels <= MOST_PIXELS);
        let bytes = pixels.filter(|_| stride >= format.row_bytes(width)).and_then(|_| self.whole_bytes());
        bytes.map(|_| ()).ok_or(PixelError::Shape { width, height, stride })
    }

    /// Bytes that a frame has when every row is padded; none when no machine could address them. An MJPG frame has as
    /// many as it has.
    #[must_use]
    pub fn whole_bytes(&self) -> Option<usize> {
        let colours = self.height.div_ceil(2);
        let luminance = self.stride.checked_mul(self.height)?;
        match self.format {
            PixelFormat::Mjpg => Some(0),
            PixelFormat::Nv12 => luminance.checked_add(self.stride.checked_mul(colours)?),
            PixelFormat::I420 => luminance.checked_add(self.stride.div_ceil(2).checked_mul(2 * colours)?),
            _ => Some(luminance),
        }
    }

    /// Bytes that a frame has at least: the last row needn't be padded.
    fn least_bytes(&self) -> usize {
        let padding = match self.format {
            PixelFormat::Mjpg => return 4,
            PixelFormat::I420 => self.stride.div_ceil(2) - self.width.div_ceil(2),
            format => self.stride - format.row_bytes(self.width),
        };
        self.whole_bytes().map_or(usize::MAX, |bytes| bytes - padding)
    }

    fn checked(&self, bytes: &[u8]) -> Result<(), PixelError> {
        self.check()?;
        let (has, needs) = (bytes.len(), self.least_bytes());
        if has < needs { Err(PixelError::Truncated { has, needs }) } else { Ok(()) }
    }
}

/// The picture in a frame: gray for GREY and gray JPEGs, else RGB.
///
/// # Errors
/// When the layout makes no sense, the frame ends early or isn't a JPEG. A frame that is longer is fine.
pub fn decode(layout: &Layout, bytes: &[u8]) -> Result<Picture, PixelError> {
    layout.checked(bytes)?;
    let Layout { width, height, format, .. } = *layout;
    let (channels, data) = match format {
        PixelFormat::Mjpg => return decode_jpeg(layout, bytes),
        PixelFormat::Grey => (Channels::Gray, gray(layout, bytes)),
        PixelFormat::Rgb => (Channels::Rgb, rgb(layout, bytes, [0, 1, 2])),
        PixelFormat::Bgr => (Channels::Rgb, rgb(layout, bytes, [2, 1, 0])),
        PixelFormat::Yuyv => (Channels::Rgb, packed(layout, bytes, [0, 1, 3])),
        PixelFormat::Uyvy => (Channels::Rgb, packed(layout, bytes, [1, 0, 2])),
        PixelFormat::Nv12 | PixelFormat::I420 => (Channels::Rgb, planar(layout, bytes)),
    };
    Ok(Picture { width, height, channels, data })
}

/// Rows of a plane that begins at `start`.
fn rows<'a>(layout: &Layout, bytes: &'a [u8], start: usize, count: usize) -> impl Iterator<Item = &'a [u8]> {
    let (stride, length) = (layout.stride, layout.format.row_bytes(layout.width));
    (0..count).map(move |row| &bytes[start + row * stride..start + row * stride + length])
}

fn gray(layout: &Layout, bytes: &[u8]) -> Vec<u8> {
    let stretch: [u8; 256] = std::array::from_fn(|value| stretched(value as i32, layout.full_range));
    rows(layout, bytes, 0, layout.height).flatten().map(|&value| stretch[usize::from(value)]).collect()
}

/// Luminance 16 to 235 as 0 to 255, rounded to the nearest.
fn stretched(luminance: i32, full_range: bool) -> u8 {
    let wide = if full_range { luminance } else { ((luminance - 16).max(0) * 510 + 219) / 438 };
    wide.clamp(0, 255) as u8
}

fn rgb(layout: &Layout, bytes: &[u8], order: [usize; 3]) -> Vec<u8> {
    let mut data = vec![0; layout.width * layout.height * 3];
    for (out, row) in data.chunks_exact_mut(layout.width * 3).zip(rows(layout, bytes, 0, layout.height)) {
        for (out, pixel) in out.chunks_exact_mut(3).zip(row.chunks_exact(3)) {
            out.copy_from_slice(&order.map(|channel| pixel[channel]));
        }
    }
    data
}

/// YUYV and UYVY: where in each group of four the first Y, U and V are; the second Y is two further.
fn packed(layout: &Layout, bytes: &[u8], [y, u, v]: [usize; 3]) -> Vec<u8> {
    let yuv = YuvToRgb::new(layout);
    let mut data = vec![0; layout.width * layout.height * 3];
    for (out, row) in data.chunks_exact_mut(layout.width * 3).zip(rows(layout, bytes, 0, layout.height)) {
        for (out, group) in out.chunks_mut(6).zip(row.chunks_exact(4)) {
            let colour = yuv.colour(group[u], group[v]);
            for (out, luminance) in out.chunks_exact_mut(3).zip([group[y], group[y + 2]]) {
                out.copy_from_slice(&yuv.pixel(luminance, colour));
            }
        }
    }
    data
}

/// NV12 and I420: a plane of Y, and U and V at half the size each way.
fn planar(layout: &Layout, bytes: &[u8]) -> Vec<u8> {
    let yuv = YuvToRgb::new(layout);
    let [first_u, first_v, stride, step] = colour_planes(layout);
    let mut data = vec![0; layout.width * layout.height * 3];
    let lines = data.chunks_exact_mut(layout.width * 3).zip(rows(layout, bytes, 0, layout.height));
    for (number, (out, row)) in lines.enumerate() {
        for (index, (out, pair)) in out.chunks_mut(6).zip(row.chunks(2)).enumerate() {
            // The last V of an NV12 picture of odd width may be past the end: gray stands in.
            let at = |first: usize| bytes.get(first + number / 2 * stride + index * step).copied().unwrap_or(128);
            let colour = yuv.colour(at(first_u), at(first_v));
            for (out, &luminance) in out.chunks_exact_mut(3).zip(pair) {
                out.copy_from_slice(&yuv.pixel(luminance, colour));
            }
        }
    }
    data
}

/// Where the first U and V are, bytes from row to row of colours, and bytes from one colour to the next.
const fn colour_planes(layout: &Layout) -> [usize; 4] {
    let luminance = layout.stride * layout.height;
    match layout.format {
        PixelFormat::I420 => {
            let stride = layout.stride.div_ceil(2);
            [luminance, luminance + stride * layout.height.div_ceil(2), stride, 1]
        }
        _ => [luminance, luminance + 1, layout.stride, 2],
    }
}

/// What U and V add to each of red, green and blue, times 65536.
type Colour = [i32; 3];

/// The matrix from YUV to RGB, coefficients times 65536.
#[derive(Clone, Copy, Debug)]
struct YuvToRgb {
    black: i32,
    luminance: i32,
    v_to_red: i32,
    u_to_green: i32,
    v_to_green: i32,
    u_to_blue: i32,
}

impl YuvToRgb {
    fn new(layout: &Layout) -> Self {
        let (red, blue) = layout.matrix.weights();
        let green = 1.0 - red - blue;
        let (black, luminance, colour) =
            if layout.full_range { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let fixed = |value: f64| (value * 65536.0).round() as i32;
        Self {
            black,
            luminance: fixed(luminance),
            v_to_red: fixed(2.0 * (1.0 - red) * colour),
            u_to_green: fixed(-2.0 * (1.0 - blue) * blue / green * colour),
            v_to_green: fixed(-2.0 * (1.0 - red) * red / green * colour),
            u_to_blue: fixed(2.0 * (1.0 - blue) * colour),
        }
    }

    fn colour(&self, u: u8, v: u8) -> Colour {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        [self.v_to_red * v, self.u_to_green * u + self.v_to_green * v, self.u_to_blue * u]
    }

    fn pixel(&self, y: u8, colour: Colour) -> [u8; 3] {
        let luminance = self.luminance * (i32::from(y) - self.black) + (1 << 15);
        colour.map(|part| ((luminance + part) >> 16).clamp(0, 255) as u8)
    }
}

fn decode_jpeg(layout: &Layout, bytes: &[u8]) -> Result<Picture, PixelError> {
    let failed = |reason: &dyn std::fmt::Display| PixelError::Jpeg(reason.to_string());
    let options = DecoderOptions::default().set_max_width(layout.width).set_max_height(layout.height);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| failed(&error))?;
    let is_gray = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (colours, channels) =
        if is_gray { (ColorSpace::Luma, Channels::Gray) } else { (ColorSpace::RGB, Channels::Rgb) };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let data = decoder.decode().map_err(|error| failed(&error))?;
    let Some(info) = decoder.info() else { return Err(failed(&"it has no header")) };
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    if data.len() != width * height * channels.count() {
        return Err(failed(&"its size contradicts its header"));
    }
    Ok(Picture { width, height, channels, data })
}

/// The mean brightness of a frame, 0 to 255, from one pixel in 256; none for a frame that is no picture, and for MJPG,
/// which would have to be decoded.
#[must_use]
pub fn brightness(layout: &Layout, bytes: &[u8]) -> Option<f32> {
    const EACH: usize = 16;
    layout.checked(bytes).ok()?;
    let (offset, pixel_bytes) = match layout.format {
        PixelFormat::Yuyv => (0, 2),
        PixelFormat::Uyvy => (1, 2),
        PixelFormat::Nv12 | PixelFormat::I420 | PixelFormat::Grey => (0, 1),
        // Green is most of luminance.
        PixelFormat::Rgb | PixelFormat::Bgr => (1, 3),
        PixelFormat::Mjpg => return None,
    };
    let sampled = rows(layout, bytes, 0, layout.height).step_by(EACH);
    let values = sampled.flat_map(|row| row.iter().skip(offset).step_by(pixel_bytes * EACH));
    let (sum, count) = values.fold((0u64, 0u64), |(sum, count), &value| (sum + u64::from(value), count + 1));
    (count > 0).then(|| sum as f32 / count as f32)
}

/// The mean brightness of a picture, 0 to 255, from one byte in 16.
#[must_use]
pub fn picture_brightness(picture: &Picture) -> f32 {
    let sampled = picture.data.iter().step_by(16);
    let count = sampled.len().max(1);
    sampled.map(|&value| u64::from(value)).sum::<u64>() as f32 / count as f32
}

#[cfg(test)]
mod tests;
