//! The demo's pictures: gratings, blobs, discs and bars in random places on a noisy grey ground.
//!
//! What the simulated brain and networks "see" is computed from the 8-bit pixels that are written
//! to disk, so the picture files are the true cause of everything else in the study.

use std::f64::consts::{PI, TAU};

use crate::stats::random::Random;

/// Width and height of a picture in pixels.
pub const SIDE: usize = 64;

/// Red, green and blue.
const N_COLOURS: usize = 3;

/// Grey value of the ground, with black 0 and white 1.
const GROUND: f64 = 0.5;

/// Standard deviation of the pixel noise.
const PIXEL_NOISE: f64 = 0.04;

/// Fewest and most things drawn in a picture.
const N_THINGS: (usize, usize) = (5, 9);

/// Radius of a thing, in pixels.
const RADIUS: (f64, f64) = (5.0, 14.0);

/// Spatial frequency of gratings, in cycles per pixel.
const FREQUENCY: (f64, f64) = (0.08, 0.2);

/// Contrast of a thing against what is below it.
const CONTRAST: (f64, f64) = (0.15, 0.5);

/// One picture as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// File name without extension, the stimulus name of all tables.
    pub name: String,
    /// Red, green, blue of each pixel, row by row: `SIDE × SIDE × 3`.
    pub pixels: Vec<u8>,
}

/// What is drawn at a place.
#[derive(Debug, Clone, Copy)]
enum Thing {
    Grating,
    Blob,
    Disc,
    Bar,
}

/// Draws the `index`-th kind of picture called `name`; the same name and seed give the same pixels.
pub(super) fn draw(seed: u64, name: &str) -> Image {
    let mut random = Random::stream(seed, &format!("image/{name}"));
    let mut canvas: Vec<f64> = (0..SIDE * SIDE * N_COLOURS)
        .map(|_| GROUND + PIXEL_NOISE * random.normal())
        .collect();
    let n_things = N_THINGS.0 + random.below(N_THINGS.1 - N_THINGS.0 + 1);
    for _ in 0..n_things {
        draw_thing(&mut canvas, &mut random);
    }
    let pixels = canvas
        .iter()
        .map(|value| (value * 255.0).round().clamp(0.0, 255.0) as u8);
    Image {
        name: name.to_owned(),
        pixels: pixels.collect(),
    }
}

/// Adds one thing of random kind, place, size, direction, contrast and tint.
fn draw_thing(canvas: &mut [f64], random: &mut Random) {
    let thing = [
        Thing::Grating,
        Thing::Grating,
        Thing::Blob,
        Thing::Disc,
        Thing::Bar,
    ][random.below(5)];
    let (row, column) = (
        random.between(0.0, SIDE as f64),
        random.between(0.0, SIDE as f64),
    );
    let radius = random.between(RADIUS.0, RADIUS.1);
    let direction = random.between(0.0, PI);
    let frequency = random.between(FREQUENCY.0, FREQUENCY.1);
    let phase = random.between(0.0, TAU);
    let sign = if random.uniform() < 0.5 { -1.0 } else { 1.0 };
    let contrast = sign * random.between(CONTRAST.0, CONTRAST.1);
    let tint: [f64; N_COLOURS] = std::array::from_fn(|_| contrast * random.between(0.5, 1.0));
    for (pixel, colours) in canvas.chunks_exact_mut(N_COLOURS).enumerate() {
        let (dy, dx) = ((pixel / SIDE) as f64 - row, (pixel % SIDE) as f64 - column);
        let along = dx * direction.cos() + dy * direction.sin();
        let across = dy * direction.cos() - dx * direction.sin();
        let window = (-(dx * dx + dy * dy) / (radius * radius)).exp();
        let value = match thing {
            Thing::Grating => window * (TAU * frequency * along + phase).cos(),
            Thing::Blob => window,
            Thing::Disc => inside(dx.hypot(dy) < radius),
            Thing::Bar => inside(along.abs() < radius / 5.0 && across.abs() < radius * 1.5),
        };
        for (colour, tint) in colours.iter_mut().zip(tint) {
            *colour += tint * value;
        }
    }
}

/// One inside a shape with hard edges, zero outside.
fn inside(is_inside: bool) -> f64 {
    f64::from(u8::from(is_inside))
}

impl Image {
    /// Luminance with black 0 and white 1, row by row, `SIDE × SIDE`: the mean of the colours.
    pub(super) fn luminance(&self) -> Vec<f64> {
        let mean = |colours: &[u8]| {
            colours.iter().map(|&c| f64::from(c)).sum::<f64>() / (255.0 * N_COLOURS as f64)
        };
        self.pixels.chunks_exact(N_COLOURS).map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_name_and_seed_draw_the_same_picture() {
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a").pixels, draw(1, "b").pixels);
        assert_ne!(draw(1, "a").pixels, draw(2, "a").pixels);
    }

    #[test]
    fn luminance_spans_a_good_part_of_the_range() {
        let luminance = draw(1, "a").luminance();
        assert_eq!(luminance.len(), SIDE * SIDE);
        let low = luminance.iter().copied().fold(f64::INFINITY, f64::min);
        let high = luminance.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!(
            low >= 0.0 && high <= 1.0 && high - low > 0.3,
            "{low} to {high}"
        );
    }
}
