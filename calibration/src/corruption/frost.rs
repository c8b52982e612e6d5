//! A drawing of frost on glass: feathers of ice that grow from an edge inwards, over a thin film.

use std::f64::consts::{PI, TAU};

use super::field::Field;
use super::plasma::plasma;
use super::random::Random;

/// Feathers for so many places of the field.
const PLACES_PER_FEATHER: usize = 130;
/// The film's share of white where it is thickest.
const FILM: f32 = 0.6;
/// The angle between a feather's stem and its barbs: ice is hexagonal.
const BARB_ANGLE: f64 = PI / 3.0;

/// Draws frost over an empty field; values from 0 (clear) to 1.
pub(super) fn frost(mut field: Field, random: &mut Random) -> Field {
    let side = field.width.max(field.height).next_power_of_two();
    let (cover, grain) = (plasma(side, 1.7, &mut || random.unit()), plasma(side, 1.1, &mut || random.unit()));
    let cover = around_middle(cover);
    let feathers = field.values.len() / PLACES_PER_FEATHER;
    for _ in 0..feathers {
        let (x, y) = (random.between(0.0, field.width as f64), random.between(0.0, field.height as f64));
        let thickness = thickness(&cover, &field, x, y);
        // Where there is little frost, few feathers begin.
        if random.unit() < thickness {
            grow(&mut field, (x, y), 8.0 + 30.0 * thickness * random.unit(), random);
        }
    }
    add_film(&mut field, &cover, &grain);
    field
}

/// Lays a thin film over feathers.
fn add_film(field: &mut Field, cover: &Field, grain: &Field) {
    let (width, height) = (field.width, field.height);
    let columns: Vec<f64> = (0..width).map(|x| from_middle(x as f64, width)).collect();
    for (y, row) in field.values.chunks_exact_mut(width.max(1)).enumerate() {
        let (down, places) = (from_middle(y as f64, height), y * cover.width..);
        let patches = cover.values[places.clone()].iter().zip(&grain.values[places]);
        for ((value, across), (patch, grain)) in row.iter_mut().zip(&columns).zip(patches) {
            let thickness = thickness_of(*patch, across.max(down)) as f32;
            let film = FILM * thickness * (0.3 + 1.4 * grain);
            let drawn = value.min(1.0) * (0.35 + 0.65 * thickness);
            *value = (film + drawn * (1.0 - film)).clamp(0.0, 1.0);
        }
    }
}

/// A plasma less its mean, so that every picture gets about as much frost.
fn around_middle(mut plasma: Field) -> Field {
    let sum: f64 = plasma.values.iter().copied().map(f64::from).sum();
    let mean = (sum / plasma.values.len() as f64) as f32;
    plasma.values.iter_mut().for_each(|value| *value -= mean);
    plasma
}

/// How much frost there is at a place, from 0 to 1: patches, thicker towards the borders.
fn thickness(cover: &Field, field: &Field, x: f64, y: f64) -> f64 {
    let (column, row) = ((x as usize).min(cover.width - 1), (y as usize).min(cover.height - 1));
    let border = from_middle(x, field.width).max(from_middle(y, field.height));
    thickness_of(cover.values[row * cover.width + column], border)
}

/// The same, of the cover's patch there and how near it is to a border, from 0 to 1.
fn thickness_of(patch: f32, border: f64) -> f64 {
    (0.45 + 1.6 * f64::from(patch) + 0.55 * (border * border - 0.5)).clamp(0.05, 1.0)
}

/// How far a place is from the middle of a length, from 0 to 1.
fn from_middle(place: f64, length: usize) -> f64 {
    (2.0 * place / length as f64 - 1.0).abs()
}

/// One feather: a slightly bent stem with barbs on both sides, shorter towards its tip.
fn grow(field: &mut Field, from: (f64, f64), length: f64, random: &mut Random) {
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
            line(field, (x, y), angle + side * BARB_ANGLE, barb, light * 0.7);
        }
        line(field, (x, y), angle, spacing, light);
        (x, y) = (x + spacing * libm::cos(angle), y + spacing * libm::sin(angle));
        angle += bend * spacing;
        walked += spacing;
    }
}

/// A line that fades towards its end.
fn line(field: &mut Field, from: (f64, f64), angle: f64, length: f64, light: f64) {
    let (right, down) = (libm::cos(angle), libm::sin(angle));
    let steps = libm::ceil(length).max(1.0) as usize;
    for step in 0..steps {
        let at = step as f64;
        let fading = light * (1.0 - 0.7 * at / steps as f64);
        dot(field, from.0 + at * right, from.1 + at * down, fading as f32);
    }
}

/// Lightens the four pixels around a place, each by how near it is.
fn dot(field: &mut Field, x: f64, y: f64, light: f32) {
    let (left, top) = (libm::floor(x), libm::floor(y));
    let (across, down) = ((x - left) as f32, (y - top) as f32);
    for (column, row, share) in [
        (left, top, (1.0 - across) * (1.0 - down)),
        (left + 1.0, top, across * (1.0 - down)),
        (left, top + 1.0, (1.0 - across) * down),
        (left + 1.0, top + 1.0, across * down),
    ] {
        if column >= 0.0 && row >= 0.0 && column < field.width as f64 && row < field.height as f64 {
            field.values[row as usize * field.width + column as usize] += light * share;
        }
    }
}
