//! A picture, changed by at most a few steps of 255 in squares.

use edgeval_models::Picture;

use super::{Asked, Attacked, search, share_at};
use crate::corruption::Random;

/// How far an attack on a picture may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquareAttack {
    /// No byte is changed by more (L∞). The paper's are 13 for ImageNet (0.05) and 8 for CIFAR-10 (8/255).
    pub epsilon: u8,
    /// The model is asked no more often, the clean picture included.
    pub queries: usize,
    /// The share of the picture that the first square covers, from 0 to 1; the paper's is 0.05 for ImageNet and 0.8 for MNIST.
    pub share: f64,
}

impl SquareAttack {
    /// Attacks a picture, of which `ask` asks the model. One that is answered wrongly as it is counts as a success after one query.
    ///
    /// `None` when there's nothing to attack: no pixels or fewer bytes than pixels need, no query, or a margin that isn't a number.
    ///
    /// # Errors
    /// Those of `ask`.
    pub fn run<E>(
        &self,
        picture: &Picture,
        seed: u64,
        ask: impl FnMut(&Picture) -> Result<Asked, E>,
    ) -> Result<Option<Attacked<Picture>>, E> {
        let channels = picture.channels.count();
        let bytes = picture.width.checked_mul(picture.height).and_then(|pixels| pixels.checked_mul(channels));
        if picture.data.is_empty() || bytes != Some(picture.data.len()) || self.queries == 0 {
            return Ok(None);
        }
        let mut random = Random::seeded(seed);
        search(picture, self.queries, ask, |best| {
            if best.queries == 1 { self.stripes(picture, &mut random) } else { self.square(picture, best, &mut random) }
        })
    }

    /// Every column of every channel moved up or down.
    fn stripes(&self, picture: &Picture, random: &mut Random) -> Picture {
        let row = picture.width * picture.channels.count();
        let ups: Vec<bool> = (0..row).map(|_| random.unit() < 0.5).collect();
        let data = picture.data.iter().enumerate().map(|(place, &byte)| self.moved(byte, ups[place % row])).collect();
        Picture { data, ..*picture }
    }

    /// The best picture with a square at a random place moved up or down from the clean one, each channel by itself.
    fn square(&self, clean: &Picture, best: &Attacked<Picture>, random: &mut Random) -> Picture {
        let side = self.side(clean, best.queries - 1);
        let (left, top) = (random.below(clean.width - side + 1), random.below(clean.height - side + 1));
        let channels = clean.channels.count();
        let mut tried = best.input.clone();
        // Some squares change nothing: they aren't worth a query. On a picture that can't change, one is asked all the same.
        for _ in 0..16 {
            let ups: [bool; 3] = std::array::from_fn(|_| random.unit() < 0.5);
            for y in top..top + side {
                for place in (y * clean.width + left) * channels..(y * clean.width + left + side) * channels {
                    tried.data[place] = self.moved(clean.data[place], ups[place % channels]);
                }
            }
            if tried.data != best.input.data {
                break;
            }
        }
        tried
    }

    const fn moved(&self, byte: u8, up: bool) -> u8 {
        if up { byte.saturating_add(self.epsilon) } else { byte.saturating_sub(self.epsilon) }
    }

    /// The side of the square of an iteration.
    fn side(&self, picture: &Picture, iteration: usize) -> usize {
        let area = share_at(self.share, iteration, self.queries) * picture.width as f64 * picture.height as f64;
        (libm::rint(libm::sqrt(area)) as usize).clamp(1, picture.width.min(picture.height))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use edgeval_models::Channels;

    use super::*;

    const ATTACK: SquareAttack = SquareAttack { epsilon: 8, queries: 1000, share: 0.8 };

    fn picture() -> Picture {
        let data = (0..12 * 10 * 3_u32).map(|place| (place * 31 % 256) as u8).collect();
        Picture { width: 12, height: 10, channels: Channels::Rgb, data }
    }

    const fn asked(margin: f32) -> Asked {
        Asked { right: margin > 0.0, margin }
    }

    /// A linear model of two classes: signs over the bytes, and a bias that makes the clean margin what is asked for.
    fn linear(clean_margin: f32) -> impl Fn(&Picture) -> Result<Asked, Infallible> {
        let sum = |picture: &Picture| {
            let signed = |(place, &byte): (usize, &u8)| {
                // Whole patches of one sign, so that squares can find them.
                if (place % 36 / 18 + place / 180) % 2 == 0 { i64::from(byte) } else { -i64::from(byte) }
            };
            picture.data.iter().enumerate().map(signed).sum::<i64>()
        };
        let clean = sum(&picture());
        move |picture| Ok(asked((sum(picture) - clean) as f32 + clean_margin))
    }

    #[test]
    fn a_linear_model_is_fooled_within_reach_and_not_beyond() {
        // The best that 8 steps can do to 360 bytes is 2880 less those at the ends of the range.
        let run = |margin: f32, attack: SquareAttack| attack.run(&picture(), 5, linear(margin)).unwrap().unwrap();
        let near = run(1500.0, ATTACK);
        assert!(near.succeeded && near.margin <= 0.0 && (2..=1000).contains(&near.queries), "{near:?}");
        let far = run(3000.0, ATTACK);
        assert!(!far.succeeded && far.queries == 1000 && far.margin < 600.0, "{}", far.margin);
        assert!(far.input.data.iter().zip(&picture().data).all(|(one, other)| one.abs_diff(*other) <= 8));
        assert_eq!(near, run(1500.0, ATTACK));
        let wrong = run(-1.0, ATTACK);
        assert_eq!((wrong.succeeded, wrong.queries, wrong.input), (true, 1, picture()));
    }

    #[test]
    fn squares_shrink_as_the_paper_says() {
        let wide = Picture { width: 224, height: 224, channels: Channels::Gray, data: vec![0; 224 * 224] };
        let attack = SquareAttack { epsilon: 13, queries: 10_000, share: 0.05 };
        let sides = [1, 10, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 8001].map(|query| attack.side(&wide, query));
        assert_eq!(sides, [50, 50, 35, 25, 18, 13, 9, 6, 4, 3, 2]);
        assert_eq!(SquareAttack { queries: 1000, ..attack }.side(&wide, 21), 18, "a smaller budget shrinks sooner");
    }

    #[test]
    fn nothing_to_attack() {
        let empty = Picture { width: 0, height: 3, channels: Channels::Rgb, data: Vec::new() };
        let run = |picture: &Picture, margin: f32, attack: SquareAttack| {
            attack.run(picture, 1, |_| Ok::<_, Infallible>(asked(margin))).unwrap()
        };
        assert!(run(&empty, 1.0, ATTACK).is_none());
        assert!(run(&picture(), f32::NAN, ATTACK).is_none());
        assert!(run(&picture(), 1.0, SquareAttack { queries: 0, ..ATTACK }).is_none());
        let stubborn = run(&picture(), 1.0, SquareAttack { epsilon: 0, queries: 5, share: 9.0 }).unwrap();
        assert!(!stubborn.succeeded && stubborn.queries == 5 && stubborn.input == picture());
        let failing = ATTACK.run(&picture(), 1, |_| Err::<Asked, _>("no model"));
        assert_eq!(failing, Err("no model"));
    }
}
