//! One picture, corrupted.

use edgeval_models::Picture;

use super::blur::{GlassSizes, defocus, glass, motion, zoom};
use super::camera::{over_exposure, rolling_flicker};
use super::compression::{jpeg, pixelate};
use super::elastic::{ElasticSizes, elastic};
use super::field::{Field, scale_of};
use super::lens::{Dirt, dirty_lens};
use super::noise::{self, LowLight};
use super::random::{Random, Seed};
use super::severities::{CorruptionError, Severity, Strength, source};
use super::tone::{brightness, contrast};
use super::weather::{Snowfall, fog, procedural_frost, snow};

/// What can happen to a picture: ImageNet-C's fifteen (Hendrycks & Dietterich 2019), then what boards see.
///
/// On a gray picture each acts on its one value as on each channel, except as stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PictureCorruption {
    /// Normal noise.
    GaussianNoise,
    /// Noise of few photons.
    ShotNoise,
    /// Values that become black or white, each channel by itself.
    ImpulseNoise,
    /// Out of focus.
    DefocusBlur,
    /// Seen through structured glass.
    GlassBlur,
    /// Moved while it was taken, at an angle of −45° to 45°.
    MotionBlur,
    /// Approached while it was taken.
    ZoomBlur,
    /// Snow in the wind.
    Snow,
    /// Frost on the lens. The paper mixes photographs in; here it is drawn, so its errors aren't the paper's. White on gray pictures.
    ProceduralFrost,
    /// Fog.
    Fog,
    /// Brighter in HSV; on gray pictures in luminance.
    Brightness,
    /// Less contrast.
    Contrast,
    /// Elastic deformation.
    Elastic,
    /// Fewer pixels.
    Pixelate,
    /// Fewer bytes. Gray pictures have no colour to lose.
    Jpeg,
    /// Too little light, and the gain that makes up for it.
    LowLight,
    /// Too much light.
    OverExposure,
    /// Bands of a lamp on the mains, under a rolling shutter.
    RollingFlicker,
    /// Dust and drops on the lens.
    DirtyLens,
}

impl PictureCorruption {
    /// ImageNet-C's.
    pub const IMAGENET_C: [Self; 15] = [
        Self::GaussianNoise,
        Self::ShotNoise,
        Self::ImpulseNoise,
        Self::DefocusBlur,
        Self::GlassBlur,
        Self::MotionBlur,
        Self::ZoomBlur,
        Self::Snow,
        Self::ProceduralFrost,
        Self::Fog,
        Self::Brightness,
        Self::Contrast,
        Self::Elastic,
        Self::Pixelate,
        Self::Jpeg,
    ];

    /// Those of boards.
    pub const BOARD: [Self; 4] = [Self::LowLight, Self::OverExposure, Self::RollingFlicker, Self::DirtyLens];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::IMAGENET_C.into_iter().chain(Self::BOARD)
    }

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GaussianNoise => "gaussian_noise",
            Self::ShotNoise => "shot_noise",
            Self::ImpulseNoise => "impulse_noise",
            Self::DefocusBlur => "defocus_blur",
            Self::GlassBlur => "glass_blur",
            Self::MotionBlur => "motion_blur",
            Self::ZoomBlur => "zoom_blur",
            Self::Snow => "snow",
            Self::ProceduralFrost => "procedural_frost",
            Self::Fog => "fog",
            Self::Brightness => "brightness",
            Self::Contrast => "contrast",
            Self::Elastic => "elastic",
            Self::Pixelate => "pixelate",
            Self::Jpeg => "jpeg",
            Self::LowLight => "low_light",
            Self::OverExposure => "over_exposure",
            Self::RollingFlicker => "rolling_flicker",
            Self::DirtyLens => "dirty_lens",
        }
    }

    /// Where its severities are from; `None` when the table lacks it.
    #[must_use]
    pub fn source(self) -> Option<&'static str> {
        source(self.name())
    }
}

