//! Mean and standard deviation per column, and which columns cannot be used.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::Behaviour;
use crate::stats::moments;

/// Columns that one task measures: wide enough to read rows in whole cache lines.
const COLUMNS_PER_TASK: usize = 64;

/// Mean over standard deviation above which single precision leaves a unit only a few steps.
const COARSE: f64 = 1e6;

/// What is said of [`Scale::n_coarse`] units, if there are any.
pub fn coarse_note(n_coarse: usize) -> Option<String> {
    (n_coarse > 0).then(|| {
        format!(
            "{n_coarse} units vary by less than a millionth of their mean, of which single precision keeps little: take the \
             mean off their features"
        )
    })
}

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
    ///
    /// Every column is summed by one thread from its first row to its last, so that the number of
    /// threads changes no bit.
    pub fn measure<T: Copy + Into<f64> + Sync>(x: ArrayView2<T>, behaviour: Behaviour) -> Scale {
        let parts: Vec<moments::Moments> = x
            .axis_chunks_iter(Axis(1), COLUMNS_PER_TASK)
            .into_par_iter()
            .map(|part| moments::columns(part))
            .collect();
        let mut scale = Scale {
            mean: Vec::with_capacity(x.ncols()),
            norm: Vec::with_capacity(x.ncols()),
            usable: Vec::with_capacity(x.ncols()),
        };
        for moments in parts {
            let usable = moments.constant.iter().zip(&moments.sd);
            let usable = usable.map(|(constant, sd)| !constant && sd.is_finite() && *sd > 0.0);
            scale.usable.extend(usable);
            scale.mean.extend(moments.mean);
            scale.norm.extend(moments.sd);
        }
        if behaviour == Behaviour::Corrected {
            // DEVIATION: the original stores a deviation of 0 for a constant column and divides by
            // it: one such voxel makes every weight of a ROI NaN, one silent unit every voxel of a
            // layer (`docs/compared.md` B8: 6 of 6 targets, 351 of 351 voxels). With 1 the column is 0 after
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

    /// Number of usable columns that vary by less than a millionth of their mean: features are read in single
    /// precision, whose steps are a sixteen-millionth of a value.
    pub fn n_coarse(&self) -> usize {
        let columns = self.mean.iter().zip(&self.norm).zip(&self.usable);
        let coarse =
            columns.filter(|((mean, norm), usable)| **usable && mean.abs() > COARSE * *norm);
        coarse.count()
    }

    /// Standardises some rows of `x`, `(n_samples, n_columns)`; returns `(rows.len(), n_columns)`.
    ///
    /// Unusable columns become 0, or NaN in [`Behaviour::Compat`]; infinite values become 0 there, as
    /// in the original's training.
    pub fn apply<T: Copy + Into<f64> + Sync>(
        &self,
        x: ArrayView2<T>,
        rows: &[usize],
        behaviour: Behaviour,
    ) -> Array2<f64> {
        let mut out = Array2::zeros((rows.len(), x.ncols()));
        out.axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(rows)
            .for_each(|(mut target, &row)| {
                let columns = target.iter_mut().zip(x.row(row)).enumerate();
                columns.for_each(|(column, (slot, value))| {
                    *slot = self.value((*value).into(), column, behaviour);
                });
            });
        out
    }

    /// Standardises all of `x`, `(n_samples, n_columns)`, where it is; unusable columns become 0.
    pub fn apply_in_place(&self, x: &mut Array2<f64>) {
        x.axis_iter_mut(Axis(0))
            .into_par_iter()
            .for_each(|mut row| {
                row.iter_mut().enumerate().for_each(|(column, value)| {
                    *value = self.value(*value, column, Behaviour::Corrected);
                });
            });
    }

    fn value(&self, value: f64, column: usize, behaviour: Behaviour) -> f64 {
        let scaled = (value - self.mean[column]) / self.norm[column];
        let dropped = match behaviour {
            Behaviour::Corrected => !self.usable[column],
            Behaviour::Compat => scaled.is_infinite(),
        };
        if dropped { 0.0 } else { scaled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn coarse_columns_are_counted() {
        let x = array![
            [1e7, 1e7, 5.0, 5e6],
            [1e7 + 2.0, 1e7 + 40.0, 5.0, 5e6 + 1.0]
        ];
        // 1e7 over 1.41, over 28.3, constant, 5e6 over .7.
        let scale = Scale::measure(x.view(), Behaviour::Corrected);
        assert_eq!((scale.n_coarse(), scale.n_unusable()), (2, 1));
        assert!(coarse_note(2).is_some_and(|note| note.starts_with("2 units")));
        assert_eq!(coarse_note(0), None);
    }

    #[test]
    fn unusable_columns_are_zero_and_spoil_nothing() {
        let x = array![[1.0, 5.0, f64::NAN], [2.0, 5.0, 1.0], [6.0, 5.0, 2.0]];
        let scale = Scale::measure(x.view(), Behaviour::Corrected);
        assert_eq!(scale.usable, [true, false, false]);
        let z = scale.apply(x.view(), &[0, 1, 2], Behaviour::Corrected);
        assert!(z.column(1).iter().chain(z.column(2)).all(|v| *v == 0.0));
        assert!(z.column(0).sum().abs() < 1e-15);
        assert!((z.column(0).dot(&z.column(0)) - 2.0).abs() < 1e-14);
    }

    #[test]
    fn in_place_and_in_parts_give_the_same_bits() {
        // More columns than one task measures.
        let value = |(row, column): (usize, usize)| ((row * 31 + column * 7) as f64 * 0.37).sin();
        let mut x = Array2::from_shape_fn((9, 3 * COLUMNS_PER_TASK / 2), value);
        x.column_mut(70).fill(3.0);
        let scale = Scale::measure(x.view(), Behaviour::Corrected);
        let whole = moments::columns(x.view());
        assert_eq!(scale.mean, whole.mean.to_vec());
        assert_eq!((scale.n_unusable(), scale.usable[70]), (1, false));
        let some = scale.apply(x.view(), &[8, 0], Behaviour::Corrected);
        scale.apply_in_place(&mut x);
        assert_eq!(some.row(0), x.row(8));
        assert_eq!(some.row(1), x.row(0));
    }

    #[test]
    fn compat_keeps_the_nan_of_a_constant_column() {
        let x = array![[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]];
        let scale = Scale::measure(x.view(), Behaviour::Compat);
        assert_eq!(scale.norm[1], 0.0);
        let z = scale.apply(x.view(), &[0, 1, 2], Behaviour::Compat);
        assert!(z.column(1).iter().all(|v| v.is_nan()));
    }
}
