//! What is asked of a camera, and what its driver gives.

use std::fmt;
use std::path::Path;

use v4l::capability::{Capabilities, Flags};
use v4l::format::{Colorspace, FieldOrder, Quantization};
use v4l::fraction::Fraction;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::camera::Options;
use super::error::CameraError;
use super::pixel::{Layout, Matrix, PixelFormat};

/// A camera that is open and has agreed to a format.
pub struct Agreed {
    /// The open device.
    pub device: Device,
    /// How its frames are to be read.
    pub layout: Layout,
    /// What it calls itself.
    pub card: String,
    /// Frames a second, where the driver says so.
    pub rate_hz: Option<f64>,
}

impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layout { width, height, format, .. } = self.layout;
        write!(f, "{} {width}×{height}", name(*format.four_characters()))?;
        self.rate_hz.map_or(Ok(()), |rate| write!(f, " at {rate:.4} Hz"))
    }
}

/// Four characters as text. V4L2 marks a big-endian variant by the highest bit.
pub fn name(mut characters: [u8; 4]) -> String {
    let is_big_endian = characters[3] >= 0x80;
    characters[3] &= 0x7f;
    let text = String::from_utf8_lossy(&characters).trim_end().to_owned();
    if is_big_endian { text + "-BE" } else { text }
}

/// Opens the camera and agrees on a format with its driver.
///
/// # Errors
/// When it is absent, busy or no camera, or has no format that will do.
pub fn open(options: &Options) -> Result<Agreed, CameraError> {
    let node = options.device();
    let device = open_node(node)?;
    let capabilities = device.query_caps().map_err(|error| CameraError::driver(node, "asking what it is", error))?;
    check_kind(node, &capabilities)?;
    let format = choose(&device, options)?;
    let wanted = Format::new(options.width, options.height, FourCC::new(format.four_characters()));
    let given = device.set_format(&wanted).map_err(|error| CameraError::driver(node, "setting the format", error))?;
    let layout = layout(node, &given)?;
    let rate_hz = set_rate(&device, options.frame_rate_hz);
    Ok(Agreed { device, layout, card: capabilities.card, rate_hz })
}

/// Opens a node; a name that no file can have is as good as absent.
///
/// # Errors
/// In the system's words.
pub fn open_node(node: &str) -> Result<Device, CameraError> {
    if node.is_empty() || node.contains('\0') {
        return Err(CameraError::Absent(node.replace('\0', "\\0")));
    }
    Device::with_path(Path::new(node)).map_err(|error| CameraError::driver(node, "opening it", error))
}

/// Whether it is a camera of the kind that edgeval speaks.
///
/// # Errors
/// When it isn't, by name and reason.
pub fn check_kind(node: &str, capabilities: &Capabilities) -> Result<(), CameraError> {
    let (device, card, flags) = (node.to_owned(), capabilities.card.clone(), capabilities.capabilities);
    if flags.intersects(Flags::VIDEO_M2M | Flags::VIDEO_M2M_MPLANE) {
        return Err(CameraError::NotCapture { device, card, reason: "it converts between memory and memory" });
    }
    if flags.contains(Flags::VIDEO_CAPTURE) {
        let reason = "it can't stream";
        return if flags.contains(Flags::STREAMING) {
            Ok(())
        } else {
            Err(CameraError::NotCapture { device, card, reason })
        };
    }
    if flags.contains(Flags::VIDEO_CAPTURE_MPLANE) {
        return Err(CameraError::MultiPlanar { device, card });
    }
    let reason = if flags.intersects(Flags::VIDEO_OUTPUT | Flags::VIDEO_OUTPUT_MPLANE) {
        "it is an output"
    } else if flags.contains(Flags::META_CAPTURE) {
        "it gives metadata only"
    } else {
        "it doesn't capture video"
    };
    Err(CameraError::NotCapture { device, card, reason })
}

/// The format that was asked for, or the first of ours that the camera has.
fn choose(device: &Device, options: &Options) -> Result<PixelFormat, CameraError> {
    let offered: Vec<[u8; 4]> = device
        .enum_formats()
        .map_err(|error| CameraError::driver(options.device(), "listing its formats", error))?
        .iter()
        .map(|description| description.fourcc.repr)
        .collect();
    let has =
        |format: &PixelFormat| offered.iter().any(|&each| PixelFormat::from_four_characters(each) == Some(*format));
    let refuse = |wanted: String, step: &'static str| {
        let offered = if offered.is_empty() {
            "no format".to_owned()
        } else {
            offered.iter().map(|&each| name(each)).collect::<Vec<_>>().join(", ")
        };
        CameraError::NoFormat { device: options.device().to_owned(), offered, wanted, step }
    };
    let ours = || PixelFormat::ALL.map(|format| name(*format.four_characters())).join(", ");
    match &options.format {
        None => PixelFormat::ALL
            .into_iter()
            .find(has)
            .ok_or_else(|| refuse(format!("one of {}", ours()), "Use another camera, or a driver that converts")),
        Some(text) => PixelFormat::from_name(text)
            .filter(has)
            .ok_or_else(|| refuse(format!("`{text}`"), "Leave `capture.camera.format` out, or name one of these")),
    }
}

