//! One sound, corrupted.

use edgeval_models::Sound;

use super::random::{Random, Seed};
use super::severities::{CorruptionError, Severity, Strength, column, source};
use super::sound_channel::{band_limited, clipped, drifted, packets_lost, quieter, reverberating};
use super::sound_noise::{at_snr, babble, hum, pink, white};

/// What can happen to a sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SoundCorruption {
    /// Noise with the same power at every frequency.
    WhiteNoise,
    /// Noise with the same power in every octave.
    PinkNoise,
    /// The mains, at 50 or 60 Hz, and its harmonics.
    Hum,
    /// Other people who talk.
    Babble,
    /// A room.
    Reverberation,
    /// Too loud for the converter.
    Clipping,
    /// Too quiet, in 16 bits.
    Gain,
    /// A narrow channel.
    BandLimit,
    /// Gaps in the transmission.
    PacketLoss,
    /// A converter's clock that is too fast or too slow.
    ResamplingDrift,
}

impl SoundCorruption {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::WhiteNoise,
        Self::PinkNoise,
        Self::Hum,
        Self::Babble,
        Self::Reverberation,
        Self::Clipping,
        Self::Gain,
        Self::BandLimit,
        Self::PacketLoss,
        Self::ResamplingDrift,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WhiteNoise => "white_noise",
            Self::PinkNoise => "pink_noise",
            Self::Hum => "hum",
            Self::Babble => "babble",
            Self::Reverberation => "reverberation",
            Self::Clipping => "clipping",
            Self::Gain => "gain",
            Self::BandLimit => "band_limit",
            Self::PacketLoss => "packet_loss",
            Self::ResamplingDrift => "resampling_drift",
        }
    }

    /// The signal-to-noise ratio of each severity in dB; `None` where none is set.
    #[must_use]
    pub fn snr_db(self) -> Option<[f64; 5]> {
        column(self.name(), "snr_db")
    }

    /// Where its severities are from; `None` when the table lacks it.
    #[must_use]
    pub fn source(self) -> Option<&'static str> {
        source(self.name())
    }
}

/// The sound corrupted: same rate, same length, within −1 to 1, the same bits for the same arguments on every processor.
///
/// `voices` are other samples' sounds, for babble alone: those at another rate, and silent ones, are left out. Noise is
/// added at an SNR over the whole sound, so a silent sound gets none. An empty sound stays as it is.
///
/// # Errors
/// When babble is asked for and no voice is left.
pub fn corrupt_sound(
    sound: &Sound,
    kind: SoundCorruption,
    severity: Severity,
    seed: Seed,
    voices: &[&Sound],
) -> Result<Sound, CorruptionError> {
    let strength = Strength::new(kind.name(), severity)?;
    let mut random = Random::new(seed, kind.name(), severity);
    let mut samples = changed(sound, kind, &strength, &mut random, voices)?;
    samples.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
    Ok(Sound { sample_rate_hz: sound.sample_rate_hz, samples })
}

fn changed(
    sound: &Sound,
    kind: SoundCorruption,
    strength: &Strength,
    random: &mut Random,
    voices: &[&Sound],
) -> Result<Vec<f32>, CorruptionError> {
    use SoundCorruption as Kind;
    let (samples, length) = (sound.samples.as_slice(), sound.samples.len());
    let (rate, figure) = (f64::from(sound.sample_rate_hz), |column| strength.get(column));
    Ok(match kind {
        Kind::WhiteNoise => at_snr(samples, &white(length, random), figure("snr_db")?),
        Kind::PinkNoise => at_snr(samples, &pink(length, random), figure("snr_db")?),
        Kind::Hum => at_snr(samples, &hum(length, rate, random), figure("snr_db")?),
        Kind::Babble => at_snr(samples, &babble(sound, voices, random)?, figure("snr_db")?),
        Kind::Reverberation => reverberating(samples, rate, figure("decay_s")?, figure("direct_db")?, random),
        Kind::Clipping => clipped(samples, figure("share")?),
        Kind::Gain => quieter(samples, figure("gain_db")?),
        Kind::BandLimit => band_limited(samples, rate, figure("low_hz")?, figure("high_hz")?),
        Kind::PacketLoss => {
            let packet = (figure("packet_ms")? / 1000.0 * rate) as usize;
            packets_lost(samples, packet, figure("share")?, figure("length")?, random)
        }
        Kind::ResamplingDrift => {
            let share = figure("share")?;
            drifted(samples, 1.0 + if random.unit() < 0.5 { share } else { -share })
        }
    })
}
