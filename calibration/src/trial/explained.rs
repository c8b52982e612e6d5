//! What in a sample the answer hangs on: a map of what was lost by covering each cell, and whether the map tells the truth.

use std::collections::BTreeMap;
use std::ops::Range;

use edgeval_measure::{Region, area_over_share, map_order, pointing_hit};
use edgeval_models::{Modality, Plane, Prediction, Tensors, Window};
use serde::{Deserialize, Serialize};

use super::subject::{StandIn, Subject, failed};
use crate::SetError;
use crate::corruption::Random;
use crate::order::shuffle;

/// Cells of a map along each side, at most; even, since they are looked at in twos first.
const CELLS: usize = 8;
/// Cells of a waveform, which has time alone.
const CELLS_OF_TIME: usize = 16;
/// Cells of a text: as many words as a model of a board reads are one each.
const CELLS_OF_TEXT: usize = 64;
/// A block of cells that loses less than this share of what the worst block loses isn't looked at closer: the map has settled there.
const SETTLED: f64 = 0.1;
/// A fall of the probability that is nothing.
const NOTHING: f64 = 0.005;
/// Steps in which cells are removed and restored.
const STEPS: usize = 8;
/// Random orders that the map's is held against.
const RANDOM_ORDERS: usize = 2;

/// What the answer hangs on, in one modality of a sample. Falls are of the probability of what the model said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Rows of the map, from the top of the picture or the lowest frequency; 1 for words.
    pub rows: usize,
    /// Columns of the map, from the left or the start; as many as there are words.
    pub columns: usize,
    /// What the probability fell by when a cell was covered, row by row.
    pub map: Vec<f64>,
    /// Area under the probability as cells are removed in the map's order, 0 to 1.
    pub deletion: f64,
    /// Area under the probability as cells are restored in the map's order, 0 to 1.
    pub insertion: f64,
    /// The same two of random orders.
    pub random: Vec<(f64, f64)>,
    /// Whether the map's peak lies in a region that the sample marks.
    pub pointed: Option<bool>,
    /// How often the model was asked for the map.
    pub queries: usize,
}

/// What can be covered of a modality, cell by cell.
enum Cover<'a> {
    Plane { plane: &'a Plane, rows: usize, columns: usize },
    Words { words: Vec<String> },
}

/// Explains the answer by each modality of the sample; nothing where the model gives no probability.
pub(super) fn explained(
    subject: &mut Subject<'_>,
    clean: &Prediction,
) -> Result<BTreeMap<Modality, Explanation>, SetError> {
    let mut explanations = BTreeMap::new();
    if !clean.has_answer() {
        return Ok(explanations);
    }
    let planes: Vec<Plane> = subject.setup.planes.clone();
    for modality in subject.modalities() {
        let plane = planes.iter().find(|plane| plane.modality() == modality);
        let Some(cover) = Cover::of(plane, &subject.window, modality) else { continue };
        let mut explainer = Explainer { subject, clean, modality, cover, queries: 0 };
        explanations.insert(modality, explainer.explain()?);
    }
    Ok(explanations)
}

impl<'a> Cover<'a> {
    /// `None` when there are no two cells to tell apart.
    fn of(plane: Option<&'a Plane>, window: &Window, modality: Modality) -> Option<Self> {
        if let Some(plane) = plane {
            let even = |length: usize, most: usize| if length > 1 { length.min(most) / 2 * 2 } else { 1 };
            let (rows, most) = (even(plane.rows(), CELLS), if plane.rows() > 1 { CELLS } else { CELLS_OF_TIME });
            let columns = even(plane.columns(), most);
            return (rows * columns > 1).then_some(Self::Plane { plane, rows, columns });
        }
        let words: Vec<String> =
            window.text.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
        (modality == Modality::Text && words.len() > 1).then_some(Self::Words { words })
    }

    const fn shape(&self) -> (usize, usize) {
        match self {
            Self::Plane { rows, columns, .. } => (*rows, *columns),
            Self::Words { words } => (1, words.len()),
        }
    }
}

struct Explainer<'a, 'b> {
    subject: &'a mut Subject<'b>,
    clean: &'a Prediction,
    modality: Modality,
    cover: Cover<'a>,
    queries: usize,
}

