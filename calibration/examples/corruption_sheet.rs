//! All corruptions of a picture on one sheet, to look at: corruption_sheet PICTURE SHEET.png
//!
//! A row for each kind, the picture itself and severities 1 to 5; the kinds are printed in the order of the rows.

use std::error::Error;
use std::time::Instant;

use edgeval_calibration::corruption::{PictureCorruption, Seed, Severity, corrupt_picture};
use edgeval_models::{Channels, Picture};
use image::{DynamicImage, RgbImage, imageops};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [picture, sheet] = arguments.as_slice() else { return Err("corruption_sheet PICTURE SHEET.png".into()) };
    let picture = opened(image::open(picture)?);
    let (width, height) = (u32::try_from(picture.width)?, u32::try_from(picture.height)?);
    let kinds: Vec<PictureCorruption> = PictureCorruption::all().collect();
    let mut pasted = RgbImage::new(6 * width, u32::try_from(kinds.len())? * height);
    for (row, kind) in (0_i64..).zip(kinds) {
        imageops::replace(&mut pasted, &shown(&picture)?, 0, row * i64::from(height));
        print!("{}", kind.name());
        for severity in Severity::ALL {
            let start = Instant::now();
            let corrupted = corrupt_picture(&picture, kind, severity, Seed { run: 1, sample: 0 })?;
            print!(" {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
            let x = i64::from(severity.number()) * i64::from(width);
            imageops::replace(&mut pasted, &shown(&corrupted)?, x, row * i64::from(height));
        }
        println!();
    }
    Ok(pasted.save(sheet)?)
}

fn opened(image: DynamicImage) -> Picture {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (channels, data) = match image {
        DynamicImage::ImageLuma8(gray) => (Channels::Gray, gray.into_raw()),
        other => (Channels::Rgb, other.into_rgb8().into_raw()),
    };
    Picture { width, height, channels, data }
}

fn shown(picture: &Picture) -> Result<RgbImage, Box<dyn Error>> {
    let data = match picture.channels {
        Channels::Gray => picture.data.iter().flat_map(|&value| [value; 3]).collect(),
        Channels::Rgb => picture.data.clone(),
    };
    let (width, height) = (u32::try_from(picture.width)?, u32::try_from(picture.height)?);
    RgbImage::from_raw(width, height, data).ok_or_else(|| "a corrupted picture changed its size".into())
}
