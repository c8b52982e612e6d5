//! Drawings of frost on glass: feathers of ice over a thin film. They take the place of the paper's photographs.

use std::f64::consts::{PI, TAU};

use super::field::{Field, to_byte};
use super::memo::Memo;
use super::plasma::plasma;
use super::random::Random;

/// How many panes there are to look through; the paper has six photographs, of which it takes five.
const PANES: usize = 5;
/// A pane's side in pixels of the reference, a power of 2. Its opposite edges fit.
const SIDE: usize = 512;
/// The size of the largest patches of frost.
const LARGEST_PATCH: usize = 128;
/// Feathers for so many places of a pane.
const PLACES_PER_FEATHER: usize = 130;
/// The film's share of white where it is thickest.
const FILM: f32 = 0.6;
/// The angle between a feather's stem and its barbs: ice is hexagonal.
const BARB_ANGLE: f64 = PI / 3.0;

/// By their numbers; bytes, as a photograph's.
static DRAWN: Memo<u64, Vec<u8>> = Memo::new();

/// What is seen through one of the panes at a random place; values from 0 (clear) to 1.
pub(super) fn frost(mut field: Field, random: &mut Random) -> Field {
    let number = random.below(PANES) as u64;
    let pane = DRAWN.get(number, || drawn(Random::seeded(number)));
    let (left, top) = (random.below(SIDE), random.below(SIDE));
    for (y, row) in field.values.chunks_exact_mut(field.width.max(1)).enumerate() {
        let (before, after) = pane[(top + y) % SIDE * SIDE..][..SIDE].split_at(left);
        let seen = [after, before].concat();
        for values in row.chunks_mut(SIDE) {
            values.iter_mut().zip(&seen).for_each(|(value, &byte)| *value = f32::from(byte) / 255.0);
        }
    }
    field
}

/// Draws a pane.
fn drawn(mut random: Random) -> Vec<u8> {
    let mut patches = |decay| plasma(SIDE, LARGEST_PATCH, decay, &mut || random.unit());
    let (cover, grain) = (around_middle(patches(1.7)), patches(1.1));
    let mut pane = Field::new(SIDE, SIDE, 1);
    for _ in 0..pane.values.len() / PLACES_PER_FEATHER {
        let (x, y) = (random.between(0.0, SIDE as f64), random.between(0.0, SIDE as f64));
        let thickness = thickness(cover.values[y as usize * SIDE + x as usize]);
        // Where there is little frost, few feathers begin.
        if random.unit() < thickness {
            grow(&mut pane, (x, y), 8.0 + 30.0 * thickness * random.unit(), &mut random);
        }
    }
    let patches = cover.values.iter().zip(&grain.values);
    pane.values
        .iter()
        .zip(patches)
        .map(|(value, (cover, grain))| to_byte(255.0 * filmed(*value, *cover, *grain)))
        .collect()
}

/// A drawn value under a thin film.
fn filmed(value: f32, cover: f32, grain: f32) -> f32 {
    let thickness = thickness(cover) as f32;
    let film = FILM * thickness * (0.3 + 1.4 * grain);
    let drawn = value.min(1.0) * (0.35 + 0.65 * thickness);
    film + drawn * (1.0 - film)
}

/// A plasma less its mean, so that every pane has about as much frost.
fn around_middle(mut plasma: Field) -> Field {
    let sum: f64 = plasma.values.iter().copied().map(f64::from).sum();
    let mean = (sum / plasma.values.len() as f64) as f32;
    plasma.values.iter_mut().for_each(|value| *value -= mean);
    plasma
}

/// How much frost there is at a place, from 0 to 1, of the cover there.
fn thickness(cover: f32) -> f64 {
    (0.45 + 1.6 * f64::from(cover)).clamp(0.05, 1.0)
}

/// One feather: a slightly bent stem with barbs on both sides, shorter towards its tip.
fn grow(pane: &mut Field, from: (f64, f64), length: f64, random: &mut Random) {
    let (mut x, mut y) = from;
    let mut angle = random.between(0.0, TAU);
    let bend = random.between(-0.04, 0.04);
    let light = random.between(0.25, 0.8);
    let spacing = random.between(2.5, 4.5);
    let mut walked = 0.0;
    while walked < length {
        let left = 1.0 - walked / length;
        for side in [-1.0, 1.0] {
            let barb = 0.4 * length * left * random.between(0.5, 1.0);
            line(pane, (x, y), angle + side * BARB_ANGLE, barb, light * 0.7);
        }
        line(pane, (x, y), angle, spacing, light);
        (x, y) = (x + spacing * libm::cos(angle), y + spacing * libm::sin(angle));
        angle += bend * spacing;
        walked += spacing;
    }
}

/// A line that fades towards its end.
fn line(pane: &mut Field, from: (f64, f64), angle: f64, length: f64, light: f64) {
    let (right, down) = (libm::cos(angle), libm::sin(angle));
    let steps = libm::ceil(length).max(1.0) as usize;
    for step in 0..steps {
        let at = step as f64;
        let fading = light * (1.0 - 0.7 * at / steps as f64);
        dot(pane, from.0 + at * right, from.1 + at * down, fading as f32);
    }
}

/// Lightens the four pixels around a place, each by how near it is.
fn dot(pane: &mut Field, x: f64, y: f64, light: f32) {
    let (left, top) = (libm::floor(x), libm::floor(y));
    let (across, down) = ((x - left) as f32, (y - top) as f32);
    let (columns, rows) = ([left as i64, left as i64 + 1].map(wrapped), [top as i64, top as i64 + 1].map(wrapped));
    for (row, vertical) in rows.into_iter().zip([1.0 - down, down]) {
        for (column, horizontal) in columns.into_iter().zip([1.0 - across, across]) {
            pane.values[row * SIDE + column] += light * horizontal * vertical;
        }
    }
}

/// What leaves a pane comes in on its other side.
fn wrapped(place: i64) -> usize {
    place.rem_euclid(SIDE as i64) as usize
}