impl Explainer<'_, '_> {
    fn explain(&mut self) -> Result<Explanation, SetError> {
        let (rows, columns) = self.cover.shape();
        let whole = self.probability(&[])?;
        let map = match self.cover {
            Cover::Plane { .. } => self.map_of_plane(whole)?,
            Cover::Words { .. } => self.map_of_words(whole, columns)?,
        };
        let queries = self.queries;
        let order = map_order(&map).unwrap_or_else(|| (0..map.len()).collect());
        let all: Vec<usize> = (0..map.len()).collect();
        let ends = (whole, self.probability(&all)?);
        let (deletion, insertion) = self.areas(&order, ends)?;
        let random = (0..RANDOM_ORDERS).map(|which| self.areas(&self.random_order(map.len(), which), ends));
        let random = random.collect::<Result<_, _>>()?;
        let pointed = self.pointed(&map, columns);
        Ok(Explanation { rows, columns, map, deletion, insertion, random, pointed, queries })
    }

    /// The fall of each cell. Blocks of two by two are covered first; those that matter are looked at cell by cell, the fall of others is shared
    /// among their cells.
    fn map_of_plane(&mut self, whole: f64) -> Result<Vec<f64>, SetError> {
        let (rows, columns) = self.cover.shape();
        let blocks: Vec<Vec<usize>> = blocks(rows, columns);
        let falls =
            blocks.iter().map(|block| Ok(whole - self.probability(block)?)).collect::<Result<Vec<f64>, SetError>>()?;
        let worst = falls.iter().map(|fall| fall.abs()).fold(0.0, f64::max);
        let mut map = vec![0.0; rows * columns];
        for (block, fall) in blocks.iter().zip(falls) {
            let settled = fall.abs() <= (SETTLED * worst).max(NOTHING);
            for &cell in block {
                map[cell] = if settled { fall / block.len() as f64 } else { whole - self.probability(&[cell])? };
            }
        }
        Ok(map)
    }

    /// The fall of each word. Words of a long text are covered together with their neighbours and share the fall.
    fn map_of_words(&mut self, whole: f64, words: usize) -> Result<Vec<f64>, SetError> {
        let mut map = Vec::new();
        let together = words.div_ceil(CELLS_OF_TEXT);
        while map.len() < words {
            let block: Vec<usize> = (map.len()..words).take(together).collect();
            let fall = whole - self.probability(&block)?;
            map.extend(block.iter().map(|_| fall / block.len() as f64));
        }
        Ok(map)
    }

    /// The areas under the probability while cells are removed, and while they are restored, in an order. `ends` are with all and with none.
    fn areas(&mut self, order: &[usize], ends: (f64, f64)) -> Result<(f64, f64), SetError> {
        let steps = STEPS.min(order.len());
        let (mut removed, mut restored) = (vec![(0.0, ends.0), (1.0, ends.1)], vec![(0.0, ends.1), (1.0, ends.0)]);
        for step in 1..steps {
            let count = order.len() * step / steps;
            let share = count as f64 / order.len() as f64;
            removed.push((share, self.probability(&order[..count])?));
            restored.push((share, self.probability(&order[count..])?));
        }
        let area = |points: &[(f64, f64)]| area_over_share(points).unwrap_or(f64::NAN);
        Ok((area(&removed), area(&restored)))
    }

    fn random_order(&self, cells: usize, which: usize) -> Vec<usize> {
        let seed = self.subject.setup.options.seed.wrapping_add((self.subject.place * RANDOM_ORDERS + which) as u64);
        let mut order: Vec<usize> = (0..cells).collect();
        shuffle(&mut order, &mut Random::seeded(seed));
        order
    }

    /// How probable what the model said is with some cells covered: a class's probability, or the geometric mean of the tokens'.
    fn probability(&mut self, covered: &[usize]) -> Result<f64, SetError> {
        self.subject.go_on()?;
        self.queries += 1;
        self.cover(covered)?;
        let subject = &mut *self.subject;
        let probability = match &self.clean.generated {
            Some(said) => {
                let asked =
                    subject.model.probabilities_of(&subject.tensors, subject.sample.ask.as_deref(), &said.tokens);
                let mut probabilities = asked.map_err(|reason| failed(subject.sample, reason))?.unwrap_or_default();
                // An answer that was cut never came to its end.
                probabilities.truncate(said.tokens.len() + usize::from(said.complete));
                geometric_mean(&probabilities)
            }
            None => subject.predict()?.probabilities.get(self.clean.class).copied().map_or(0.0, f64::from),
        };
        subject.restore(self.modality);
        // What isn't a number is no answer.
        Ok(if probability.is_finite() { probability } else { 0.0 })
    }

