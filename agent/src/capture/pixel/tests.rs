use proptest::prelude::*;

use super::*;

fn layout(format: PixelFormat, width: usize, height: usize, padding: usize) -> Layout {
    let stride = format.row_bytes(width) + padding;
    Layout { format, width, height, stride, full_range: false, matrix: Matrix::Bt601 }
}

/// The textbook formula in floating point.
fn exact(y: u8, u: u8, v: u8, full_range: bool, matrix: Matrix) -> [f64; 3] {
    let (red, blue) = matrix.weights();
    let (y, u, v) = if full_range {
        (f64::from(y) / 255.0, (f64::from(u) - 128.0) / 255.0, (f64::from(v) - 128.0) / 255.0)
    } else {
        ((f64::from(y) - 16.0) / 219.0, (f64::from(u) - 128.0) / 224.0, (f64::from(v) - 128.0) / 224.0)
    };
    let (r, b) = (y + 2.0 * (1.0 - red) * v, y + 2.0 * (1.0 - blue) * u);
    let g = (y - red * r - blue * b) / (1.0 - red - blue);
    [r, g, b].map(|value| (value * 255.0).clamp(0.0, 255.0))
}

fn formats() -> impl Strategy<Value = PixelFormat> {
    prop::sample::select(PixelFormat::ALL.to_vec())
}

fn matrices() -> impl Strategy<Value = Matrix> {
    prop::sample::select(vec![Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020])
}

/// The Y, U and V of a pixel, found the slow way.
fn yuv_at(layout: &Layout, bytes: &[u8], x: usize, row: usize) -> (u8, u8, u8) {
    let start = row * layout.stride;
    match layout.format {
        PixelFormat::Yuyv => (bytes[start + 2 * x], bytes[start + x / 2 * 4 + 1], bytes[start + x / 2 * 4 + 3]),
        PixelFormat::Uyvy => (bytes[start + 2 * x + 1], bytes[start + x / 2 * 4], bytes[start + x / 2 * 4 + 2]),
        PixelFormat::I420 => {
            let (colours, stride) = (layout.stride * layout.height, layout.stride.div_ceil(2));
            let u = colours + row / 2 * stride + x / 2;
            (bytes[start + x], bytes[u], bytes[u + stride * layout.height.div_ceil(2)])
        }
        _ => {
            let colours = layout.stride * (layout.height + row / 2) + x / 2 * 2;
            (bytes[start + x], bytes[colours], bytes[colours + 1])
        }
    }
}

proptest! {
    #[test]
    fn yuv_is_within_one_step_of_the_exact_formula(
        format in prop::sample::select(PixelFormat::ALL[..4].to_vec()),
        odd in any::<bool>(), half_width in 1usize..12, half_height in 1usize..8, padding in 0usize..9,
        full_range: bool, matrix in matrices(), noise in prop::collection::vec(any::<u8>(), 2048),
    ) {
        // Odd sizes, too, where each pixel has colours of its own in the frame.
        let odd = usize::from(odd && format != PixelFormat::Nv12);
        let (width, height) = (half_width * 2 - odd, half_height * 2 - odd);
        let layout = Layout { full_range, matrix, ..layout(format, width, height, padding) };
        let picture = decode(&layout, &noise).unwrap();
        prop_assert_eq!(picture.data.len(), width * height * 3);
        for (number, pixel) in picture.data.chunks(3).enumerate() {
            let (y, u, v) = yuv_at(&layout, &noise, number % width, number / width);
            for (got, exact) in pixel.iter().zip(exact(y, u, v, full_range, matrix)) {
                prop_assert!((f64::from(*got) - exact).abs() <= 0.51, "{got} for {exact}");
            }
        }
    }

    #[test]
    fn nothing_that_a_driver_hands_over_panics(
        format in formats(), width in 0usize..40, height in 0usize..40, stride in 0usize..200,
        bytes in prop::collection::vec(any::<u8>(), 0..4096),
    ) {
        let layout = Layout { stride, ..layout(format, width, height, 0) };
        if let Ok(picture) = decode(&layout, &bytes) {
            prop_assert_eq!(picture.data.len(), picture.width * picture.height * picture.channels.count());
        }
        let _ = brightness(&layout, &bytes);
    }

    #[test]
    fn a_frame_one_byte_short_is_refused(
        format in prop::sample::select(PixelFormat::ALL[..6].to_vec()), width in 1usize..20, height in 1usize..20, padding in 0usize..9,
    ) {
        let layout = layout(format, width, height, padding);
        let needs = layout.least_bytes();
        prop_assert!(decode(&layout, &vec![7; needs]).is_ok());
        let truncated = decode(&layout, &vec![7; needs - 1]);
        prop_assert_eq!(truncated, Err(PixelError::Truncated { has: needs - 1, needs }));
    }
}

