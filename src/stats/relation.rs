//! How two lists go together: coefficients, their p-values and bootstrap intervals.
//!
//! Unlike [`correlation`], which takes matrices of millions of units, this is for lists of models.

use super::correlation;
use super::legacy_random::LegacyRandom;
use super::partial::partial;
use super::rank::spearman;
use ndarray::ArrayView2;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Share of the resampled values outside the interval on either side: 95 % are inside.
const TAIL: f64 = 0.025;

/// A measure of how two lists go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coefficient {
    /// Pearson's r: on a line.
    Pearson,
    /// Spearman's ρ: in the same order.
    Spearman,
    /// Pearson's r with the controls taken out of both.
    Partial,
}

/// Values of the same models side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// One side, `(n,)`.
    pub x: Vec<f64>,
    /// The other side, `(n,)`.
    pub y: Vec<f64>,
    /// What a partial correlation takes out, each `(n,)`.
    pub controls: Vec<Vec<f64>>,
}

/// Where 95 % of resampled coefficients lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end, the 2.5th percentile.
    pub low: f64,
    /// Upper end, the 97.5th percentile.
    pub high: f64,
    /// Resamples in which the coefficient was defined.
    pub n_resamples: usize,
}

impl Sample {
    /// Number of models.
    pub fn len(&self) -> usize {
        self.x.len()
    }

    /// Whether there is no model.
    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// The coefficient; NaN where it is undefined.
    pub fn coefficient(&self, kind: Coefficient) -> f64 {
        match kind {
            Coefficient::Pearson => pearson(&self.x, &self.y),
            Coefficient::Spearman => spearman(&self.x, &self.y),
            Coefficient::Partial => partial(&self.x, &self.y, &self.controls),
        }
    }

    /// Degrees of freedom of the coefficient's t: n − 2, less one for each control that is taken out.
    pub fn freedom(&self, kind: Coefficient) -> usize {
        let controls = match kind {
            Coefficient::Pearson | Coefficient::Spearman => 0,
            Coefficient::Partial => self.controls.len(),
        };
        self.len().saturating_sub(2 + controls)
    }

    /// Percentile interval over `n_resamples` bootstrap resamples of the models; `None` if the coefficient
    /// is defined in none of them.
    ///
    /// The draws are those of `RandomState(seed).randint(0, n, n)`, percentiles are interpolated linearly.
    pub fn interval(&self, kind: Coefficient, n_resamples: usize, seed: u32) -> Option<Interval> {
        let last = u32::try_from(self.len().checked_sub(1)?).ok()?;
        let mut random = LegacyRandom::seed(seed);
        let mut values = Vec::with_capacity(n_resamples);
        for _ in 0..n_resamples {
            let rows: Vec<usize> = (0..=last).map(|_| random.interval(last) as usize).collect();
            let value = self.resampled(&rows).coefficient(kind);
            if !value.is_nan() {
                values.push(value);
            }
        }
        values.sort_by(f64::total_cmp);
        Some(Interval {
            low: percentile(&values, TAIL)?,
            high: percentile(&values, 1.0 - TAIL)?,
            n_resamples: values.len(),
        })
    }

    fn resampled(&self, rows: &[usize]) -> Sample {
        let pick = |values: &Vec<f64>| rows.iter().map(|&row| values[row]).collect();
        Sample {
            x: pick(&self.x),
            y: pick(&self.y),
            controls: self.controls.iter().map(pick).collect(),
        }
    }
}

/// Pearson's r of two lists; NaN when either is constant, holds NaN or is empty.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let column = |values| ArrayView2::from_shape((a.len(), 1), values);
    match (column(a), column(b)) {
        (Ok(a), Ok(b)) => correlation::columns(a, b)[0],
        _ => panic!("lists to correlate must have the same length"),
    }
}

/// Two-sided p of a correlation by Student's t with `freedom` degrees of freedom,
/// t = r · √(freedom / (1 − r²)); NaN without freedom.
pub fn p_value(r: f64, freedom: usize) -> f64 {
    let t = r.abs() * (freedom as f64 / (1.0 - r * r)).sqrt();
    match StudentsT::new(0.0, 1.0, freedom as f64) {
        Ok(distribution) if !t.is_nan() => 2.0 * distribution.sf(t),
        _ => f64::NAN,
    }
}

/// Value below which a share of the sorted values lies, interpolated linearly; `None` without values.
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let position = share * sorted.len().checked_sub(1)? as f64;
    let below = position.floor();
    let (low, high) = (
        sorted[below as usize],
        *sorted.get(below as usize + 1).unwrap_or(&f64::NAN),
    );
    let share = position - below;
    Some(if share > 0.0 {
        low + share * (high - low)
    } else {
        low
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_interpolated() {
        let values = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(percentile(&values, 0.0), Some(1.0));
        assert_eq!(percentile(&values, 0.5), Some(3.0));
        assert_eq!(percentile(&values, 1.0), Some(8.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn certain_and_impossible_correlations() {
        assert_eq!(p_value(1.0, 3), 0.0);
        assert_eq!(p_value(0.0, 3), 1.0);
        assert!(p_value(0.5, 0).is_nan() && p_value(f64::NAN, 5).is_nan());
    }

    #[test]
    fn constant_lists_have_neither_value_nor_interval() {
        let sample = Sample {
            x: vec![1.0; 4],
            y: vec![1.0, 2.0, 3.0, 4.0],
            controls: Vec::new(),
        };
        assert!(sample.coefficient(Coefficient::Pearson).is_nan());
        assert_eq!(sample.interval(Coefficient::Pearson, 50, 0), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let sample = Sample {
            x: vec![1.0, 2.0, 3.0, 5.0, 8.0],
            y: vec![2.0, 1.0, 4.0, 3.0, 9.0],
            controls: Vec::new(),
        };
        let of = |seed| sample.interval(Coefficient::Spearman, 200, seed);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }
}
