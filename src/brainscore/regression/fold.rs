//! One split as a regression sees it: what it may learn from, and what it is asked.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::brainscore::features::Features;
use crate::stats::splits::Split;

/// Features and responses of one split.
///
/// Arrays over images come in two forms: *whole*, a row per image of the benchmark, in which rows that are not
/// training images are zero where nothing may be learned from them; and *gathered*, a row per training or test
/// image in the order of the split.
#[derive(Debug, Clone, Copy)]
pub struct Fold<'a> {
    /// Of all images.
    pub features: &'a Features,
    /// Of all images, `(n_images, n_targets)`, all finite.
    pub responses: ArrayView2<'a, f64>,
    /// Training and test images.
    pub split: &'a Split,
}

/// Products of images with the training images' mean subtracted from either.
pub struct Kernel {
    /// Among training images, `(n_train, n_train)`.
    pub train: Array2<f64>,
    /// Of test images with training images, `(n_test, n_train)`.
    pub test: Array2<f64>,
}

impl Fold<'_> {
    /// Number of training images.
    pub fn n_train(&self) -> usize {
        self.split.train.len()
    }

    /// Mean response of the training images, `(n_targets,)`.
    pub fn mean_response(&self) -> Array1<f64> {
        let mut mean = Array1::zeros(self.responses.ncols());
        for &image in &self.split.train {
            mean += &self.responses.row(image);
        }
        mean / self.n_train() as f64
    }

    /// Responses of the training images less their mean, whole: `(n_images, n_targets)`.
    pub fn deviations(&self, mean: &Array1<f64>) -> Array2<f64> {
        let mut deviations = Array2::zeros(self.responses.dim());
        for &image in &self.split.train {
            let row = &self.responses.row(image) - mean;
            deviations.row_mut(image).assign(&row);
        }
        deviations
    }

    /// Responses of the training images less their mean, gathered: `(n_train, n_targets)`.
    pub fn gathered_deviations(&self, mean: &Array1<f64>) -> Array2<f64> {
        self.responses.select(Axis(0), &self.split.train) - mean
    }

    /// Products of images, gathered and centred:
    ///
    /// ```text
    /// k_ij = g_ij − ḡ_i − ḡ_j + ḡ     means over training images
    /// ```
    pub fn kernel(&self) -> Kernel {
        let gram = self.features.gram();
        let train = &self.split.train;
        let mean_of = |row: usize| -> f64 {
            let sum: f64 = train.iter().map(|&column| gram[[row, column]]).sum();
            sum / train.len() as f64
        };
        let means: Vec<f64> = train.iter().map(|&row| mean_of(row)).collect();
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        let gathered = |rows: &[usize], of_rows: &[f64]| {
            let mut kernel = Array2::zeros((rows.len(), train.len()));
            for ((mut out, &row), of_row) in kernel.rows_mut().into_iter().zip(rows).zip(of_rows) {
                let source = gram.row(row);
                let entries = out.iter_mut().zip(train).zip(&means);
                entries.for_each(|((out, &column), of_column)| {
                    *out = source[column] - of_row - of_column + mean;
                });
            }
            kernel
        };
        let test_means: Vec<f64> = self.split.test.iter().map(|&row| mean_of(row)).collect();
        Kernel {
            train: gathered(train, &means),
            test: gathered(&self.split.test, &test_means),
        }
    }

    /// Values of all units less their mean over training images, whole: `(n_images, n_units)`. None where there are
    /// more units than images, whose products are to be used, or no values.
    pub fn values(&self) -> Option<Array2<f64>> {
        if self.features.is_wide() {
            return None;
        }
        let mut values = self.features.block(0..self.features.n_units())?;
        let mut mean = Array1::<f64>::zeros(values.ncols());
        for &image in &self.split.train {
            mean += &values.row(image);
        }
        mean /= self.n_train() as f64;
        values -= &mean;
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;

    #[test]
    fn centred_products_are_products_of_centred_values() {
        let features = Features::new(noise(7, 6, 1)).unwrap();
        let responses = noise(7, 2, 2);
        let split = Split {
            train: vec![4, 0, 6, 1],
            test: vec![5, 2],
        };
        let fold = Fold {
            features: &features,
            responses: responses.view(),
            split: &split,
        };
        let values = fold.values().unwrap();
        let kernel = fold.kernel();
        let (train, test) = (
            values.select(Axis(0), &split.train),
            values.select(Axis(0), &split.test),
        );
        assert!(
            (kernel.train - train.dot(&train.t()))
                .iter()
                .all(|d| d.abs() < 1e-13)
        );
        assert!(
            (kernel.test - test.dot(&train.t()))
                .iter()
                .all(|d| d.abs() < 1e-13)
        );
        let mean = fold.mean_response();
        let whole = fold.deviations(&mean);
        assert_eq!(
            whole.select(Axis(0), &split.train),
            fold.gathered_deviations(&mean)
        );
        assert!(whole.row(5).iter().all(|&value| value == 0.0));
        assert!(whole.sum_axis(Axis(0)).iter().all(|sum| sum.abs() < 1e-14));
    }
}