#[test]
fn gray_of_limited_range_is_stretched() {
    let limited = layout(PixelFormat::Grey, 4, 1, 3);
    assert_eq!(decode(&limited, &[0, 16, 235, 255, 9, 9, 9]).unwrap().data, [0, 0, 255, 255]);
    let full = Layout { full_range: true, ..limited };
    assert_eq!(decode(&full, &[0, 16, 235, 255]).unwrap().data, [0, 16, 235, 255]);
    for value in 16..=235 {
        let exact = f64::from(value - 16) * 255.0 / 219.0;
        assert!((f64::from(stretched(value, false)) - exact).abs() <= 0.51);
    }
}

#[test]
fn channels_are_in_order_and_padding_is_left_out() {
    let bytes = [1, 2, 3, 99, 4, 5, 6, 99];
    assert_eq!(decode(&layout(PixelFormat::Rgb, 1, 2, 1), &bytes).unwrap().data, [1, 2, 3, 4, 5, 6]);
    assert_eq!(decode(&layout(PixelFormat::Bgr, 1, 2, 1), &bytes).unwrap().data, [3, 2, 1, 6, 5, 4]);
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 4) as u8, (y * 4) as u8, 128]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn a_jpeg_is_decoded_and_a_broken_one_is_refused() {
    let layout = layout(PixelFormat::Mjpg, 48, 32, 0);
    let bytes = jpeg(48, 32);
    let picture = decode(&layout, &bytes).unwrap();
    assert_eq!((picture.width, picture.height, picture.channels), (48, 32, Channels::Rgb));
    let wrong = picture.data.chunks(3).enumerate().filter(|(number, pixel)| {
        let exact = [(number % 48 * 4) as i32, (number / 48 * 4) as i32, 128];
        pixel.iter().zip(exact).any(|(got, exact)| (i32::from(*got) - exact).abs() > 24)
    });
    assert!(wrong.count() < 60);
    for length in 0..bytes.len().min(400) {
        let _ = decode(&layout, &bytes[..length]);
    }
    assert!(matches!(decode(&layout, &bytes[..100]), Err(PixelError::Jpeg(_))));
}

#[test]
fn a_jpeg_larger_than_agreed_is_refused_before_it_is_decoded() {
    assert!(matches!(decode(&layout(PixelFormat::Mjpg, 40, 32, 0), &jpeg(48, 32)), Err(PixelError::Jpeg(_))));
}

#[test]
fn brightness_follows_the_picture() {
    for format in &PixelFormat::ALL[..6] {
        let layout = layout(*format, 64, 48, 0);
        let level = |value: u8| brightness(&layout, &vec![value; layout.least_bytes()]).unwrap();
        assert_eq!((level(10), level(200)), (10.0, 200.0));
    }
}

#[test]
fn a_format_is_named_as_people_name_it() {
    let same = [("yuyv", "YUYV"), ("JPEG", "MJPG"), ("MJPEG", "MJPG"), ("I420", "YU12"), ("rgb24", "RGB3")];
    for (name, characters) in same {
        assert_eq!(PixelFormat::from_name(name).unwrap().four_characters(), characters.as_bytes(), "{name}");
    }
    assert_eq!([PixelFormat::from_name("YUV"), PixelFormat::from_name("ÄÖ")], [None, None]);
}
