//! Tuning to spatial frequency (De Valois, Albrecht & Thorell 1982; Schiller, Finlay & Volman 1976).

use super::{BANDWIDTH_LEVEL, Smoothing, peak};
use crate::brainscore::properties::spline::Spline;

/// Points at which the spline is taken, evenly in log frequency.
const N_POINTS: usize = 100;

/// Peak and bandwidth of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Preferred frequency in cycles per degree.
    pub peak: f64,
    /// Bandwidth: 100 times the lower by the higher frequency at which the curve has fallen to .707 of its peak; NaN
    /// where it does not on either side. Small is broad.
    pub bandwidth: f64,
}

impl Tuning {
    /// From responses to gratings of these frequencies: smoothed with the ends repeated, by a spline over log₂
    /// frequency.
    ///
    /// - `curve`: `(n_frequencies,)`.
    /// - `frequencies`: in cycles per degree, ascending, four at least, `(n_frequencies,)`.
    ///
    /// # Panics
    /// If there are fewer frequencies, or not one per response.
    #[track_caller]
    pub fn of(curve: &[f64], frequencies: &[f64]) -> Tuning {
        let octaves: Vec<f64> = frequencies
            .iter()
            .map(|frequency| frequency.log2())
            .collect();
        assert!(curve.len() >= 4, "four frequencies");
        let (first, last) = (octaves[0], octaves[octaves.len() - 1]);
        let smooth = Smoothing::NARROW.apply(curve, curve[0], curve[curve.len() - 1]);
        let spline = Spline::new(&octaves, &smooth);
        let step = (last - first) / (N_POINTS - 1) as f64;
        let at = |point: usize| match point == N_POINTS - 1 {
            true => last,
            false => first + step * point as f64,
        };
        let fine: Vec<f64> = (0..N_POINTS).map(|point| spline.at(at(point))).collect();
        let Some(top) = peak(&fine) else {
            return Tuning {
                peak: f64::NAN,
                bandwidth: f64::NAN,
            };
        };
        let is_low = |point: &usize| fine[*point] <= fine[top] * BANDWIDTH_LEVEL;
        let low = (0..top).rev().find(is_low);
        let high = (top + 1..N_POINTS).find(is_low);
        Tuning {
            peak: at(top).exp2(),
            bandwidth: match (low, high) {
                (Some(low), Some(high)) => 100.0 * (at(low) - at(high)).exp2(),
                _ => f64::NAN,
            },
        }
    }

    /// Whether the curve falls on either side.
    pub fn is_selective(self) -> bool {
        !self.bandwidth.is_nan()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies() -> Vec<f64> {
        (0..22)
            .map(|number| (-1.375 + 0.25 * f64::from(number)).exp2())
            .collect()
    }

    #[test]
    fn analytic_units_are_found() {
        // T19: a Gaussian over octaves, smoothed over neighbours a quarter of an octave away as a curve is.
        for (peak, sd) in [(1.3_f64, 0.9), (3.0, 1.2), (2.0, 0.7)] {
            let response = |octaves: f64| (-0.5 * ((octaves - peak.log2()) / sd).powi(2)).exp();
            let curve: Vec<f64> = frequencies().iter().map(|f| response(f.log2())).collect();
            let found = Tuning::of(&curve, &frequencies());
            assert!((found.peak / peak - 1.0).abs() < 0.02, "{found:?}");
            assert!(found.is_selective());
            let smooth = |from_peak: f64| {
                let at = |distance: f64| response(peak.log2() + from_peak + distance);
                at(0.0) + 0.2 * (at(-0.25) + at(0.25))
            };
            let mut widths = (0..40_000).map(|number| 1e-4 * f64::from(number));
            let half = widths.find(|&width| smooth(width) <= BANDWIDTH_LEVEL * smooth(0.0));
            let half = half.unwrap();
            let bandwidth = |low: f64, high: f64| 100.0 * (low - high).exp2();
            let exact = bandwidth(-half, half);
            // The formula itself is biased: it takes the outer ones of its 100 points on either side of a crossing, each
            // up to 5.25/99 of an octave too far out. Bandwidths are 0 to 7 % too small, 3.6 % on average; here 2 to 5 %.
            let step = 5.25 / (N_POINTS - 1) as f64;
            let point = |octaves: f64| (octaves + 1.375) / step;
            let (low, high) = (peak.log2() - half, peak.log2() + half);
            let outer = bandwidth(step * point(low).floor(), step * point(high).ceil());
            // Neither the spline nor the place of the largest point moves a crossing beyond a point.
            assert!(
                (found.bandwidth / outer - 1.0).abs() < 1e-9,
                "{found:?} {outer}"
            );
            let bias = found.bandwidth / exact - 1.0;
            assert!((-0.071..0.0).contains(&bias), "{bias}");
        }
    }

    #[test]
    fn curves_that_do_not_fall_are_not_selective() {
        let rising = frequencies();
        let found = Tuning::of(&rising, &frequencies());
        assert!(!found.is_selective() && found.peak > 14.0);
        let nan = Tuning::of(&[f64::NAN; 22], &frequencies());
        assert!(nan.peak.is_nan());
    }
}
