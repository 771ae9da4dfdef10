//! What partial least squares has not used yet of features and responses.
//!
//! Rows are images in the order of the benchmark (*whole* arrays, see [`super::fold`]): scores of test images arise
//! beside those of training images by the same arithmetic, and nothing is learned from rows that are zero.
//!
//! Products of images know a singular value of the features to the rounding of the largest *squared*. Correlations
//! of 300 images with 900 units whose singular values fall as 1/k are scikit-learn's to 5e-14, as 1/k² to 2e-11, as
//! 1/k³ to 1e-8; those of networks' layers fall about as 1/√k to 1/k. Values, where they are the smaller description, lose
//! none.

use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1, Axis, s};

use super::dominant::Weights;
use super::fold::Fold;
use super::not_finite;
use crate::error::Result;
use crate::ridge::linalg;

/// Values of a target that count as zero, in units of the rounding: scikit-learn's, for a whole column.
const ZERO_COLUMN: f64 = 10.0;

/// Both sides after some components.
pub struct Residual<'a> {
    train: &'a [usize],
    /// Whether an image is a training image, 1 or 0, `(n_images,)`.
    mask: Array1<f64>,
    /// Deflated responses, whole, `(n_images, n_targets)`.
    y: Array2<f64>,
    source: Source<'a>,
    /// `‖t‖²` at which features are used up.
    smallest: f64,
}

/// The features' side.
enum Source<'a> {
    /// Not more units than images.
    Values {
        /// Deflated, whole, `(n_images, n_units)`; rows of test images are not zero.
        x: Array2<f64>,
        /// `S = XᵀY`, `(n_units, n_targets)`.
        s: Array2<f64>,
    },
    /// More units than images.
    Products {
        /// Of all images, not centred on the training images, `(n_images, n_images)`.
        gram: &'a Array2<f64>,
        /// `X XᵀY` with either `X` deflated, `(n_images, n_targets)`.
        b: Array2<f64>,
        /// Scores of the components so far, and their squared lengths over training images.
        scores: Vec<(Array1<f64>, f64)>,
    },
}

