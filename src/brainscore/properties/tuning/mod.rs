//! What a tuning property is: formulas on the responses of one unit (SPEC 2.13).
//!
//! | file | holds |
//! |---|---|
//! | [`orientation`] | circular variance, orthogonal to preferred, bandwidth, preferred orientation |
//! | [`frequency`] | preferred spatial frequency and bandwidth |
//! | [`size`] | surround suppression, summation field, surround diameter |
//! | [`harmonic`] | mean over the phases of a grating, and modulation by them |
//! | [`texture`] | modulation by textures, sparseness, variance ratio |
//!
//! Curves are in the order of their stimuli, responses in spikes per second or any other unit: but for those of
//! textures, properties do not depend on it. NaN where a property is undefined.

pub mod frequency;
pub mod harmonic;
pub mod orientation;
pub mod size;
pub mod texture;

/// Share of the peak at which bandwidths are taken: the root of a half.
const BANDWIDTH_LEVEL: f64 = 0.707;

/// Weights of a point and of its two neighbours by which a curve is smoothed; they are divided by their sum.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Smoothing {
    neighbour: f64,
}

impl Smoothing {
    const WIDE: Smoothing = Smoothing { neighbour: 0.4 };
    const NARROW: Smoothing = Smoothing { neighbour: 0.2 };

    /// Smoothed values with these before the first and after the last one.
    fn apply(self, values: &[f64], before: f64, after: f64) -> Vec<f64> {
        let sum = 1.0 + 2.0 * self.neighbour;
        let padded: Vec<f64> = std::iter::once(before)
            .chain(values.iter().copied())
            .chain([after])
            .collect();
        let of = |three: &[f64]| {
            (self.neighbour * three[0] + three[1] + self.neighbour * three[2]) / sum
        };
        padded.windows(3).map(of).collect()
    }
}

/// The first of the largest values; `None` of none and where all are NaN.
pub(super) fn peak(values: &[f64]) -> Option<usize> {
    let larger = |best: Option<usize>, (index, value): (usize, &f64)| match best {
        _ if value.is_nan() => best,
        Some(best) if values[best] >= *value => Some(best),
        _ => Some(index),
    };
    values.iter().enumerate().fold(None, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_the_first_of_the_largest() {
        assert_eq!(peak(&[1.0, f64::NAN, 3.0, 3.0]), Some(2));
        assert_eq!(peak(&[f64::NAN]), None);
        assert_eq!(peak(&[]), None);
    }

    #[test]
    fn smoothing_keeps_a_constant() {
        let found = Smoothing::WIDE.apply(&[3.0; 4], 3.0, 3.0);
        assert!(found.iter().all(|value| (value - 3.0).abs() < 1e-15));
        assert_eq!(Smoothing::NARROW.apply(&[1.4], 0.0, 0.0), [1.0]);
    }
}
