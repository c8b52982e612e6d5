use proptest::prelude::*;

use super::super::pixel::Matrix;
use super::*;

fn layout(format: PixelFormat, width: usize, height: usize) -> Layout {
    let stride = format.row_bytes(width);
    Layout { format, width, height, stride, full_range: false, matrix: Matrix::Bt601 }
}

/// A JPEG with a thumbnail in its first segment, as cameras write them.
fn jpeg(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let encode = |width, height| {
        let noise = |x: u32, y: u32| (x * 37 + y * 91 + u32::from(seed) * 53) as u8;
        let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([noise(x, y), noise(y, x), seed]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    };
    let (whole, thumbnail) = (encode(width, height), encode(16, 8));
    let length = u16::try_from(thumbnail.len() + 2).unwrap().to_be_bytes();
    [&whole[..2], &[0xFF, 0xE1], &length, &thumbnail, &whole[2..]].concat()
}

/// The frames and the number of damaged ones, when the bytes come in pieces of these sizes in turn.
fn split(splitter: &mut Splitter, bytes: &[u8], sizes: &[usize]) -> (Vec<Vec<u8>>, usize) {
    let (mut frames, mut damaged, mut at, mut turn) = (Vec::new(), 0, 0, 0);
    while at < bytes.len() {
        let end = bytes.len().min(at + sizes[turn % sizes.len()]);
        let mut input = &bytes[at..end];
        while let Some(piece) = splitter.next(&mut input) {
            match piece {
                Piece::Frame { bytes, .. } => frames.push(bytes.to_vec()),
                Piece::Damaged => damaged += 1,
            }
        }
        (at, turn) = (end, turn + 1);
    }
    (frames, damaged)
}

fn splitter() -> Splitter {
    Splitter::new(&layout(PixelFormat::Mjpg, 48, 32))
}

proptest! {
    #[test]
    fn jpegs_come_apart_wherever_reads_end(
        seeds in prop::collection::vec(any::<u8>(), 1..6), sizes in prop::collection::vec(1usize..900, 1..8),
        between in prop::collection::vec(0u8..0xFF, 0..40),
    ) {
        let jpegs: Vec<Vec<u8>> = seeds.iter().map(|&seed| jpeg(48, 32, seed)).collect();
        let stream: Vec<u8> = jpegs.iter().flat_map(|jpeg| [jpeg.clone(), between.clone()].concat()).collect();
        prop_assert_eq!(split(&mut splitter(), &stream, &sizes), (jpegs, 0));
    }

    #[test]
    fn raw_frames_come_apart_wherever_reads_end(
        count in 0usize..6, width in 1usize..20, height in 1usize..20, sizes in prop::collection::vec(1usize..900, 1..8),
    ) {
        for format in PixelFormat::ALL.into_iter().filter(|format| *format != PixelFormat::Mjpg) {
            let layout = layout(format, width, height);
            let frame = |number: usize| vec![number as u8; layout.whole_bytes().unwrap()];
            let frames: Vec<Vec<u8>> = (0..count).map(frame).collect();
            let mut splitter = Splitter::new(&layout);
            prop_assert_eq!(split(&mut splitter, &frames.concat(), &sizes), (frames, 0));
            prop_assert!(!splitter.has_begun());
        }
    }

    #[test]
    fn nothing_that_comes_panics_or_is_kept_without_end(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xFF), 0xC0u8..=0xDF], 0..4096),
    ) {
        let mut splitter = Splitter::Jpeg(Jpeg { most_bytes: 500, ..Jpeg::default() });
        for frame in split(&mut splitter, &bytes, &[100]).0 {
            prop_assert!(frame.len() <= 500);
        }
        let Splitter::Jpeg(Jpeg { frame, .. }) = &splitter else { unreachable!() };
        prop_assert!(frame.len() <= 600);
    }
}

#[test]
fn a_jpeg_says_its_own_size_and_not_its_thumbnails() {
    let bytes = jpeg(48, 31, 1);
    let mut splitter = splitter();
    assert_eq!(splitter.next(&mut &bytes[..]), Some(Piece::Frame { bytes: &bytes, size: Some((48, 31)) }));
}

#[test]
fn the_frame_after_a_broken_one_is_found() {
    let good = jpeg(48, 32, 2);
    // It breaks off in its pixels: the next one's beginning ends it.
    let cut = good.len() - 40;
    let broken = [&good[..cut], &good, &good].concat();
    assert_eq!(split(&mut splitter(), &broken, &[64]), (vec![good.clone(), good.clone()], 1));
    // It breaks off in a segment: what follows is swallowed, until nothing makes sense.
    let broken = [&good[..30], &good, &good, &good].concat();
    let (frames, damaged) = split(&mut splitter(), &broken, &[64]);
    assert!(damaged > 0 && frames.last() == Some(&good), "{damaged} {}", frames.len());
}

#[test]
fn a_jpeg_without_end_is_given_up() {
    let head = jpeg(48, 32, 3);
    let mut endless = head[..head.len() - 2].to_vec();
    endless.resize(3 * JPEG_EXTRAS_BYTES, 0x55);
    let mut splitter = splitter();
    assert_eq!(split(&mut splitter, &endless, &[65_536]), (vec![], 1));
    assert!(!splitter.has_begun());
    assert_eq!(split(&mut splitter, &head, &[65_536]).0.len(), 1);
}
