//! The registry's sets of gratings (Marques et al. 2021; SPEC: Appendix B), generated.
//!
//! | set | images | axes, slowest first |
//! |---|---|---|
//! | receptive field | 3528 | 21 y × 21 x × 4 orientations × 2 phases |
//! | orientation | 1152 | 12 pairs of cycles and frequency (cycles slower) × 12 orientations × 8 phases |
//! | spatial frequency | 2112 | 2 radii × 22 frequencies × 6 orientations × 8 phases |
//! | size | 2304 | 12 radii × 4 frequencies × 6 orientations × 8 phases |
//! | blank | 1 | |
//!
//! Images are 12° wide, 672 pixels, at 56 pixels per degree; the blank one is 8° wide. They are to be shown at that
//! size: a network that sees 8° sees the middle 448 pixels.

use ndarray::{Array3, Axis};

use super::grating::{GRAY, Grating, PIXELS_PER_DEGREE};

/// Width of an image in degrees.
pub const DEGREES: usize = 12;
/// Pixels in a row and in a column.
pub const SIDE: usize = DEGREES * PIXELS_PER_DEGREE;
/// Pixels in a row and in a column of the blank image, which is 8° wide.
pub const BLANK_SIDE: usize = 8 * PIXELS_PER_DEGREE;
/// Centre of all gratings but those that map receptive fields, in degrees to the right and down.
pub const CENTRE: (f64, f64) = (0.5, 0.5);
/// Phases of a grating.
pub const N_PHASES: usize = 8;
/// Positions along either axis that map receptive fields.
pub const N_POSITIONS: usize = 21;
/// Largest such position.
const FURTHEST: f64 = 2.5;
/// Frequencies, of all sets, by their numbers.
const N_FREQUENCIES: usize = 22;
/// Frequencies of the sets that do not vary them finely.
const COARSE: [usize; 4] = [4, 8, 12, 16];
/// Cycles within the mask, of the orientation set.
const CYCLES: [f64; 3] = [2.0, 3.0, 4.0];
/// Radii of the size set.
const N_RADII: usize = 12;
/// Radii of the spatial-frequency set.
const FREQUENCY_RADII: [f64; 2] = [0.75, 2.25];

/// Which gratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Set {
    /// Small gratings all over the middle.
    ReceptiveField,
    /// Orientations.
    Orientation,
    /// Spatial frequencies.
    Frequency,
    /// Radii.
    Size,
}

impl Set {
    /// All of them.
    pub const ALL: [Set; 4] = [
        Set::ReceptiveField,
        Set::Orientation,
        Set::Frequency,
        Set::Size,
    ];

    /// The gratings, slowest axis first.
    pub fn gratings(self) -> Vec<Grating> {
        match self {
            Set::ReceptiveField => receptive_field(),
            Set::Orientation => {
                let pairs = CYCLES.iter().flat_map(|cycles| {
                    COARSE.map(|number| (cycles / (2.0 * frequency(number)), frequency(number)))
                });
                crossed(pairs, &self.orientations())
            }
            Set::Frequency => {
                let pairs = FREQUENCY_RADII.iter().flat_map(|&radius| {
                    (0..N_FREQUENCIES).map(move |number| (radius, frequency(number)))
                });
                crossed(pairs, &self.orientations())
            }
            Set::Size => {
                let pairs = self
                    .radii()
                    .into_iter()
                    .flat_map(|radius| COARSE.map(|number| (radius, frequency(number))));
                crossed(pairs, &self.orientations())
            }
        }
    }

    /// Orientations in degrees, ascending.
    pub fn orientations(self) -> Vec<f64> {
        let step = match self {
            Set::ReceptiveField => 45,
            Set::Orientation => 15,
            Set::Frequency | Set::Size => 30,
        };
        (0..180).step_by(step).map(f64::from).collect()
    }

    /// Radii in degrees, ascending; empty where they depend on the frequency.
    pub fn radii(self) -> Vec<f64> {
        match self {
            Set::ReceptiveField => vec![1.0 / 6.0],
            Set::Orientation => Vec::new(),
            Set::Frequency => FREQUENCY_RADII.to_vec(),
            Set::Size => (0..N_RADII)
                .map(|number| 0.5 * (-2.25 + 0.5 * number as f64).exp2())
                .collect(),
        }
    }