    fn cover(&mut self, covered: &[usize]) -> Result<(), SetError> {
        match &self.cover {
            Cover::Plane { plane, rows, columns } => {
                let Subject { tensors, setup, .. } = &mut *self.subject;
                covered.iter().for_each(|&cell| cover_cell(plane, (*rows, *columns), cell, &setup.means, tensors));
                Ok(())
            }
            Cover::Words { words } => {
                let kept = words
                    .iter()
                    .enumerate()
                    .filter(|(place, _)| !covered.contains(place))
                    .map(|(_, word)| word.as_str());
                let text = kept.collect::<Vec<_>>().join(" ");
                let window = Window { text: Some(text), turns: self.subject.window.turns.clone(), ..Window::default() };
                self.subject.put(Modality::Text, StandIn::Of(&window))
            }
        }
    }

    fn pointed(&self, map: &[f64], columns: usize) -> Option<bool> {
        let (Modality::Image, Some(picture)) = (self.modality, &self.subject.window.image) else { return None };
        if points_nowhere(map) {
            return None;
        }
        let size = (picture.width, picture.height);
        let place = |x, y| self.subject.model.place_in_picture(size, (x, y));
        let regions = self.subject.sample.regions.iter().filter_map(|region| {
            let ((left, top), (right, bottom)) =
                (place(region.x, region.y)?, place(region.x + region.width, region.y + region.height)?);
            Some(Region { left, top, right, bottom })
        });
        pointing_hit(map, columns, &regions.collect::<Vec<_>>())
    }
}

/// Whether a map is flat, or falls nowhere.
fn points_nowhere(map: &[f64]) -> bool {
    map.iter().all(|value| *value == map[0]) || map.iter().all(|value| *value <= NOTHING)
}

/// Covers one cell with the set's mean.
fn cover_cell(plane: &Plane, (rows, columns): (usize, usize), cell: usize, mean: &Tensors, tensors: &mut Tensors) {
    let part = |which: usize, parts: usize, length: usize| -> Range<usize> {
        which * length / parts..(which + 1) * length / parts
    };
    let (row, column) = (cell / columns, cell % columns);
    plane.copy(part(row, rows, plane.rows()), part(column, columns, plane.columns()), mean, tensors);
}

/// Cells in blocks of two by two; of one row in twos.
fn blocks(rows: usize, columns: usize) -> Vec<Vec<usize>> {
    let (high, wide) = (if rows > 1 { 2 } else { 1 }, if columns > 1 { 2 } else { 1 });
    let corners = (0..rows).step_by(high).flat_map(|row| (0..columns).step_by(wide).map(move |column| (row, column)));
    let block = |(row, column)| {
        (row..row + high)
            .flat_map(move |row| (column..column + wide).map(move |column| row * columns + column))
            .collect()
    };
    corners.map(block).collect()
}

fn geometric_mean(probabilities: &[f32]) -> f64 {
    let logarithms = probabilities.iter().map(|&probability| libm::log(f64::from(probability)));
    libm::exp(logarithms.sum::<f64>() / probabilities.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_every_cell_once() {
        for (rows, columns) in [(8, 8), (1, 16), (2, 1), (4, 6)] {
            let mut cells: Vec<usize> = blocks(rows, columns).concat();
            cells.sort_unstable();
            assert_eq!(cells, (0..rows * columns).collect::<Vec<_>>(), "{rows}×{columns}");
        }
        assert_eq!(blocks(2, 4)[1], [2, 3, 6, 7]);
    }

    #[test]
    fn maps_without_a_peak_point_nowhere() {
        assert!(points_nowhere(&[0.2; 4]) && points_nowhere(&[0.004, 0.0, -0.3, 0.001]));
        assert!(!points_nowhere(&[0.9, 0.0, 0.0, 0.001]) && !points_nowhere(&[0.0, 0.0, 0.9, 0.0]));
    }

    #[test]
    fn an_impossible_token_makes_an_answer_impossible() {
        assert_eq!(geometric_mean(&[0.5, 0.0]), 0.0);
        assert!((geometric_mean(&[0.5, 0.125]) - 0.25).abs() < 1e-6);
    }
}
