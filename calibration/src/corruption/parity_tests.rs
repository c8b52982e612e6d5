//! Against `tests/parity/record_corruptions.py`: what numpy, scipy, Pillow and OpenCV make of the same picture with the
//! same random values.

use edgeval_models::{Channels, Picture};
use serde_json::Value;

use super::blur::{defocus, gaussian, motion, zoom};
use super::compression::{jpeg, pixelate};
use super::elastic::{displaced, smoothed, turned};
use super::field::Field;
use super::plasma::plasma;
use super::severities::Strength;
use super::sound_noise::at_snr;
use super::tone::{brightness, contrast};
use super::weather::{Snowfall, add_fog, flakes, snow_on};
use super::{PictureCorruption, Seed, Severity, corrupt_picture};

/// The encoder divides by reciprocals of 15 bits, so that some coefficients at the border between two steps are rounded
/// the other way than libjpeg's. So many bytes are the same within 1 all the same, and the loss is as large.
const JPEG_WITHIN_ONE: f64 = 0.6;
/// How far the squared error may be from that of libjpeg's picture.
const JPEG_LOSS: std::ops::Range<f64> = 0.85..1.15;

/// The same generator as the script's.
struct Generator(u64);

impl Generator {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn field(&mut self, like: &Picture, channels: usize, mut value: impl FnMut(&mut Self) -> f64) -> Field {
        let mut field = Field::new(like.width, like.height, channels);
        field.values.iter_mut().for_each(|place| *place = value(self) as f32);
        field
    }
}

