//! A standard error with its interval.

use serde::Serialize;

/// Half-width of a normal 95 % interval in standard errors.
const NORMAL_95: f64 = 1.959963984540054;

/// How far a score may be off.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Standard error.
    pub se: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Resamples it was made from.
    pub n_replicates: usize,
}

impl Interval {
    /// The normal interval around `score`, within [−1, 1].
    pub fn normal(score: f64, se: f64, n_replicates: usize) -> Self {
        let end = |sign: f64| (score + sign * NORMAL_95 * se).clamp(-1.0, 1.0);
        Self {
            se,
            low: end(-1.0),
            high: end(1.0),
            n_replicates,
        }
    }

    /// Standard deviation (divided by n − 1) and 2.5th and 97.5th percentile of bootstrap scores; `None`
    /// below two.
    pub fn percentile(scores: &[f64]) -> Option<Self> {
        let mut sorted = scores.to_vec();
        sorted.sort_by(f64::total_cmp);
        let se = (sum_of_squares(&sorted)? / (sorted.len() - 1) as f64).sqrt();
        Some(Self {
            se,
            low: quantile(&sorted, 0.025),
            high: quantile(&sorted, 0.975),
            n_replicates: sorted.len(),
        })
    }
}

/// Σ (s − s̄)²; `None` below two values.
pub fn sum_of_squares(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Some(values.iter().map(|value| (value - mean).powi(2)).sum())
}

/// Quantile `share` of ascending values, linear between them (NumPy's default).
///
/// # Panics
/// If there are none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (place - place.floor()) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_numpy_percentile_and_std() {
        let values = [0.3, 0.1, 0.9, 0.4, 0.45, 0.2];
        let interval = Interval::percentile(&values).unwrap();
        // numpy.std(values, ddof=1), numpy.percentile(values, [2.5, 97.5])
        assert!(
            (interval.se - 0.28002976032319615).abs() < 1e-12,
            "{interval:?}"
        );
        assert!((interval.low - 0.1125).abs() < 1e-12);
        assert!((interval.high - 0.84375).abs() < 1e-12);
        assert_eq!(Interval::percentile(&values[..1]), None);
    }

    #[test]
    fn a_normal_interval_stays_within_the_range_of_a_correlation() {
        let interval = Interval::normal(0.9, 0.1, 5);
        assert_eq!(interval.high, 1.0);
        assert!((interval.low - 0.7040036).abs() < 1e-7);
    }
}
