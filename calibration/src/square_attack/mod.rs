//! Square Attack (Andriushchenko et al. 2020): an input is changed a little until the model answers wrongly, knowing its scores alone.

mod picture;
mod sound;

pub use self::picture::SquareAttack;
pub use self::sound::SoundAttack;

/// Queries of 10,000 after which the changed share of the input is halved: the paper's schedule.
const HALVED_AFTER: [usize; 9] = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
/// What the schedule's queries are of.
const SCHEDULE: usize = 10_000;

/// How an attack ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Attacked<T> {
    /// Whether the right class no longer has the highest score alone.
    pub succeeded: bool,
    /// How often the model was asked.
    pub queries: usize,
    /// The right class's score less the highest other, for `input`.
    pub margin: f32,
    /// The input with the smallest margin that was found.
    pub input: T,
}

/// Asks about an input as it is, then about `next` of the best so far, until the answer is wrong or all `queries` are used up. `None` when `scores`
/// aren't numbers, or are of fewer than two classes.
fn search<T: Clone, E>(
    clean: &T,
    (class, queries): (usize, usize),
    mut scores: impl FnMut(&T) -> Result<Vec<f32>, E>,
    mut next: impl FnMut(&Attacked<T>) -> T,
) -> Result<Option<Attacked<T>>, E> {
    let Some(as_it_is) = margin(&scores(clean)?, class) else { return Ok(None) };
    let mut best = Attacked { succeeded: as_it_is <= 0.0, queries: 1, margin: as_it_is, input: clean.clone() };
    while !best.succeeded && best.queries < queries {
        let tried = next(&best);
        best.queries += 1;
        match margin(&scores(&tried)?, class) {
            // The first change is where the search begins, whatever the model says of it.
            Some(margin) if margin < best.margin || best.queries == 2 => {
                best = Attacked { succeeded: margin <= 0.0, margin, input: tried, ..best };
            }
            _ => {}
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

/// The score of a class less the highest of the others.
fn margin(scores: &[f32], class: usize) -> Option<f32> {
    let own = *scores.get(class)?;
    let others = scores.iter().enumerate().filter(|(index, _)| *index != class).map(|(_, &score)| score);
    let margin = own - others.reduce(f32::max)?;
    (!margin.is_nan()).then_some(margin)
}
