//! Tuning to orientation (Ringach, Shapley & Hawken 2002, J. Neurosci. 22, 5639–5651; De Valois, Yund & Hepler 1982).
//!
//! Curves are over orientations from 0 in equal steps to below 180°, `(n_orientations,)`, an even number of them.

use super::{BANDWIDTH_LEVEL, Smoothing, peak};
use crate::brainscore::properties::spline::Spline;

/// Degrees after which orientations repeat.
const PERIOD: usize = 180;
/// Preferred orientations from here on are counted from −22.5.
const LAST: f64 = 157.5;

/// Circular variance, `1 − |Σ R_θ e^{2iθ}| / Σ |R_θ|`: 0 of a unit that responds to one orientation only, 1 of one
/// that does not tell any.
pub fn circular_variance(curve: &[f64]) -> f64 {
    let step = 2.0 * std::f64::consts::PI / curve.len() as f64;
    let sum = |part: fn(f64) -> f64| -> f64 {
        let terms = curve.iter().enumerate();
        terms
            .map(|(number, r)| r * part(step * number as f64))
            .sum()
    };
    let total: f64 = curve.iter().map(|r| r.abs()).sum();
    1.0 - sum(f64::cos).hypot(sum(f64::sin)) / total
}

/// Response to the orientation orthogonal to the preferred one, by that to the preferred one.
pub fn orthogonal_to_preferred(curve: &[f64]) -> f64 {
    let n = curve.len();
    peak(curve).map_or(f64::NAN, |preferred| {
        curve[(preferred + n / 2) % n] / curve[preferred]
    })
}

/// Half width in degrees at .707 of the peak of the smoothed curve, by a spline in steps of 1°; NaN where the full
/// width is above 180°.
///
/// Ends are the first whole degrees on either side that are not above the level.
pub fn bandwidth(curve: &[f64]) -> f64 {
    let fine = Fine::new(curve, Smoothing::WIDE);
    let Some(preferred) = fine.peak else {
        return f64::NAN;
    };
    let level = fine.values[PERIOD + preferred] * BANDWIDTH_LEVEL;
    let is_low = |degree: &usize| fine.values[*degree] <= level;
    let left = (0..PERIOD + preferred).rev().find(is_low);
    let right = (PERIOD + preferred + 1..fine.values.len()).find(is_low);
    match (left, right) {
        (Some(left), Some(right)) if right - left <= PERIOD => (right - left) as f64 / 2.0,
        _ => f64::NAN,
    }
}

/// Preferred orientation in whole degrees from −22.5 to below 157.5, by a spline through the slightly smoothed curve.
pub fn preferred(curve: &[f64]) -> f64 {
    match Fine::new(curve, Smoothing::NARROW).peak {
        None => f64::NAN,
        Some(degree) if degree as f64 >= LAST => degree as f64 - PERIOD as f64,
        Some(degree) => degree as f64,
    }
}

/// A curve three times over, smoothed, in steps of 1° from −180 to 359.
struct Fine {
    /// `(540,)`.
    values: Vec<f64>,
    /// Degree from 0 to 179 of the largest value there.
    peak: Option<usize>,
}

impl Fine {
    fn new(curve: &[f64], smoothing: Smoothing) -> Fine {
        let n = curve.len();
        let step = PERIOD as f64 / n as f64;
        let tiled = curve.repeat(3);
        // As in the registry, the outermost of the three are smoothed with nothing beyond them.
        let smooth = smoothing.apply(&tiled, 0.0, 0.0);
        let degrees: Vec<f64> = (0..3 * n)
            .map(|number| step * number as f64 - PERIOD as f64)
            .collect();
        let spline = Spline::new(&degrees, &smooth);
        let values: Vec<f64> = (0..3 * PERIOD)
            .map(|degree| spline.at(degree as f64 - PERIOD as f64))
            .collect();
        Fine {
            peak: peak(&values[PERIOD..2 * PERIOD]),
            values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T19: an analytic unit, `exp(κ (cos 2(θ − θ₀) − 1))`.
    fn curve(kappa: f64, peak: f64) -> Vec<f64> {
        let at = |theta: f64| (kappa * ((2.0 * (theta - peak)).to_radians().cos() - 1.0)).exp();
        (0..12).map(|number| at(15.0 * f64::from(number))).collect()
    }

    /// Modified Bessel function of the first kind, by its series.
    fn bessel(order: i32, x: f64) -> f64 {
        let first = (x / 2.0).powi(order) / (1..=order).map(f64::from).product::<f64>();
        let terms = std::iter::successors(Some((first, 1.0)), |&(term, k)| {
            Some((term * x * x / 4.0 / (k * (k + f64::from(order))), k + 1.0))
        });
        terms.take(60).map(|(term, _)| term).sum()
    }

    #[test]
    fn circular_variance_is_that_of_the_distribution() {
        for kappa in [0.3, 1.0, 3.0] {
            let expected = 1.0 - bessel(1, kappa) / bessel(0, kappa);
            for peak in [0.0, 37.0, 142.5] {
                let found = circular_variance(&curve(kappa, peak));
                assert!(
                    (found / expected - 1.0).abs() < 0.001,
                    "{kappa} {peak} {found}"
                );
            }
        }
        assert!((circular_variance(&[2.0; 12]) - 1.0).abs() < 1e-15);
        let mut one = [0.0; 12];
        one[4] = 3.0;
        assert!(circular_variance(&one).abs() < 1e-15);
        assert!(circular_variance(&[0.0; 12]).is_nan());
    }

    #[test]
    fn orthogonal_is_six_steps_away() {
        let found = orthogonal_to_preferred(&curve(1.5, 30.0));
        assert!((found - (-3.0_f64).exp()).abs() < 1e-12);
    }

    #[test]
    fn bandwidth_is_that_of_the_smoothed_curve() {
        // cos 2δ = 1 + ln(level) / κ without smoothing; with it, by bisection.
        for kappa in [0.45, 0.6, 0.8] {
            let smooth = |degrees: f64| {
                let at = |d: f64| (kappa * ((2.0 * d).to_radians().cos() - 1.0)).exp();
                (0.4 * at(degrees - 15.0) + at(degrees) + 0.4 * at(degrees + 15.0)) / 1.8
            };
            let (mut low, mut high) = (0.0, 90.0);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                match smooth(middle) > 0.707 * smooth(0.0) {
                    true => low = middle,
                    false => high = middle,
                }
            }
            let found = bandwidth(&curve(kappa, 60.0));
            // Whole degrees: half a degree too wide on average.
            assert!((found / low - 1.0).abs() < 0.02, "{kappa} {found} {low}");
        }
        assert!(bandwidth(&curve(0.05, 60.0)).is_nan());
        assert!(bandwidth(&[f64::NAN; 12]).is_nan());
    }

    #[test]
    fn the_peak_is_preferred() {
        for peak in [0.0, 22.0, 75.0, 150.0] {
            assert!((preferred(&curve(2.0, peak)) - peak).abs() <= 1.0);
        }
        assert!((preferred(&curve(2.0, 170.0)) + 10.0).abs() <= 1.0);
    }
}