impl<'a> Residual<'a> {
    /// Nothing used yet.
    ///
    /// - `mean`: mean training response, `(n_targets,)`.
    pub fn new(fold: &Fold<'a>, mean: &Array1<f64>) -> Result<Residual<'a>> {
        let y = fold.deviations(mean);
        let train = fold.split.train.as_slice();
        let mut mask = Array1::zeros(y.nrows());
        train.iter().for_each(|&image| mask[image] = 1.0);
        let n_train = train.len() as f64;
        let products = fold.features.is_wide() && y.ncols() <= train.len();
        let (source, smallest) = if products {
            let gram = fold.features.gram();
            let mut b = linalg::transpose_product(gram.view(), y.view());
            centre(&mut b, train);
            let square: f64 = train.iter().map(|&image| gram[[image, image]]).sum();
            let scores = Vec::new();
            // Rounding of the products is relative to the largest of them.
            (
                Source::Products { gram, b, scores },
                square * n_train * f64::EPSILON,
            )
        } else {
            let x = values(fold)?;
            let s = linalg::transpose_product(x.view(), y.view());
            let square: f64 = train
                .iter()
                .map(|&image| x.row(image).dot(&x.row(image)))
                .sum();
            let rounding = n_train.max(x.ncols() as f64) * f64::EPSILON;
            (Source::Values { x, s }, square * rounding * rounding)
        };
        Ok(Residual {
            train,
            mask,
            y,
            source,
            smallest,
        })
    }

    /// The first target that is not explained to rounding; such that are become exactly zero first.
    pub fn first_target(&mut self) -> Option<usize> {
        let mut largest = vec![0.0_f64; self.y.ncols()];
        for row in self.y.rows() {
            let values = largest.iter_mut().zip(row);
            values.for_each(|(largest, value)| *largest = largest.max(value.abs()));
        }
        let zero = largest.iter().enumerate();
        for (target, _) in zero.filter(|&(_, &v)| v > 0.0 && v < ZERO_COLUMN * f64::EPSILON) {
            self.y.column_mut(target).fill(0.0);
            match &mut self.source {
                Source::Values { s, .. } => s.column_mut(target).fill(0.0),
                Source::Products { b, .. } => b.column_mut(target).fill(0.0),
            }
        }
        largest
            .iter()
            .position(|&value| value >= ZERO_COLUMN * f64::EPSILON)
    }

    /// What vectors of [`Residual::moment`] are.
    pub fn weights(&self) -> Weights {
        match &self.source {
            Source::Values { s, .. } if s.nrows() < s.ncols() => Weights::Themselves,
            _ => Weights::Coefficients,
        }
    }

    /// `SᵀS` or `SSᵀ`, the smaller of them.
    pub fn moment(&self) -> Array2<f64> {
        match &self.source {
            Source::Values { s, .. } if s.nrows() < s.ncols() => {
                linalg::product_transpose(s.view(), s.view())
            }
            Source::Values { s, .. } => linalg::gram(s.view()),
            Source::Products { b, .. } => {
                let moment = linalg::transpose_product(self.y.view(), b.view());
                (&moment + &moment.t()) / 2.0
            }
        }
    }

    /// `Xᵀy` of one target, `(n_units,)`, where vectors are the weights themselves.
    ///
    /// # Panics
    /// If they are coefficients.
    #[track_caller]
    pub fn cross_products(&self, target: usize) -> Array1<f64> {
        match &self.source {
            Source::Values { s, .. } => s.column(target).to_owned(),
            Source::Products { .. } => panic!("products have no weights themselves"),
        }
    }

    /// `t = X w` with `w` of length 1, for all images, `(n_images,)`; none where nothing is left of `X`.
    ///
    /// - `moment`: [`Residual::moment`].
    /// - `vector`: of it.
    pub fn scores(&self, moment: &Array2<f64>, vector: &Array1<f64>) -> Option<Array1<f64>> {
        let scores = match &self.source {
            Source::Values { x, s } => {
                let weights = match self.weights() {
                    Weights::Themselves => vector.clone(),
                    Weights::Coefficients => s.dot(vector),
                };
                let length = weights.dot(&weights).sqrt();
                x.dot(&(weights / length))
            }
            Source::Products { b, scores, .. } => {
                let length = vector.dot(&moment.dot(vector)).max(0.0).sqrt();
                let mut found = b.dot(&(vector / length));
                self.deflate_by(scores, &mut found);
                found
            }
        };
        let square = self.dot(&scores, scores.view());
        // Also where it is not a number.
        (square > self.smallest).then_some(scores)
    }

    /// Takes a component out of both sides; returns its `q`, `(n_targets,)`.
    ///
    /// - `scores`: `t`, of all images.
    pub fn deflate(&mut self, scores: &Array1<f64>) -> Array1<f64> {
        let trained = scores * &self.mask;
        let square = trained.dot(&trained);
        let loadings = combine(&trained, &self.y) / square;
        subtract_outer(&mut self.y, &trained, &loadings);
        match &mut self.source {
            Source::Values { x, s } => {
                let of_units = combine(&trained, x);
                subtract_outer(s, &of_units, &loadings);
                subtract_outer(x, scores, &(of_units / square));
            }
            Source::Products {
                gram,
                b,
                scores: all,
            } => {
                all.push((scores.clone(), square));
                let mut image = gram.dot(&trained);
                centre_one(image.view_mut(), self.train);
                for (scores, square) in &*all {
                    let along = (scores * &self.mask).dot(&image) / square;
                    image.scaled_add(-along, scores);
                }
                // The left X is deflated by t, the right one through Y.
                let along = combine(&trained, b) / square;
                subtract_outer(b, &image, &loadings);
                subtract_outer(b, scores, &along);
            }
        }
        loadings
    }

    /// Makes scores orthogonal over training images to those before, which rounding keeps them from being.
    fn deflate_by(&self, before: &[(Array1<f64>, f64)], scores: &mut Array1<f64>) {
        for (other, square) in before {
            let along = self.dot(other, scores.view()) / square;
            scores.scaled_add(-along, other);
        }
    }

    /// Over training images.
    fn dot(&self, a: &Array1<f64>, b: ArrayView1<'_, f64>) -> f64 {
        self.train.iter().map(|&image| a[image] * b[image]).sum()
    }
}

/// Values of units, whole; where there are more than images, what they are in the basis of the training images:
/// `U S` of `X = U S Vᵀ`, from an eigendecomposition of `X Xᵀ`, and `x V` of the others.
fn values(fold: &Fold) -> Result<Array2<f64>> {
    if let Some(values) = fold.values() {
        return Ok(values);
    }
    let kernel = fold.kernel();
    let eigen = linalg::symmetric_eigen(kernel.train.view()).map_err(|_| not_finite())?;
    let n_train = fold.n_train();
    let smallest = eigen.values.last().copied().unwrap_or(0.0) * n_train as f64 * f64::EPSILON;
    let first = eigen.values.partition_point(|&value| value <= smallest);
    let vectors = eigen.vectors.slice(s![.., first..]);
    let singular: Array1<f64> = eigen.values[first..]
        .iter()
        .map(|value| value.sqrt())
        .collect();
    let test = linalg::transpose_product(kernel.test.t(), (&vectors / &singular).view());
    let mut whole = Array2::zeros((fold.features.n_images(), singular.len()));
    let train = &vectors * &singular;
    for (images, rows) in [(&fold.split.train, train), (&fold.split.test, test)] {
        let pairs = images.iter().zip(rows.rows());
        pairs.for_each(|(&image, row)| whole.row_mut(image).assign(&row));
    }
    Ok(whole)
}

/// `aᵀ u`, row by row.
fn combine(u: &Array1<f64>, a: &Array2<f64>) -> Array1<f64> {
    let mut sum = Array1::zeros(a.ncols());
    for (row, &factor) in a.rows().into_iter().zip(u) {
        if factor != 0.0 {
            sum.scaled_add(factor, &row);
        }
    }
    sum
}

/// `a −= u vᵀ`.
fn subtract_outer(a: &mut Array2<f64>, u: &Array1<f64>, v: &Array1<f64>) {
    for (mut row, &factor) in a.axis_iter_mut(Axis(0)).zip(u) {
        if factor != 0.0 {
            row.scaled_add(-factor, v);
        }
    }
}

/// Subtracts from every row the mean of the training rows.
fn centre(b: &mut Array2<f64>, train: &[usize]) {
    let mut mean = Array1::<f64>::zeros(b.ncols());
    train.iter().for_each(|&image| mean += &b.row(image));
    mean /= train.len() as f64;
    *b -= &mean;
}

/// The same for a single column.
fn centre_one(mut column: ArrayViewMut1<'_, f64>, train: &[usize]) {
    let sum: f64 = train.iter().map(|&image| column[image]).sum();
    let mean = sum / train.len() as f64;
    column.mapv_inplace(|value| value - mean);
}
