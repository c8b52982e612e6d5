//! A sound, changed by at most a small share of full scale in stretches of time.

use edgeval_models::Sound;

use super::{Asked, Attacked, search, share_at};
use crate::corruption::Random;

/// The lowest pitch that a stretch is given, in Hz.
const LOWEST_HZ: u32 = 50;

/// How far an attack on a sound may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoundAttack {
    /// No sample is moved by more (L∞), full scale being 1.
    pub epsilon: f64,
    /// The model is asked no more often, the clean sound included.
    pub queries: usize,
    /// The share of the sound that the first stretch covers, from 0 to 1.
    pub share: f64,
}

impl SoundAttack {
    /// Attacks a sound, as [`super::SquareAttack::run`] does a picture. The paper's square is a stretch of time. In it
    /// samples are moved up and down in turn, at a pitch that is drawn: a stretch that is moved to one side would be an offset, which no loudspeaker
    /// plays and bands of log-mel hardly hear.
    ///
    /// `None` when there's nothing to attack: no samples, no query, or a margin that isn't a number.
    ///
    /// # Errors
    /// Those of `ask`.
    pub fn run<E>(
        &self,
        sound: &Sound,
        seed: u64,
        ask: impl FnMut(&Sound) -> Result<Asked, E>,
    ) -> Result<Option<Attacked<Sound>>, E> {
        if sound.samples.is_empty() || self.queries == 0 {
            return Ok(None);
        }
        let mut random = Random::seeded(seed);
        search(sound, self.queries, ask, |best| {
            if best.queries == 1 { self.noise(sound, &mut random) } else { self.stretch(sound, best, &mut random) }
        })
    }

    /// Every sample moved up or down: the paper's stripes on a picture of one row.
    fn noise(&self, sound: &Sound, random: &mut Random) -> Sound {
        let samples = sound.samples.iter().map(|&sample| self.moved(sample, random.unit() < 0.5)).collect();
        Sound { samples, ..*sound }
    }

    /// The best sound with a square wave about the clean one in a stretch at a random place.
    fn stretch(&self, clean: &Sound, best: &Attacked<Sound>, random: &mut Random) -> Sound {
        let count = clean.samples.len();
        let share = share_at(self.share, best.queries - 1, self.queries);
        let length = (libm::rint(share * count as f64) as usize).clamp(1, count);
        let start = random.below(count - length + 1);
        let (half_period, begins_up) = (half_period(clean.sample_rate_hz, random), random.unit() < 0.5);
        let mut tried = best.input.clone();
        let pairs = tried.samples.iter_mut().zip(&clean.samples).skip(start).take(length);
        for (place, (tried, &clean)) in pairs.enumerate() {
            *tried = self.moved(clean, (place / half_period).is_multiple_of(2) == begins_up);
        }
        tried
    }

    const fn moved(&self, sample: f32, up: bool) -> f32 {
        let moved = sample as f64 + if up { self.epsilon } else { -self.epsilon };
        moved.clamp(-1.0, 1.0) as f32
    }
}

/// In samples: from half the rate down to the lowest pitch, each octave as often as another.
fn half_period(sample_rate_hz: u32, random: &mut Random) -> usize {
    let longest = f64::from(sample_rate_hz / (2 * LOWEST_HZ)).max(1.0);
    (libm::rint(libm::pow(longest, random.unit())) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const ATTACK: SoundAttack = SoundAttack { epsilon: 0.01, queries: 400, share: 0.3 };

    fn sound() -> Sound {
        let sample = |place: u16| f32::from(place * 7 % 200) / 400.0 - 0.25;
        Sound { sample_rate_hz: 8000, samples: (0..2000).map(sample).collect() }
    }

    const fn asked(margin: f32) -> Asked {
        Asked { right: margin > 0.0, margin }
    }

    /// A model of two classes that listens for one pitch: what was added of it counts against the first, of which it is sure by `clean_margin`.
    fn listening(clean_margin: f32) -> impl Fn(&Sound) -> Result<Asked, Infallible> {
        let heard = |sound: &Sound| {
            let signed = |(place, &sample): (usize, &f32)| if place / 4 % 2 == 0 { sample } else { -sample };
            sound.samples.iter().enumerate().map(signed).sum::<f32>()
        };
        let clean = heard(&sound());
        move |sound| Ok(asked(clean_margin - (heard(sound) - clean).abs()))
    }

    #[test]
    fn a_model_that_hears_a_pitch_is_fooled_within_reach_and_not_beyond() {
        // The most that 2000 samples can be moved by 0.01 each is 20.
        let run = |margin: f32| ATTACK.run(&sound(), 5, listening(margin)).unwrap().unwrap();
        let near = run(1.2);
        assert!(near.succeeded && near.margin <= 0.0 && (2..=400).contains(&near.queries), "{near:?}");
        let far = run(21.0);
        assert!(!far.succeeded && far.queries == 400 && far.margin < 20.0, "{}", far.margin);
        let clean = sound();
        let moved = far.input.samples.iter().zip(&clean.samples).map(|(one, other)| (one - other).abs());
        assert!(moved.fold(0.0, f32::max) <= 0.01 + 1e-6);
        assert_eq!(near, run(1.2), "the same seed, the same attack");
        let wrong = run(-1.0);
        assert_eq!((wrong.succeeded, wrong.queries, wrong.input), (true, 1, sound()));
    }

    #[test]
    fn what_is_added_is_no_offset() {
        // Whatever is tried is better than what was before.
        let mut margin = 1000.0;
        let falling = |_: &Sound| {
            margin -= 1.0;
            Ok::<_, Infallible>(asked(margin))
        };
        let ended = ATTACK.run(&sound(), 3, falling).unwrap().unwrap();
        let added: Vec<f32> =
            ended.input.samples.iter().zip(&sound().samples).map(|(one, other)| one - other).collect();
        let mean = added.iter().sum::<f32>() / 2000.0;
        assert!(mean.abs() < 0.001, "{mean} of 0.01");
    }

    #[test]
    fn full_scale_is_the_end() {
        let loud = Sound { sample_rate_hz: 10, samples: vec![1.0, -1.0, 0.995] };
        let attack = SoundAttack { queries: 50, ..ATTACK };
        let ended = attack.run(&loud, 1, |_| Ok::<_, Infallible>(asked(1.0))).unwrap().unwrap();
        assert!(ended.input.samples.iter().all(|sample| (-1.0..=1.0).contains(sample)));
    }

    #[test]
    fn nothing_to_attack() {
        let run = |sound: &Sound, margin: f32, attack: SoundAttack| {
            attack.run(sound, 1, |_| Ok::<_, Infallible>(asked(margin))).unwrap()
        };
        assert!(run(&Sound { samples: Vec::new(), ..sound() }, 1.0, ATTACK).is_none());
        assert!(run(&sound(), f32::NAN, ATTACK).is_none());
        assert!(run(&sound(), 1.0, SoundAttack { queries: 0, ..ATTACK }).is_none());
        let failing = ATTACK.run(&sound(), 1, |_| Err::<Asked, _>("no model"));
        assert_eq!(failing, Err("no model"));
    }
}
