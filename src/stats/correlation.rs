//! Pearson's correlation of columns, of rows, and of all pairs of rows.
//!
//! ```text
//! r = Σ (a − ā)(b − b̄) / √(Σ (a − ā)² · Σ (b − b̄)²)
//! ```
//!
//! In `f64` with the means subtracted first. Undefined, and NaN, when either side is constant or holds
//! NaN. Rounding can carry |r| past 1 by an ulp; results are clipped to [−1, 1], as NumPy's are.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::moments;

/// Correlation of each column of `a` with the same column of `b`.
///
/// - `a`, `b`: `(n_stimuli, n_units)`, each `f32` or `f64`.
///
/// Returns `(n_units,)`. This is the decoding accuracy when `a` is decoded and `b` true.
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn columns<A, B>(a: ArrayView2<'_, A>, b: ArrayView2<'_, B>) -> Array1<f64>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
{
    assert_eq!(
        a.dim(),
        b.dim(),
        "columns to correlate must have the same shape"
    );
    let (moments_a, moments_b) = (moments::columns(a), moments::columns(b));
    let mut product = Array1::<f64>::zeros(a.ncols());
    let mut square_a = product.clone();
    let mut square_b = product.clone();
    for (row_a, row_b) in a.rows().into_iter().zip(b.rows()) {
        for column in 0..product.len() {
            let deviation_a = row_a[column].into() - moments_a.mean[column];
            let deviation_b = row_b[column].into() - moments_b.mean[column];
            product[column] += deviation_a * deviation_b;
            square_a[column] += deviation_a * deviation_a;
            square_b[column] += deviation_b * deviation_b;
        }
    }
    for column in 0..product.len() {
        let constant = moments_a.constant[column] || moments_b.constant[column];
        let scale = square_a[column].sqrt() * square_b[column].sqrt();
        product[column] = if constant {
            f64::NAN
        } else {
            clip(product[column] / scale)
        };
    }
    product
}

/// Correlation of each row of `a` with the same row of `b`, both `(n_rows, n_columns)`: `(n_rows,)`.
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn rows<A, B>(a: ArrayView2<'_, A>, b: ArrayView2<'_, B>) -> Array1<f64>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
{
    columns(a.reversed_axes(), b.reversed_axes())
}

/// Correlation of every row of `a`, `(n_rows, n_columns)`, with every row: `(n_rows, n_rows)`.
///
/// Symmetric; the diagonal is exactly 1, or NaN for rows that are constant or hold NaN.
pub fn row_matrix<T: Copy + Into<f64>>(a: ArrayView2<'_, T>) -> Array2<f64> {
    let moments = moments::columns(a.reversed_axes());
    let mut unit_rows = a.mapv(|value| -> f64 { value.into() });
    for (index, mut row) in unit_rows.axis_iter_mut(Axis(0)).enumerate() {
        row -= moments.mean[index];
        let norm = row.dot(&row).sqrt();
        row /= if moments.constant[index] {
            f64::NAN
        } else {
            norm
        };
    }
    let mut matrix = unit_rows.dot(&unit_rows.t()).mapv(clip);
    for value in matrix.diag_mut().iter_mut().filter(|value| !value.is_nan()) {
        *value = 1.0;
    }
    matrix
}

/// To [−1, 1]; NaN stays NaN.
fn clip(r: f64) -> f64 {
    r.clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    fn pair() -> (Array2<f64>, Array2<f64>) {
        let a = array![
            [1.79, 0.44, 0.1],
            [-1.86, -0.28, -0.35],
            [-0.08, -0.63, -0.04],
            [-0.48, -1.31, 0.88],
            [0.88, 1.71, 0.05],
            [-0.4, -0.55, -1.55]
        ];
        let b = array![
            [0.98, -1.1, -1.19],
            [-0.21, 1.49, 0.24],
            [-1.02, -0.71, 0.63],
            [-0.16, -0.77, -0.23],
            [0.75, 1.98, -1.24],
            [-0.63, -0.8, -2.42]
        ];
        (a, b)
    }

    #[test]
    fn equals_numpy_corrcoef() {
        let (a, b) = pair();
        let found = columns(a.view(), b.view());
        for (r, expected) in
            found
                .iter()
                .zip([0.6600966834110387, 0.618322024166829, 0.5828134661250346])
        {
            assert!((r - expected).abs() < 1e-15, "{r} {expected}");
        }
        assert_eq!(rows(a.t(), b.t()), found);
        let first_row = [
            1.0,
            -0.9735377760865987,
            0.2682283349146213,
            -0.3242052606986171,
            0.19018071366593936,
            0.7414325136431835,
        ];
        for (r, expected) in row_matrix(a.view()).row(0).iter().zip(first_row) {
            assert!((r - expected).abs() < 1e-15, "{r} {expected}");
        }
    }

    #[test]
    fn constants_and_nan_are_undefined_for_their_column_only() {
        let (a, mut b) = pair();
        // 0.1 six times over does not sum to 0.6: a variance test would be fooled.
        b.column_mut(0).fill(0.1);
        b[[2, 1]] = f64::NAN;
        let found = columns(a.view(), b.view());
        assert!(found[0].is_nan() && found[1].is_nan() && found[2].is_finite());
        assert!(columns(b.view(), a.view())[0].is_nan());
        let matrix = row_matrix(b.t());
        assert!(matrix[[0, 0]].is_nan() && matrix[[0, 2]].is_nan() && matrix[[1, 2]].is_nan());
        assert_eq!(matrix[[2, 2]], 1.0);
    }

    #[test]
    fn large_offsets_do_not_hurt() {
        let (a, b) = pair();
        let shifted = &a + 1e6;
        for (r, expected) in columns(shifted.view(), b.view())
            .iter()
            .zip(columns(a.view(), b.view()))
        {
            assert!((r - expected).abs() < 1e-9);
        }
    }

    #[test]
    #[should_panic(expected = "same shape")]
    fn shapes_must_match() {
        let (a, b) = pair();
        columns(a.view(), b.t());
    }

    proptest! {
        #[test]
        fn bounded_and_invariant_to_scale(
            values in proptest::collection::vec((-1e3_f64..1e3, -1e3_f64..1e3), 3..40),
            scale in 0.01_f64..100.0,
        ) {
            let a = Array2::from_shape_fn((values.len(), 1), |(i, _)| values[i].0);
            let b = Array2::from_shape_fn((values.len(), 1), |(i, _)| values[i].1);
            let r = columns(a.view(), b.view())[0];
            let scaled = columns((&a * -scale).view(), b.view())[0];
            prop_assert!(r.abs() <= 1.0);
            prop_assert!((r + scaled).abs() < 1e-9);
            prop_assert!(columns(a.view(), a.view())[0] > 1.0 - 1e-12);
        }
    }
}