/// The picture corrupted: same size, same channels, the same bits for the same arguments on every processor. Sizes in
/// pixels are those of a 224-pixel shorter side, scaled to the picture's; noise is of its own pixels, and JPEG's blocks
/// are. A picture without pixels stays as it is.
///
/// # Errors
/// When the picture has not the bytes that its size needs, or is too large for JPEG (65,535 pixels a side).
pub fn corrupt_picture(
    picture: &Picture,
    kind: PictureCorruption,
    severity: Severity,
    seed: Seed,
) -> Result<Picture, CorruptionError> {
    let (width, height, channels) = (picture.width, picture.height, picture.channels.count());
    let expected = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(channels));
    if expected != Some(picture.data.len()) {
        return Err(CorruptionError::Shape { width, height, channels, bytes: picture.data.len() });
    }
    if picture.data.is_empty() {
        return Ok(picture.clone());
    }
    let strength = Strength::new(kind.name(), severity)?;
    let mut corrupted = picture.clone();
    apply(&mut corrupted, kind, &strength, &mut Random::new(seed, kind.name(), severity))?;
    Ok(corrupted)
}

fn apply(
    picture: &mut Picture,
    kind: PictureCorruption,
    strength: &Strength,
    random: &mut Random,
) -> Result<(), CorruptionError> {
    use PictureCorruption as Kind;
    let (scale, figure) = (scale_of(picture.width, picture.height), |column| strength.get(column));
    match kind {
        Kind::GaussianNoise => noise::gaussian(picture, figure("deviation")?, random),
        Kind::ShotNoise => noise::shot(picture, figure("photons")?, random),
        Kind::ImpulseNoise => noise::impulse(picture, figure("share")?, random),
        Kind::LowLight => noise::low_light(picture, LowLight::of(strength)?, random),
        Kind::Brightness => brightness(picture, figure("added")?),
        Kind::Contrast => contrast(picture, figure("kept")?),
        Kind::OverExposure => over_exposure(picture, figure("stops")?),
        Kind::RollingFlicker => rolling_flicker(picture, figure("depth")?, figure("bands")?, random),
        Kind::Pixelate => *picture = pixelate(picture, figure("kept")?),
        Kind::Jpeg => *picture = jpeg(picture, figure("quality")?)?,
        Kind::DefocusBlur => {
            let blurred = defocus(picture, figure("radius")?, figure("edge_deviation")?, scale);
            *picture = blurred.into_picture(picture.channels);
        }
        Kind::GlassBlur
        | Kind::MotionBlur
        | Kind::ZoomBlur
        | Kind::Elastic
        | Kind::Snow
        | Kind::ProceduralFrost
        | Kind::Fog
        | Kind::DirtyLens => {
            let field = change_field(Field::of_picture(picture), kind, strength, random)?;
            *picture = field.into_picture(picture.channels);
        }
    }
    Ok(())
}

/// Those that compute with values between bytes; others leave the field as it is.
fn change_field(
    mut field: Field,
    kind: PictureCorruption,
    strength: &Strength,
    random: &mut Random,
) -> Result<Field, CorruptionError> {
    use PictureCorruption as Kind;
    let (scale, figure) = (scale_of(field.width, field.height), |column| strength.get(column));
    match kind {
        Kind::GlassBlur => field = glass(&field, GlassSizes::of(strength)?, scale, random),
        Kind::MotionBlur => {
            let (radius, deviation) = (figure("radius")? * scale, figure("deviation")? * scale);
            field = motion(&field, radius, deviation, random.between(-45.0, 45.0));
        }
        Kind::ZoomBlur => field = zoom(&field, figure("step")?, figure("zooms")? as usize),
        Kind::Elastic => field = elastic(&field, ElasticSizes::of(strength)?, scale, random),
        Kind::Snow => snow(&mut field, Snowfall::of(strength)?, random),
        Kind::ProceduralFrost => procedural_frost(&mut field, figure("picture")?, figure("frost")?, random),
        Kind::Fog => fog(&mut field, figure("thickness")?, figure("decay")?, random),
        Kind::DirtyLens => dirty_lens(&mut field, Dirt::of(strength)?, random),
        _ => {}
    }
    Ok(field)
}
