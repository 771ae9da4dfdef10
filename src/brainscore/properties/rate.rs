//! From a unit's response to spikes per second: one affine map for all units of a layer (SPEC 2.13).
//!
//! ```text
//! rate = max(0, slope · max(0, response) + offset)
//! slope = (33.8 − 0.82) / (median best response − median baseline)     offset: the median baseline maps to 0.82
//! ```
//!
//! Medians are over units that respond: whose best mean over phases in the orientation set exceeds the baseline by more
//! than 5/243.1 of what the best unit's does. The numbers are of macaque V1: median and largest best rate, median
//! spontaneous rate, rate of a response (Ringach et al. 2002).

use ndarray::{ArrayView1, ArrayView2, Axis};

use super::stimuli::N_PHASES;
use crate::brainscore::predictivity::median;
use crate::error::{Error, Result};

/// Median over neurons of the rate to the best grating.
const MEDIAN_BEST: f64 = 33.8;
/// Median spontaneous rate.
const MEDIAN_SPONTANEOUS: f64 = 0.82;
/// Rate of the best neuron to its best grating.
const LARGEST: f64 = 243.1;
/// Rate above the spontaneous one that counts as a response.
pub const RESPONSE: f64 = 5.0;

/// The map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Spikes per second for one unit of response.
    pub slope: f64,
    /// Rate of no response, before rectification.
    pub offset: f64,
}

impl Calibration {
    /// From the units that see the stimulus.
    ///
    /// - `responses`: rectified, to the orientation set, phases fastest, `(n_images, n_units)`.
    /// - `blank`: rectified, to the blank image, `(n_units,)`.
    ///
    /// # Errors
    /// If no unit responds more to its best grating than to the blank image.
    pub fn new(responses: ArrayView2<'_, f64>, blank: ArrayView1<'_, f64>) -> Result<Calibration> {
        let mut best = vec![f64::NEG_INFINITY; blank.len()];
        for phases in responses.axis_chunks_iter(Axis(0), N_PHASES) {
            let means = phases.mean_axis(Axis(0)).unwrap_or_default();
            let both = best.iter_mut().zip(means);
            both.for_each(|(best, mean)| *best = best.max(mean));
        }
        let rises: Vec<f64> = best
            .iter()
            .zip(blank)
            .map(|(best, blank)| best - blank)
            .collect();
        let largest = rises.iter().fold(0.0, |most: f64, rise| most.max(*rise));
        let responds = |unit: &usize| rises[*unit] > RESPONSE / LARGEST * largest;
        let units = || (0..rises.len()).filter(responds);
        let baseline = median(units().map(|unit| blank[unit]));
        let slope =
            (MEDIAN_BEST - MEDIAN_SPONTANEOUS) / (median(units().map(|u| best[u])) - baseline);
        if !(slope > 0.0 && slope.is_finite()) {
            return Err(Error::data(
                "firing rates",
                format!(
                    "none of the {} units responds more to gratings than to a blank image",
                    rises.len()
                ),
                "check that the network sees the images at their size, or take another layer",
            ));
        }
        Ok(Calibration {
            slope,
            offset: MEDIAN_SPONTANEOUS - slope * baseline,
        })
    }

    /// Rate of a response.
    pub fn rate(self, response: f64) -> f64 {
        (self.slope * response.max(0.0) + self.offset).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2, array};

    #[test]
    fn medians_become_those_of_neurons() {
        // Three units that respond with 1, 2 and 4 above baselines 0.1, 0.2, 0.3; the fourth hardly does.
        let (gains, blank) = ([1.0, 2.0, 4.0, 0.01], array![0.1, 0.2, 0.3, 5.0]);
        let responses = Array2::from_shape_fn((16, 4), |(image, unit)| {
            blank[unit]
                + if image < 8 {
                    gains[unit]
                } else {
                    0.5 * gains[unit]
                }
        });
        let found = Calibration::new(responses.view(), blank.view()).unwrap();
        assert!((found.rate(0.2) - 0.82).abs() < 1e-12);
        assert!((found.rate(2.2) - 33.8).abs() < 1e-12);
        assert_eq!(found.rate(-3.0), found.rate(0.0));
        assert!(found.rate(0.0) >= 0.0);
    }

    #[test]
    fn silent_layers_are_refused() {
        let responses = Array2::from_elem((16, 3), 0.5);
        let blank = Array1::from_elem(3, 0.5);
        let text = Calibration::new(responses.view(), blank.view())
            .unwrap_err()
            .to_string();
        assert!(text.contains("none of the 3 units"), "{text}");
        assert!(Calibration::new(Array2::zeros((16, 0)).view(), Array1::zeros(0).view()).is_err());
    }
}
