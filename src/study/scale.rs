//! Mean and standard deviation per column, and which columns cannot be used.

use ndarray::{Array2, ArrayView2};

use super::Behaviour;
use crate::stats::moments;

/// How columns (voxels or units) are standardised: `z = (x − mean) / norm`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Mean of each column, `(n_columns,)`.
    pub mean: Vec<f64>,
    /// Standard deviation (n − 1) of each column, `(n_columns,)`; 1 for unusable columns.
    pub norm: Vec<f64>,
    /// Columns without variation, or with values that are not finite, `(n_columns,)`.
    pub usable: Vec<bool>,
}

impl Scale {
    /// Measures the columns of `x`, `(n_samples, n_columns)`.
    pub fn measure<T: Copy + Into<f64>>(x: ArrayView2<T>, behaviour: Behaviour) -> Scale {
        let moments = moments::columns(x);
        let mut scale = Scale {
            usable: moments
                .constant
                .iter()
                .zip(&moments.sd)
                .map(|(constant, sd)| !constant && sd.is_finite() && *sd > 0.0)
                .collect(),
            mean: moments.mean.to_vec(),
            norm: moments.sd.to_vec(),
        };
        if behaviour == Behaviour::Corrected {
            // DEVIATION: the original stores a deviation of 0 for a constant column and divides by
            // it: one such voxel makes every weight of a ROI NaN, one silent unit every voxel of a
            // layer (`QUIRKS` B8: 6 of 6 targets, 351 of 351 voxels). With 1 the column is 0 after
            // scaling, is never selected, and the stored files serve the original's own predictor.
            for column in 0..scale.mean.len() {
                if !scale.usable[column] {
                    scale.norm[column] = 1.0;
                    if !scale.mean[column].is_finite() {
                        scale.mean[column] = 0.0;
                    }
                }
            }
        }
        scale
    }

    /// Number of columns that cannot be used.
    pub fn n_unusable(&self) -> usize {
        self.usable.iter().filter(|usable| !**usable).count()
    }

    /// Standardises `x`, `(n_samples, n_columns)`.
    ///
    /// Unusable columns become 0, or NaN in [`Behaviour::Compat`]; infinite values become 0 there, as
    /// in the original's training.
    pub fn apply<T: Copy + Into<f64>>(
        &self,
        x: ArrayView2<T>,
        behaviour: Behaviour,
    ) -> Array2<f64> {
        let mut out = Array2::zeros(x.dim());
        for (row, mut target) in x.rows().into_iter().zip(out.rows_mut()) {
            for (column, (value, slot)) in row.iter().zip(&mut target).enumerate() {
                let value: f64 = (*value).into();
                *slot = match behaviour {
                    Behaviour::Corrected if !self.usable[column] => 0.0,
                    Behaviour::Corrected => (value - self.mean[column]) / self.norm[column],
                    Behaviour::Compat => {
                        let scaled = (value - self.mean[column]) / self.norm[column];
                        if scaled.is_infinite() { 0.0 } else { scaled }
                    }
                };
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn unusable_columns_are_zero_and_spoil_nothing() {
        let x = array![[1.0, 5.0, f64::NAN], [2.0, 5.0, 1.0], [6.0, 5.0, 2.0]];
        let scale = Scale::measure(x.view(), Behaviour::Corrected);
        assert_eq!(scale.usable, [true, false, false]);
        let z = scale.apply(x.view(), Behaviour::Corrected);
        assert!(z.column(1).iter().chain(z.column(2)).all(|v| *v == 0.0));
        assert!(z.column(0).sum().abs() < 1e-15);
        assert!((z.column(0).dot(&z.column(0)) - 2.0).abs() < 1e-14);
    }

    #[test]
    fn compat_keeps_the_nan_of_a_constant_column() {
        let x = array![[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]];
        let scale = Scale::measure(x.view(), Behaviour::Compat);
        assert_eq!(scale.norm[1], 0.0);
        let z = scale.apply(x.view(), Behaviour::Compat);
        assert!(z.column(1).iter().all(|v| v.is_nan()));
    }
}
