//! Mean and standard deviation of columns, and which columns are constant.

use ndarray::{Array1, ArrayView2};

/// Mean, spread and constancy of every column of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Mean of each column, `(n_columns,)`; for a constant column exactly its value.
    pub mean: Array1<f64>,
    /// Standard deviation of each column with n − 1, `(n_columns,)`; exactly 0 for a constant column.
    pub sd: Array1<f64>,
    /// Whether all values of the column are equal, `(n_columns,)`.
    pub constant: Vec<bool>,
}

/// Moments of the columns of `x`, `(n_samples, n_columns)`.
///
/// A column that holds NaN has NaN moments and is not constant. With one row every column without NaN
/// is constant; without rows every mean is NaN.
pub fn columns<T: Copy + Into<f64>>(x: ArrayView2<'_, T>) -> Moments {
    let n_samples = x.nrows() as f64;
    let constant = constant_columns(x);
    let mut mean = Array1::zeros(x.ncols());
    for row in x.rows() {
        mean.zip_mut_with(&row, |sum: &mut f64, &value| *sum += value.into());
    }
    mean /= n_samples;
    for (column, _) in constant
        .iter()
        .enumerate()
        .filter(|&(_, &constant)| constant)
    {
        mean[column] = x[[0, column]].into();
    }
    let mut sd = Array1::zeros(x.ncols());
    for row in x.rows() {
        for ((sum, &value), mean) in sd.iter_mut().zip(row).zip(&mean) {
            let deviation: f64 = value.into() - mean;
            *sum += deviation * deviation;
        }
    }
    for (sd, &constant) in sd.iter_mut().zip(&constant) {
        *sd = if constant {
            0.0
        } else {
            f64::sqrt(*sd / (n_samples - 1.0))
        };
    }
    Moments { mean, sd, constant }
}

/// Which columns of `x`, `(n_samples, n_columns)`, hold one value only; none if there are no rows.
pub fn constant_columns<T: Copy + Into<f64>>(x: ArrayView2<'_, T>) -> Vec<bool> {
    if x.nrows() == 0 {
        return vec![false; x.ncols()];
    }
    let first: Vec<f64> = x.row(0).iter().map(|&value| value.into()).collect();
    let mut constant = vec![true; x.ncols()];
    for row in x.rows() {
        for ((constant, &value), first) in constant.iter_mut().zip(row).zip(&first) {
            *constant &= value.into() == *first;
        }
    }
    constant
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn equals_numpy() {
        let x: Array2<f64> = array![
            [1.79, 0.44, 0.1],
            [-1.86, -0.28, -0.35],
            [-0.08, -0.63, -0.04],
            [-0.48, -1.31, 0.88],
            [0.88, 1.71, 0.05],
            [-0.4, -0.55, -1.55]
        ];
        let mean = [-0.025, -0.10333333333333333, -0.15166666666666667];
        let sd = [1.251491110635629, 1.0533312236265793, 0.7969295242784438];
        let moments = columns(x.view());
        for column in 0..3 {
            assert!((moments.mean[column] - mean[column]).abs() < 1e-15);
            assert!((moments.sd[column] - sd[column]).abs() < 1e-15);
        }
        assert_eq!(moments.constant, [false; 3]);
    }

    #[test]
    fn layout_does_not_matter() {
        let x = Array2::from_shape_fn((7, 5), |(i, j)| ((i * 5 + j) as f32 * 0.37).sin());
        let mut fortran = Array2::zeros(ndarray::ShapeBuilder::f((7, 5)));
        fortran.assign(&x);
        assert_eq!(columns(x.view()), columns(fortran.view()));
    }

    #[test]
    fn constant_columns_are_found_by_value() {
        let n = 1200;
        let mut x = Array2::from_elem((n, 3), 0.1_f32);
        x[[n - 1, 1]] = f32::from_bits(0.1_f32.to_bits() + 1);
        x[[3, 2]] = f32::NAN;
        let moments = columns(x.view());
        assert_eq!(moments.constant, [true, false, false]);
        assert_eq!(moments.mean[0], f64::from(0.1_f32));
        assert_eq!(moments.sd[0], 0.0);
        assert!(moments.sd[1] > 0.0 && moments.sd[1] < 1e-9);
        assert!(moments.mean[2].is_nan() && moments.sd[2].is_nan());
    }

    #[test]
    fn few_rows() {
        let moments = columns(array![[2.0_f64, f64::NAN]].view());
        assert_eq!(moments.constant, [true, false]);
        assert_eq!((moments.mean[0], moments.sd[0]), (2.0, 0.0));
        assert!(moments.mean[1].is_nan() && moments.sd[1].is_nan());
        let moments = columns(Array2::<f32>::zeros((0, 2)).view());
        assert!(moments.mean.iter().all(|mean| mean.is_nan()));
        assert_eq!(moments.constant, [false, false]);
    }
}
