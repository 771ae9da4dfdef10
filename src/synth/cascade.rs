//! The hidden hierarchy of the demo: five retinotopic levels computed from the pixels.
//!
//! ```text
//! level 1    e = |Gabor energy|            of the luminance at a place, per orientation
//! level k    e = √((a·z)² + (b·z)²)        z: signals of level k − 1 near the place
//! signal     z = standardised ln(e² + ε)   over the training images
//! ```
//!
//! `a` and `b` are fixed random filters under a Gaussian window, wider from level to level, while
//! the grid of places gets coarser: receptive fields grow. The energy is an even function of the
//! level below, so that a linear model sees little of one level in its neighbours; this is what lets
//! the winner-take-all rule of the score find a unit's own level.

use std::f64::consts::{PI, TAU};

use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::image::{Image, SIDE};
use crate::stats::random::Random;

/// Levels of the hierarchy, as many as the brain has ROIs.
pub const N_LEVELS: usize = 5;

/// Places along one side of the visual field, features per place, and radius of the window over
/// the level below (in units of the visual field), per level. The first radius is the Gabor's.
const LEVELS: [(usize, usize, f64); N_LEVELS] = [
    (4, 4, 0.06),
    (3, 5, 0.15),
    (3, 4, 0.2),
    (2, 6, 0.3),
    (1, 16, 0.5),
];

/// Spatial frequency of the first level, in cycles per pixel.
const GABOR_FREQUENCY: f64 = 0.125;

/// ε of the logarithm, as a share of the mean energy: keeps silence from dominating.
const FLOOR: f64 = 0.3;

/// The signals of one level for all images.
#[derive(Debug, Clone)]
pub(super) struct Level {
    /// Standardised over the training images, `(n_images, n_signals)`.
    pub(super) signals: Array2<f64>,
    /// Centre of each signal's receptive field as (row, column), each from 0 to 1.
    pub(super) places: Vec<(f64, f64)>,
}

/// Computes all levels; the first `n_training` images set the means and standard deviations.
pub(super) fn levels(seed: u64, images: &[Image], n_training: usize) -> Vec<Level> {
    let mut levels = vec![first_level(images, n_training)];
    for index in 1..N_LEVELS {
        let next = next_level(seed, &levels[index - 1], index, n_training);
        levels.push(next);
    }
    levels
}

/// Gabor energy of the luminance at every place of the first grid and orientation.
fn first_level(images: &[Image], n_training: usize) -> Level {
    let (side, n_orientations, radius) = LEVELS[0];
    let places = grid(side, n_orientations);
    let filters: Vec<[Vec<f64>; 2]> = places
        .iter()
        .enumerate()
        .map(|(i, &place)| {
            gabor_pair(
                place,
                radius,
                PI * (i % n_orientations) as f64 / n_orientations as f64,
            )
        })
        .collect();
    let mut energy = Array2::zeros((images.len(), places.len()));
    for (image, mut row) in images.iter().zip(energy.rows_mut()) {
        let luminance = image.luminance();
        for (value, [even, odd]) in row.iter_mut().zip(&filters) {
            *value = dot(even, &luminance).powi(2) + dot(odd, &luminance).powi(2);
        }
    }
    Level {
        signals: compress(energy, n_training),
        places,
    }
}

/// Energy of pairs of random filters over the neighbourhood in the level below.
fn next_level(seed: u64, below: &Level, index: usize, n_training: usize) -> Level {
    let (side, n_features, radius) = LEVELS[index];
    let mut random = Random::stream(seed, &format!("level/{index}"));
    let places = grid(side, n_features);
    let mut energy = Array2::zeros((below.signals.nrows(), places.len()));
    for (&place, mut column) in places.iter().zip(energy.columns_mut()) {
        for _ in 0..2 {
            let filtered = read_out(below, place, radius, &mut random, n_training);
            column += &filtered.mapv(|v| v * v);
        }
    }
    Level {
        signals: compress(energy, n_training),
        places,
    }
}

/// A random weighted sum of a level's signals under a Gaussian window at `place`, standardised
/// over the training images: `(n_images,)`. Voxels and units look at a level in the same way.
pub(super) fn read_out(
    level: &Level,
    place: (f64, f64),
    radius: f64,
    random: &mut Random,
    n_training: usize,
) -> Array1<f64> {
    let weights: Array1<f64> = level
        .places
        .iter()
        .map(|&centre| window(place, centre, radius) * random.normal())
        .collect();
    let mut sum = level.signals.dot(&weights);
    let (mean, deviation) = moments(sum.view(), n_training);
    sum.mapv_inplace(|v| (v - mean) / deviation);
    sum
}

/// Radius of the window through which voxels and units read a level: that of its own neighbours.
pub(super) fn reading_radius(level: usize) -> f64 {
    0.5 / LEVELS[level].0 as f64
}

/// `ln(e² + ε)` of each column, standardised over the training images.
fn compress(mut energy: Array2<f64>, n_training: usize) -> Array2<f64> {
    for mut column in energy.columns_mut() {
        let (mean_energy, _) = moments(column.view(), n_training);
        column.mapv_inplace(|v| (v + FLOOR * mean_energy).ln());
        let (mean, deviation) = moments(column.view(), n_training);
        column.mapv_inplace(|v| (v - mean) / deviation);
    }
    energy
}

/// Mean and standard deviation (n − 1) over the training images.
fn moments(values: ArrayView1<'_, f64>, n_training: usize) -> (f64, f64) {
    let training = values.slice_axis(Axis(0), (0..n_training).into());
    (training.mean().unwrap_or(0.0), training.std(1.0))
}

/// Centres of a `side × side` grid, each repeated for its features.
fn grid(side: usize, n_features: usize) -> Vec<(f64, f64)> {
    let centre = |i: usize| (i as f64 + 0.5) / side as f64;
    (0..side * side)
        .flat_map(|i| std::iter::repeat_n((centre(i / side), centre(i % side)), n_features))
        .collect()
}

/// Gaussian of the distance between two places.
fn window(a: (f64, f64), b: (f64, f64), radius: f64) -> f64 {
    let squared = (a.0 - b.0).powi(2) + (a.1 - b.1).powi(2);
    (-squared / (2.0 * radius * radius)).exp()
}

/// Even and odd Gabor filter as weights of all pixels.
fn gabor_pair(place: (f64, f64), radius: f64, orientation: f64) -> [Vec<f64>; 2] {
    [0.0, PI / 2.0].map(|phase| {
        let weight = |pixel: usize| {
            let at = (
                (pixel / SIDE) as f64 / SIDE as f64,
                (pixel % SIDE) as f64 / SIDE as f64,
            );
            let along = (at.1 - place.1) * orientation.cos() + (at.0 - place.0) * orientation.sin();
            window(at, place, radius) * (TAU * GABOR_FREQUENCY * SIDE as f64 * along + phase).cos()
        };
        let mut weights: Vec<f64> = (0..SIDE * SIDE).map(weight).collect();
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        weights.iter_mut().for_each(|w| *w -= mean);
        weights
    })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
