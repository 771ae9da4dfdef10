//! The simulated networks: units that read the hierarchy at the depth of their layer, or elsewhere.
//!
//! ```text
//! unit = max(0, offset + √(1 − λ²) s(own level) + λ s(neighbouring level) + noise)
//! ```
//!
//! The three networks differ only in how a unit's depth follows from its layer; with layers 0 to
//! L − 1 and levels 0 to 4, layer l sits at depth 4 l / (L − 1), and its units read the levels around
//! that depth.

use ndarray::{Array1, Array2};

use super::cascade::{Level, N_LEVELS, read_out, reading_radius};
use crate::stats::random::Random;

/// Share λ of the neighbouring level in a unit's signal.
const LEAK: f64 = 0.4;

/// Standard deviation of a unit's noise; the signal's is one.
const NOISE: f64 = 0.6;

/// Width of the range of depths within a layer, in levels: at 1 a layer mixes at most two levels,
/// above that its neighbours too, as in real networks.
const SPREAD: f64 = 2.2;

/// Added before rectification, so that a unit is silent for about one image in six.
const OFFSET: f64 = 1.0;

/// How the layers of a network relate to the hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Early layers are early levels: the score is clearly positive.
    Forward,
    /// Early layers are late levels: the score is clearly negative.
    Reversed,
    /// Every layer holds units of all levels alike: the score is near zero.
    Shuffled,
}

impl Order {
    /// All networks of the study, in the order of its settings.
    pub const ALL: [Order; 3] = [Order::Forward, Order::Reversed, Order::Shuffled];

    /// Name of the network, also the last part of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Order::Forward => "forward",
            Order::Reversed => "reversed",
            Order::Shuffled => "shuffled",
        }
    }
}

/// Level of each unit of a layer: `(n_units,)`, each below [`N_LEVELS`].
///
/// The depths within a layer are evenly spaced instead of drawn, so that every layer holds exactly
/// its share of units of each level and the truth of the study does not wobble with the seed.
pub(super) fn unit_levels(
    order: Order,
    layer: usize,
    n_layers: usize,
    n_units: usize,
    random: &mut Random,
) -> Vec<usize> {
    let deepest = (N_LEVELS - 1) as f64;
    let depth = deepest * layer as f64 / (n_layers - 1) as f64;
    let threshold = |unit: usize| (unit as f64 + 0.5) / n_units as f64;
    let near = |depth: f64, unit: usize| (depth + SPREAD * (threshold(unit) - 0.5)).round();
    let level = |unit: usize| match order {
        Order::Forward => near(depth, unit).clamp(0.0, deepest) as usize,
        Order::Reversed => near(deepest - depth, unit).clamp(0.0, deepest) as usize,
        Order::Shuffled => (N_LEVELS as f64 * threshold(unit)) as usize,
    };
    let mut levels: Vec<usize> = (0..n_units).map(level).collect();
    random.shuffle(&mut levels);
    levels
}

/// A layer's activations for all images: `(n_images, n_units)`, units in column-major order of
/// `shape` (`C × H × W`, or only the number of units).
///
/// - `levels`: the hierarchy.
/// - `own`: level of each unit, `(n_units,)`.
pub(super) fn activations(
    levels: &[Level],
    own: &[usize],
    shape: &[usize],
    n_training: usize,
    random: &mut Random,
) -> Array2<f64> {
    let mut layer = Array2::zeros((levels[0].signals.nrows(), own.len()));
    for (unit, (&level, mut column)) in own.iter().zip(layer.columns_mut()).enumerate() {
        let place = unit_place(unit, shape, random);
        let signal = unit_signal(levels, level, place, n_training, random);
        let noise = Array1::from(random.normals(signal.len())) * NOISE;
        column.assign(&(signal + noise).mapv(|v| (v + OFFSET).max(0.0)));
    }
    layer
}

/// Place of a unit in the visual field: on the grid of a `C × H × W` layer, anywhere in a flat one.
fn unit_place(unit: usize, shape: &[usize], random: &mut Random) -> (f64, f64) {
    let anywhere = (random.uniform(), random.uniform());
    let &[channels, height, width] = shape else {
        return anywhere;
    };
    let (row, column) = (unit / channels % height, unit / (channels * height));
    (
        (row as f64 + 0.5) / height as f64,
        (column as f64 + 0.5) / width as f64,
    )
}

/// A unit's activation for every image before noise and rectification: `(n_images,)`.
fn unit_signal(
    levels: &[Level],
    level: usize,
    place: (f64, f64),
    n_training: usize,
    random: &mut Random,
) -> Array1<f64> {
    let neighbour = super::neighbour(level, random);
    let own = read_out(
        &levels[level],
        place,
        reading_radius(level),
        random,
        n_training,
    );
    let radius = reading_radius(neighbour);
    let leaked = read_out(&levels[neighbour], place, radius, random, n_training);
    own * (1.0 - LEAK * LEAK).sqrt() + leaked * LEAK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_levels(order: Order) -> Vec<f64> {
        let mut random = Random::stream(1, "test");
        let mean = |levels: Vec<usize>| levels.iter().sum::<usize>() as f64 / levels.len() as f64;
        (0..6)
            .map(|layer| mean(unit_levels(order, layer, 6, 40, &mut random)))
            .collect()
    }

    #[test]
    fn depth_rises_falls_or_stays_with_the_layers() {
        let rising = mean_levels(Order::Forward);
        let falling = mean_levels(Order::Reversed);
        assert!(rising.is_sorted_by(|a, b| a + 0.4 < *b), "{rising:?}");
        assert!(falling.is_sorted_by(|a, b| a - 0.4 > *b), "{falling:?}");
        assert_eq!(mean_levels(Order::Shuffled), [2.0; 6]);
    }

    #[test]
    fn units_of_a_spatial_layer_lie_on_its_grid_in_column_major_order() {
        let mut random = Random::stream(1, "test");
        let shape = [3, 2, 4];
        let unit = |c: usize, h: usize, w: usize| c + 3 * (h + 2 * w);
        let place = unit_place(unit(2, 1, 3), &shape, &mut random);
        assert_eq!(place, (0.75, 0.875));
    }
}
