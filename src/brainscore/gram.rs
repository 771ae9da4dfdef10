//! Gram matrices of wide tables: products of rows over many columns, a block of columns at a time.
//!
//! Every regression here depends on features only through the products of images, `G = X Xᵀ`. So `G` is
//! computed once, and what follows costs the same whether a layer has three thousand units or a million.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::ridge::product::{self, Into, Operand, Out, Threads};

/// Columns that are taken at once: a multiple of the terms that [`product`] sums at once.
pub const COLUMNS_AT_ONCE: usize = 1536;

/// A Gram matrix that grows with every block of columns.
#[derive(Debug, Clone)]
pub struct Gram {
    /// `−Σ B Bᵀ`, on and above the diagonal, `(n, n)`.
    negative: Array2<f64>,
}

impl Gram {
    /// Of `n` rows and no column yet.
    pub fn new(n: usize) -> Gram {
        Gram {
            negative: Array2::zeros((n, n)),
        }
    }

    /// Adds the products over these columns, `(n, n_columns)`, in double precision and in the order of the columns.
    ///
    /// # Panics
    /// If `block` has another number of rows.
    #[track_caller]
    pub fn add(&mut self, block: ArrayView2<'_, f64>) {
        let (n, n_columns) = block.dim();
        assert_eq!(n, self.negative.nrows(), "a row of the block per row");
        let block = block.as_standard_layout();
        let operand = Operand {
            values: block.as_slice().expect("standard layout"),
            term_stride: 1,
            lane_stride: n_columns.max(1),
        };
        let out = Out {
            values: self.negative.as_slice_mut().expect("standard layout"),
            stride: n,
            size: (n, n),
        };
        product::multiply(
            out,
            n_columns,
            operand,
            operand,
            Into::UpperReduced,
            Threads::All,
        );
    }

    /// The whole symmetric matrix, `(n, n)`.
    pub fn finish(self) -> Array2<f64> {
        let mut gram = self.negative;
        let n = gram.nrows();
        for row in 0..n {
            for column in row..n {
                let value = -gram[[row, column]];
                gram[[row, column]] = value;
                gram[[column, row]] = value;
            }
        }
        gram
    }

    /// Of a table with `n` rows and `n_columns` columns, which `block` gives a range at a time.
    pub fn of_blocks(
        n: usize,
        n_columns: usize,
        block: impl Fn(Range<usize>) -> Array2<f64>,
    ) -> Array2<f64> {
        let mut gram = Gram::new(n);
        for columns in blocks(n_columns) {
            gram.add(block(columns).view());
        }
        gram.finish()
    }
}

/// Ranges of columns that are taken at once.
pub fn blocks(n_columns: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n_columns)
        .step_by(COLUMNS_AT_ONCE)
        .map(move |first| first..n_columns.min(first + COLUMNS_AT_ONCE))
}

/// The Gram matrix of rows from which their mean is subtracted, `(I − J/n) G (I − J/n)` with `J` all ones.
///
/// - `gram`: symmetric, `(n, n)`.
///
/// Subtracting afterwards loses the digits that the mean has above the deviations; [`super::features`] subtracts
/// the mean of all images first.
pub fn centred(gram: ArrayView2<'_, f64>) -> Array2<f64> {
    let means = gram.mean_axis(Axis(0)).unwrap_or_default();
    let mean = means.mean().unwrap_or_default();
    let mut centred = gram.as_standard_layout().into_owned();
    centred
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(means.as_slice().expect("contiguous"))
        .for_each(|(mut row, of_row)| {
            let others = row.iter_mut().zip(&means);
            others.for_each(|(value, of_column)| *value += mean - of_row - of_column);
        });
    centred
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;

    #[test]
    fn blocks_add_up_to_the_product() {
        for (n, p) in [(5, 3), (7, COLUMNS_AT_ONCE + 9), (60, 2 * COLUMNS_AT_ONCE)] {
            let x = noise(n, p, 1);
            let found =
                Gram::of_blocks(n, p, |columns| x.slice(ndarray::s![.., columns]).to_owned());
            let difference = &found - &x.dot(&x.t());
            // 3,000 products of about 1, rounded to 2^-53 each.
            assert!(difference.iter().all(|d| d.abs() < 1e-11));
            assert_eq!(found, found.t());
        }
    }

    #[test]
    fn centring_is_that_of_the_rows() {
        let x = noise(9, 4, 2);
        let deviations = &x - &x.mean_axis(Axis(0)).unwrap();
        let difference = centred(x.dot(&x.t()).view()) - deviations.dot(&deviations.t());
        assert!(difference.iter().all(|d| d.abs() < 1e-14));
    }
}
