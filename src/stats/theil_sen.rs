//! The Theil–Sen line: the median of the slopes of all pairs of points (Theil 1950, Sen 1968).

use statrs::distribution::{ContinuousCDF, Normal};

/// Two-sided level of the slope's interval, as a standard normal probability.
const UPPER: f64 = 0.975;

/// A line that a quarter of outliers cannot turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Median of the pairs' slopes.
    pub slope: f64,
    /// Median of y less slope times the median of x.
    pub intercept: f64,
    /// Lower end of the slope's 95 % interval; NaN where there is none.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
}

/// The line through points `x`, `y`, both `(n,)`; `None` if no two x differ or a value is NaN.
///
/// The interval is Sen's, from the variance of Kendall's S with ties (Sen 1968, equation 2.6). Ties of a few points in
/// both x and y can bring that below 0: then there is no interval.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn line(x: &[f64], y: &[f64]) -> Option<Line> {
    assert_eq!(
        x.len(),
        y.len(),
        "points must have as many x as y coordinates"
    );
    if x.iter().chain(y).any(|value| value.is_nan()) {
        return None;
    }
    let mut slopes = Vec::new();
    for i in 0..x.len() {
        let later = (i + 1..x.len()).filter(|&j| x[i] != x[j]);
        slopes.extend(later.map(|j| (y[j] - y[i]) / (x[j] - x[i])));
    }
    slopes.sort_by(f64::total_cmp);
    let slope = median(&slopes)?;
    let (low, high) = interval(&slopes, variance(x, y))?;
    Some(Line {
        slope,
        intercept: median(&sorted(y))? - slope * median(&sorted(x))?,
        low,
        high,
    })
}

fn interval(slopes: &[f64], variance: f64) -> Option<(f64, f64)> {
    if variance < 0.0 {
        return Some((f64::NAN, f64::NAN));
    }
    let half = Normal::standard().inverse_cdf(UPPER) * variance.sqrt();
    let n = slopes.len() as f64;
    // Ranks from 1, rounded half to even.
    let low = ((n - half) / 2.0).round_ties_even() - 1.0;
    let high = ((n + half) / 2.0).round_ties_even();
    let last = slopes.len().checked_sub(1)?;
    let at = |rank: f64| slopes[(rank.max(0.0) as usize).min(last)];
    Some((at(low), at(high)))
}

/// Variance of Kendall's S with ties in x and y.
fn variance(x: &[f64], y: &[f64]) -> f64 {
    let term = |n: usize| {
        let n = n as f64;
        n * (n - 1.0) * (2.0 * n + 5.0)
    };
    let ties = |values: &[f64]| -> f64 {
        sorted(values)
            .chunk_by(|a, b| a == b)
            .map(|tied| term(tied.len()))
            .sum()
    };
    (term(x.len()) - ties(x) - ties(y)) / 18.0
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Median of sorted values; `None` of none.
pub(super) fn median(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(sorted[n / 2]),
        _ => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_does_not_turn_the_line() {
        let x: Vec<f64> = (0..9).map(f64::from).collect();
        let mut y: Vec<f64> = x.iter().map(|x| 2.0 * x + 1.0).collect();
        y[8] = 1000.0;
        let line = line(&x, &y).unwrap();
        assert_eq!((line.slope, line.intercept), (2.0, 1.0));
    }

    /// As `scipy.stats.theilslopes([1, 1, 1, 1, 2], [0, 0, 0, 0, 1])`.
    #[test]
    fn ties_of_few_points_leave_no_interval() {
        let line = line(&[0.0, 0.0, 0.0, 0.0, 1.0], &[1.0, 1.0, 1.0, 1.0, 2.0]).unwrap();
        assert_eq!(line.slope, 1.0);
        assert!(line.low.is_nan() && line.high.is_nan());
    }

    #[test]
    fn there_is_no_line_without_two_places() {
        assert_eq!(line(&[1.0, 1.0], &[0.0, 5.0]), None);
        assert_eq!(line(&[], &[]), None);
        assert_eq!(line(&[1.0, f64::NAN], &[0.0, 5.0]), None);
    }
}