    /// Spatial frequencies in cycles per degree, ascending.
    pub fn frequencies(self) -> Vec<f64> {
        match self {
            Set::ReceptiveField => vec![3.0],
            Set::Frequency => (0..N_FREQUENCIES).map(frequency).collect(),
            Set::Orientation | Set::Size => COARSE.map(frequency).to_vec(),
        }
    }
}

/// The frequency of this number.
fn frequency(number: usize) -> f64 {
    (-1.375 + 0.25 * number as f64).exp2()
}

/// Positions along an axis that map receptive fields, in degrees, ascending.
pub fn positions() -> Vec<f64> {
    let step = 2.0 * FURTHEST / (N_POSITIONS - 1) as f64;
    (0..N_POSITIONS)
        .map(|number| -FURTHEST + step * number as f64)
        .collect()
}

fn receptive_field() -> Vec<Grating> {
    let set = Set::ReceptiveField;
    let mut all = Vec::new();
    for &y in &positions() {
        for &x in &positions() {
            for &orientation in &set.orientations() {
                all.extend([0.0, 180.0].map(|phase| Grating {
                    centre: (x, y),
                    radius: set.radii()[0],
                    frequency: set.frequencies()[0],
                    orientation,
                    phase,
                }));
            }
        }
    }
    all
}

/// Gratings of pairs of radius and frequency in all orientations and phases.
fn crossed(pairs: impl Iterator<Item = (f64, f64)>, orientations: &[f64]) -> Vec<Grating> {
    let step = 360.0 / N_PHASES as f64;
    let of_pair = |(radius, frequency): (f64, f64)| {
        let of_orientation = move |&orientation: &f64| {
            (0..N_PHASES).map(move |phase| Grating {
                centre: CENTRE,
                radius,
                frequency,
                orientation,
                phase: step * phase as f64,
            })
        };
        orientations.iter().flat_map(of_orientation)
    };
    pairs.flat_map(of_pair).collect()
}

/// Pixels of gratings, `(n_images, SIDE, SIDE)`.
pub fn draw(gratings: &[Grating]) -> Array3<u8> {
    let mut images = Array3::zeros((gratings.len(), SIDE, SIDE));
    for (image, grating) in images.axis_iter_mut(Axis(0)).zip(gratings) {
        grating.draw(image);
    }
    images
}

/// The blank image, `(1, BLANK_SIDE, BLANK_SIDE)`.
pub fn blank() -> Array3<u8> {
    Array3::from_elem((1, BLANK_SIDE, BLANK_SIDE), GRAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_their_numbers_of_images() {
        let counts = Set::ALL.map(|set| set.gratings().len());
        assert_eq!(counts, [3528, 1152, 2112, 2304]);
        assert_eq!((SIDE, blank().dim()), (672, (1, 448, 448)));
    }

    #[test]
    fn phases_are_fastest_and_positions_slowest() {
        let all = Set::ReceptiveField.gratings();
        assert_eq!(all[0].centre, (-2.5, -2.5));
        assert_eq!(
            (all[1].phase, all[2].orientation, all[7].orientation),
            (180.0, 45.0, 135.0)
        );
        assert_eq!(all[8].centre, (-2.25, -2.5));
        assert_eq!(all[8 * 21].centre, (-2.5, -2.25));
        let all = Set::Size.gratings();
        assert_eq!((all[7].phase, all[8].orientation), (315.0, 30.0));
        assert_eq!(all[8 * 6].frequency, 2.0_f64.powf(0.625));
        assert_eq!(all[8 * 6 * 4].radius, 0.5 * 2.0_f64.powf(-1.75));
        let last = all[2303];
        assert_eq!(
            (last.radius, last.frequency),
            (0.5 * 2.0_f64.powf(3.25), 2.0_f64.powf(2.625))
        );
    }

    #[test]
    fn cycles_set_the_radius_of_the_orientation_set() {
        let all = Set::Orientation.gratings();
        assert_eq!(all[0].radius, 2.0 / (2.0 * 2.0_f64.powf(-0.375)));
        // Frequencies change before cycles.
        assert_eq!(all[96].radius, 2.0 / (2.0 * 2.0_f64.powf(0.625)));
        let last = all[1151];
        assert!((last.radius * 2.0 * last.frequency - 4.0).abs() < 1e-12);
        assert_eq!((last.orientation, last.phase), (165.0, 315.0));
    }
}
