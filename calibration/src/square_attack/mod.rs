//! Square Attack (Andriushchenko et al. 2020): an input is changed a little until the model answers wrongly, knowing its scores alone.

mod picture;
mod sound;

pub use self::picture::SquareAttack;
pub use self::sound::SoundAttack;

/// Queries of 10,000 after which the changed share of the input is halved: the paper's schedule.
const HALVED_AFTER: [usize; 9] = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
/// What the schedule's queries are of.
const SCHEDULE: usize = 10_000;

/// What the model says of an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// Whether its answer is right. Scores that are equal don't tell: of two on integers that often are, one is still the answer.
    pub right: bool,
    /// The right answer's score less the highest other, in the model's unit (logits or probabilities): what an attack lowers.
    pub margin: f32,
}

/// How an attack ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Attacked<T> {
    /// Whether the answer is wrong.
    pub succeeded: bool,
    /// How often the model was asked.
    pub queries: usize,
    /// The right answer's score less the highest other, for `input`.
    pub margin: f32,
    /// The input with the smallest margin that was found.
    pub input: T,
}

/// Asks about an input as it is, then about `next` of the best so far, until the answer is wrong or all `queries` are used up. `None` when the first
/// margin isn't a number.
fn search<T: Clone, E>(
    clean: &T,
    queries: usize,
    mut ask: impl FnMut(&T) -> Result<Asked, E>,
    mut next: impl FnMut(&Attacked<T>) -> T,
) -> Result<Option<Attacked<T>>, E> {
    let Asked { right, margin } = ask(clean)?;
    if margin.is_nan() {
        return Ok(None);
    }
    let mut best = Attacked { succeeded: !right, queries: 1, margin, input: clean.clone() };
    while !best.succeeded && best.queries < queries {
        let tried = next(&best);
        best.queries += 1;
        let Asked { right, margin } = ask(&tried)?;
        // The first change is where the search begins, whatever the model says of it.
        let is_begin = best.queries == 2 && !margin.is_nan();
        if !right || margin < best.margin || is_begin {
            best = Attacked { succeeded: !right, margin, input: tried, ..best };
        }
    }
    Ok(Some(best))
}

/// The share of the input that an iteration changes, from that of the first on.
fn share_at(first: f64, iteration: usize, queries: usize) -> f64 {
    let scheduled = iteration.saturating_mul(SCHEDULE) / queries;
    let halvings = HALVED_AFTER.iter().filter(|&&after| scheduled > after).count();
    first / f64::from(1_u32 << halvings)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn a_tie_that_the_right_answer_wins_isn_t_a_success() {
        let ask = |input: &u32| Ok::<_, Infallible>(Asked { right: *input < 3, margin: 0.0 });
        let ended = search(&0, 10, ask, |best| best.queries as u32).unwrap().unwrap();
        assert_eq!(ended, Attacked { succeeded: true, queries: 4, margin: 0.0, input: 3 });
        let held = search(&0, 3, ask, |best| best.queries as u32).unwrap().unwrap();
        assert!(!held.succeeded && held.queries == 3);
    }
}