fn recorded() -> (Value, Vec<(String, Picture)>) {
    let json: Value = serde_json::from_str(include_str!("../../tests/corruption/expected.json")).unwrap();
    let data = image::load_from_memory(include_bytes!("../../tests/corruption/expected.png")).unwrap().into_rgb8();
    let (width, height) = (json["width"].as_u64().unwrap() as usize, json["height"].as_u64().unwrap() as usize);
    let names = json["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    let pictures = data.into_raw();
    let pictures = pictures.chunks_exact(width * height * 3);
    let picture = |data: &[u8]| Picture { width, height, channels: Channels::Rgb, data: data.to_vec() };
    let named: Vec<(String, Picture)> = names.zip(pictures.map(picture)).collect();
    (json, named)
}

fn made(kind: &str, severity: Severity, picture: &Picture, json: &Value) -> Picture {
    let field = Field::of_picture(picture);
    let index = severity as usize;
    let row = |kind| Strength::new(kind, severity).unwrap();
    let figure = |kind, column| row(kind).get(column).unwrap();
    let mut generator = Generator(u64::from(severity.number()));
    let mut changed = picture.clone();
    let result = match kind {
        "defocus" => defocus(picture, figure("defocus_blur", "radius"), figure("defocus_blur", "edge_deviation"), 1.0),
        "glass_gaussian" => gaussian(&field, figure("glass_blur", "deviation")),
        "motion" => {
            let angle = json["angles"][index].as_f64().unwrap();
            motion(&field, figure("motion_blur", "radius"), figure("motion_blur", "deviation"), angle)
        }
        "zoom_blur" => zoom(&field, figure("zoom_blur", "step"), figure("zoom_blur", "zooms") as usize),
        "snow" => snowed(
            field,
            Snowfall::of(&row("snow")).unwrap(),
            json["snow_angles"][index].as_f64().unwrap(),
            picture,
            &mut generator,
        ),
        "fog" => {
            let plasma = plasma(64, 64, figure("fog", "decay"), &mut || generator.unit());
            let cut = |place| plasma.values[place / picture.width * 64 + place % picture.width];
            let mut fog = Field::new(picture.width, picture.height, 1);
            fog.values = (0..picture.width * picture.height).map(cut).collect();
            let mut field = field;
            add_fog(&mut field, &fog, figure("fog", "thickness") as f32);
            field
        }
        "elastic_affine" => {
            let corner = figure("elastic", "corner") * picture.height as f64 / 224.0;
            turned(&field, std::array::from_fn(|_| (2.0 * generator.unit() - 1.0) * corner))
        }
        "elastic_displacement" => {
            let noise = generator.field(picture, 2, |generator| 2.0 * generator.unit() - 1.0);
            let mut moves = smoothed(&noise, figure("elastic", "deviation"), noise.width, noise.height);
            moves.values.iter_mut().for_each(|value| *value *= figure("elastic", "strength") as f32);
            displaced(&field, &moves)
        }
        "brightness" => {
            brightness(&mut changed, figure("brightness", "added"));
            return changed;
        }
        "contrast" => {
            contrast(&mut changed, figure("contrast", "kept"));
            return changed;
        }
        "pixelate" => return pixelate(picture, figure("pixelate", "kept")),
        "jpeg" => return jpeg(picture, figure("jpeg", "quality")).unwrap(),
        unknown => panic!("{unknown} was recorded, and nothing is compared with it"),
    };
    result.into_picture(Channels::Rgb)
}

fn snowed(mut field: Field, fall: Snowfall, angle: f64, picture: &Picture, generator: &mut Generator) -> Field {
    let normal = |generator: &mut Generator| (0..12).map(|_| generator.unit()).sum::<f64>() - 6.0;
    let noise = generator.field(picture, 1, |generator| fall.mean + fall.deviation * normal(generator));
    snow_on(&mut field, &flakes(&noise, fall, angle), fall.clearness as f32);
    field
}

fn squared_error(one: &Picture, other: &Picture) -> f64 {
    let square = |(one, other): (&u8, &u8)| (f64::from(*one) - f64::from(*other)).powi(2);
    one.data.iter().zip(&other.data).map(square).sum()
}

#[test]
fn as_the_paper_defines_them() {
    let (json, pictures) = recorded();
    let (_, picture) = &pictures[0];
    assert_eq!(pictures.len(), 61);
    let mut wrong = Vec::new();
    for (name, expected) in &pictures[1..] {
        let (kind, severity) = name.split_once(' ').unwrap();
        let found = made(kind, Severity::new(severity.parse().unwrap()).unwrap(), picture, &json);
        let differences = found.data.iter().zip(&expected.data).map(|(one, other)| one.abs_diff(*other));
        let largest = differences.clone().max().unwrap();
        let near = differences.filter(|difference| *difference <= 1).count() as f64 / found.data.len() as f64;
        let loss = squared_error(&found, picture) / squared_error(expected, picture);
        println!("{name}: {largest} of 255 at most, {near:.3} within 1, {loss:.3} of the loss");
        let agrees = if kind == "jpeg" { near >= JPEG_WITHIN_ONE && JPEG_LOSS.contains(&loss) } else { largest <= 1 };
        if !agrees {
            wrong.push(format!("{name}: {largest}, {near:.3}, {loss:.3}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn noise_has_the_papers_statistics() {
    let (json, _) = recorded();
    for case in json["statistics"].as_array().unwrap() {
        let kind = PictureCorruption::IMAGENET_C.into_iter().find(|kind| case["kind"] == kind.name()).unwrap();
        let severity = Severity::new(case["severity"].as_u64().unwrap() as u8).unwrap();
        let data = vec![case["level"].as_u64().unwrap() as u8; 3 * 256 * 256];
        let flat = Picture { width: 256, height: 256, channels: Channels::Rgb, data };
        let noisy = corrupt_picture(&flat, kind, severity, Seed { run: 5, sample: 6 }).unwrap().data;
        let count = noisy.len() as f64;
        let mean = noisy.iter().map(|&byte| f64::from(byte)).sum::<f64>() / count;
        let variance =
            noisy.iter().map(|&byte| (f64::from(byte) - mean) * (f64::from(byte) - mean)).sum::<f64>() / count;
        let (expected, deviation) = (case["mean"].as_f64().unwrap(), case["deviation"].as_f64().unwrap());
        // Five deviations of a mean of so many values.
        assert!((mean - expected).abs() < 0.1 + 5.0 * deviation / count.sqrt(), "{case}: mean {mean}");
        assert!((variance.sqrt() - deviation).abs() < 0.1 + 0.01 * deviation, "{case}: deviation {}", variance.sqrt());
    }
}

#[test]
fn noise_is_added_at_its_snr() {
    let (json, _) = recorded();
    let mut generator = Generator(7);
    let sound: Vec<f32> = (0..100).map(|_| (generator.unit() - 0.5) as f32).collect();
    let noise: Vec<f32> = (0..100).map(|_| (2.0 * generator.unit() - 1.0) as f32).collect();
    for case in json["sounds"].as_array().unwrap() {
        let found = at_snr(&sound, &noise, case["snr_db"].as_f64().unwrap());
        for (found, expected) in found.iter().zip(case["sum"].as_array().unwrap()) {
            assert!((f64::from(*found) - expected.as_f64().unwrap()).abs() < 1e-6, "{case}");
        }
    }
}