/// How frames of this format are to be read.
fn layout(node: &str, given: &Format) -> Result<Layout, CameraError> {
    let describe = || format!("{} {}×{}", name(given.fourcc.repr), given.width, given.height);
    let refuse = |reason: String| CameraError::BadFormat { device: node.to_owned(), given: describe(), reason };
    let format = PixelFormat::from_four_characters(given.fourcc.repr)
        .ok_or_else(|| refuse("the driver changed the format to one that edgeval doesn't speak".to_owned()))?;
    if matches!(given.field_order, FieldOrder::Alternate | FieldOrder::SequentialTB | FieldOrder::SequentialBT) {
        return Err(refuse(format!("its fields come apart ({})", given.field_order)));
    }
    let layout = Layout {
        format,
        width: given.width as usize,
        height: given.height as usize,
        stride: given.stride as usize,
        full_range: is_full_range(format, given),
        matrix: matrix(given.colorspace),
    };
    layout.check().map_err(|error| refuse(error.to_string()))?;
    Ok(layout)
}

/// What the V4L2 interface says `default` stands for (V4L2_MAP_QUANTIZATION_DEFAULT): full range for JPEG and for what
/// isn't YUV, limited else.
const fn is_full_range(format: PixelFormat, given: &Format) -> bool {
    match given.quantization {
        Quantization::FullRange => true,
        Quantization::LimitedRange => false,
        Quantization::Default => {
            matches!(given.colorspace, Colorspace::JPEG)
                || matches!(format, PixelFormat::Grey | PixelFormat::Rgb | PixelFormat::Bgr | PixelFormat::Mjpg)
        }
    }
}

/// The YUV that belongs to a colorspace by default (V4L2_MAP_YCBCR_ENC_DEFAULT). SMPTE 240M, of a few old cameras, is
/// close to BT.709.
const fn matrix(colorspace: Colorspace) -> Matrix {
    match colorspace {
        Colorspace::Rec709 | Colorspace::DCIP3 | Colorspace::SMPTE240M => Matrix::Bt709,
        Colorspace::Rec2020 => Matrix::Bt2020,
        _ => Matrix::Bt601,
    }
}

/// Asks for a rate and returns the one that the driver gives. Not every driver can tell; that is no error.
fn set_rate(device: &Device, wanted_hz: u32) -> Option<f64> {
    let wanted = Parameters::new(Fraction::new(1, wanted_hz));
    let given = device.set_params(&wanted).or_else(|_| device.params()).ok()?.interval;
    let rate = f64::from(given.denominator) / f64::from(given.numerator);
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(flags: Flags) -> Capabilities {
        let text = || "x".to_owned();
        Capabilities { driver: text(), card: "Bench".to_owned(), bus: text(), version: (1, 0, 0), capabilities: flags }
    }

    #[test]
    fn devices_that_are_no_cameras_are_refused_by_name_and_reason() {
        let said = |flags| check_kind("/dev/video9", &capabilities(flags)).map_err(|error| error.to_string());
        assert_eq!(said(Flags::VIDEO_CAPTURE | Flags::STREAMING), Ok(()));
        for (flags, word) in [
            (Flags::VIDEO_CAPTURE_MPLANE | Flags::STREAMING, "multi-planar"),
            (Flags::VIDEO_OUTPUT | Flags::STREAMING, "it is an output"),
            (Flags::META_CAPTURE | Flags::STREAMING, "metadata"),
            (Flags::VIDEO_M2M_MPLANE | Flags::STREAMING, "between memory and memory"),
            (Flags::VIDEO_CAPTURE | Flags::READ_WRITE, "can't stream"),
        ] {
            let error = said(flags).unwrap_err();
            assert!(error.contains(word) && error.contains("/dev/video9") && error.contains("Bench"), "{error}");
        }
    }

    #[test]
    fn nodes_that_are_no_cameras_are_refused() {
        let open =
            |device: &str| open(&Options { device: Some(device.to_owned()), ..Options::default() }).err().unwrap();
        assert!(matches!(open("/dev/no-such-camera"), CameraError::Absent(_)));
        assert!(matches!(open("/dev/null"), CameraError::NotVideo(_)));
        assert!(matches!(open("/dev/video\0"), CameraError::Absent(_)));
        assert!(matches!(open(""), CameraError::Absent(_)));
    }

    #[test]
    fn a_layout_is_what_the_driver_says() {
        let given = |fourcc: &[u8; 4]| Format { stride: 1312, ..Format::new(640, 480, FourCC::new(fourcc)) };
        let yuyv = layout("x", &given(b"YUYV")).unwrap();
        assert_eq!((yuyv.stride, yuyv.full_range, yuyv.matrix), (1312, false, Matrix::Bt601));
        assert!(layout("x", &given(b"GREY")).unwrap().full_range);
        let jpeg = Format { colorspace: Colorspace::JPEG, ..given(b"NV12") };
        assert!(layout("x", &jpeg).unwrap().full_range);
        let hd = Format { colorspace: Colorspace::Rec709, ..given(b"UYVY") };
        assert_eq!(layout("x", &hd).unwrap().matrix, Matrix::Bt709);
        assert!(layout("x", &given(b"H264")).unwrap_err().to_string().contains("H264"));
        assert!(layout("x", &Format { stride: 10, ..given(b"YUYV") }).is_err());
        assert!(layout("x", &Format { field_order: FieldOrder::Alternate, ..given(b"YUYV") }).is_err());
    }

    #[test]
    fn four_characters_are_read_as_v4l2_means_them() {
        assert_eq!([name(*b"Y16 "), name(*b"Y16\xa0")], ["Y16", "Y16-BE"]);
    }
}
