//! What a model says about every image: units' values, or only their Gram matrix.

use std::ops::Range;
use std::sync::OnceLock;

use ndarray::{Array2, ArrayView2, Axis, Zip, s};
use rayon::prelude::*;

use super::gram::{self, Gram};
use crate::error::{Error, Result};

/// Units whose means one task takes.
const UNITS_PER_TASK: usize = 512;

/// Values of units in the precision in which they were given.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// `(n_images, n_units)`.
    Single(Array2<f32>),
    /// `(n_images, n_units)`.
    Double(Array2<f64>),
}

impl From<Array2<f32>> for Values {
    fn from(values: Array2<f32>) -> Values {
        Values::Single(values)
    }
}

impl From<Array2<f64>> for Values {
    fn from(values: Array2<f64>) -> Values {
        Values::Double(values)
    }
}

impl Values {
    fn dim(&self) -> (usize, usize) {
        match self {
            Values::Single(values) => values.dim(),
            Values::Double(values) => values.dim(),
        }
    }

    /// Mean of every unit over images, in double precision.
    fn mean(&self) -> Vec<f64> {
        match self {
            Values::Single(values) => mean(values.view()),
            Values::Double(values) => mean(values.view()),
        }
    }

    /// These units in double precision with `mean` subtracted, `(n_images, n_columns)`.
    fn centred(&self, units: Range<usize>, mean: &[f64]) -> Array2<f64> {
        match self {
            Values::Single(values) => minus(values.slice(s![.., units]), mean),
            Values::Double(values) => minus(values.slice(s![.., units]), mean),
        }
    }

    /// Value of a unit for an image.
    fn at(&self, image: usize, unit: usize) -> f64 {
        match self {
            Values::Single(values) => values[[image, unit]].into(),
            Values::Double(values) => values[[image, unit]],
        }
    }
}

fn mean<T: Copy + Sync + Into<f64>>(values: ArrayView2<'_, T>) -> Vec<f64> {
    let n = values.nrows() as f64;
    let mut mean = vec![0.0; values.ncols()];
    mean.par_chunks_mut(UNITS_PER_TASK)
        .zip(values.axis_chunks_iter(Axis(1), UNITS_PER_TASK))
        .for_each(|(mean, values)| {
            for row in values.rows() {
                let sums = mean.iter_mut().zip(row);
                sums.for_each(|(sum, &value)| *sum += value.into());
            }
            mean.iter_mut().for_each(|sum| *sum /= n);
        });
    mean
}

fn minus<T: Copy + Sync + Send + Into<f64>>(
    values: ArrayView2<'_, T>,
    mean: &[f64],
) -> Array2<f64> {
    let mut out = Array2::zeros(values.dim());
    Zip::from(out.rows_mut())
        .and(values.rows())
        .par_for_each(|mut out, values| {
            let entries = out.iter_mut().zip(values).zip(mean);
            entries.for_each(|((out, &value), mean)| *out = value.into() - mean);
        });
    out
}

/// Features of all images of a benchmark, the same for all of its splits.
///
/// The mean of every unit over all images is subtracted before anything is squared. Training images have
/// nearly the same mean, so that subtracting theirs from products afterwards ([`super::regression::fold`]) cancels
/// next to nothing.
#[derive(Debug)]
pub struct Features {
    values: Option<Values>,
    /// Of every unit over all images; empty without values.
    mean: Vec<f64>,
    n_images: usize,
    n_units: usize,
    gram: OnceLock<Array2<f64>>,
}

impl Features {
    /// From values, `(n_images, n_units)`.
    ///
    /// # Errors
    /// If there is no value, or a value is not finite; the unit is named.
    pub fn new(values: impl Into<Values>) -> Result<Features> {
        let values = values.into();
        let (n_images, n_units) = values.dim();
        if n_images == 0 || n_units == 0 {
            return Err(Error::data(
                "features",
                format!("of {n_images} images and {n_units} units hold nothing"),
                "check the file",
            ));
        }
        let mean = values.mean();
        if let Some(unit) = mean.iter().position(|mean| !mean.is_finite()) {
            return Err(Error::data(
                format!("unit {unit} of the features"),
                "has a value that is not finite",
                "extract the layer again, or leave the unit out",
            ));
        }
        Ok(Features {
            values: Some(values),
            mean,
            n_images,
            n_units,
            gram: OnceLock::new(),
        })
    }

    /// From products of images, such as a [`Gram`] filled from a file that does not fit into memory.
    ///
    /// - `gram`: `X Xᵀ`, `(n_images, n_images)`, best of units whose means were subtracted.
    /// - `n_units`: columns of `X`.
    pub fn from_gram(gram: ArrayView2<'_, f64>, n_units: usize) -> Features {
        Features {
            values: None,
            mean: Vec::new(),
            n_images: gram.nrows(),
            n_units,
            gram: OnceLock::from(gram::centred(gram)),
        }
    }

    /// Keeps the Gram matrix only. What needs no values goes on as before.
    pub fn without_values(self) -> Features {
        self.gram();
        Features {
            values: None,
            mean: Vec::new(),
            ..self
        }
    }

    /// Number of images.
    pub fn n_images(&self) -> usize {
        self.n_images
    }

    /// Number of units.
    pub fn n_units(&self) -> usize {
        self.n_units
    }

    /// Bytes of the values; 0 without.
    pub fn bytes(&self) -> u64 {
        let of_one = match &self.values {
            None => 0,
            Some(Values::Single(_)) => size_of::<f32>(),
            Some(Values::Double(_)) => size_of::<f64>(),
        };
        (self.n_images * self.n_units * of_one) as u64
    }

    /// Whether products of images are the smaller description: more units than images, or no values.
    pub fn is_wide(&self) -> bool {
        self.values.is_none() || self.n_units > self.n_images
    }

    /// `X̃ X̃ᵀ` of the units with their means over all images subtracted, `(n_images, n_images)`.
    /// Computed at the first call.
    pub fn gram(&self) -> &Array2<f64> {
        self.gram.get_or_init(|| {
            let block = |units| {
                self.block(units)
                    .expect("without a Gram matrix there are values")
            };
            Gram::of_blocks(self.n_images, self.n_units, block)
        })
    }

    /// Units with their means over all images subtracted, `(n_images, n_columns)`; none without values.
    pub fn block(&self, units: Range<usize>) -> Option<Array2<f64>> {
        self.block_less(units, &self.mean)
    }

    /// Units with these means subtracted instead, `(n_images, n_columns)`; none without values.
    ///
    /// - `mean`: of all units, `(n_units,)`.
    pub fn block_less(&self, units: Range<usize>, mean: &[f64]) -> Option<Array2<f64>> {
        let values = self.values.as_ref()?;
        Some(values.centred(units.clone(), &mean[units]))
    }

    /// Mean of every unit over all images, `(n_units,)`; empty without values.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Value of a unit for an image as it was given; none without values.
    pub fn at(&self, image: usize, unit: usize) -> Option<f64> {
        self.values.as_ref().map(|values| values.at(image, unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;

    #[test]
    fn large_means_do_not_spoil_products() {
        let x = noise(6, 40, 1);
        let shifted = Features::new(&x + 1e6).unwrap();
        let plain = Features::new(x.clone()).unwrap();
        // A mean of 1e6 leaves ten digits of the values.
        let difference = shifted.gram() - plain.gram();
        assert!(difference.iter().all(|d| d.abs() < 1e-7));
        let single = Features::new(x.mapv(|value| value as f32)).unwrap();
        let difference = single.gram() - plain.gram();
        assert!(difference.iter().all(|d| d.abs() < 1e-5));
        assert_eq!(plain.at(2, 3), Some(x[[2, 3]]));
    }

    #[test]
    fn a_gram_matrix_stands_for_values() {
        let x = noise(6, 40, 1);
        let features = Features::new(x.clone()).unwrap();
        let gram = Features::from_gram(x.dot(&x.t()).view(), 40);
        let difference = features.gram() - gram.gram();
        assert!(difference.iter().all(|d| d.abs() < 1e-13));
        let without = features.without_values();
        assert!(without.is_wide() && without.block(0..2).is_none());
        assert_eq!(without.n_units(), 40);
    }

    #[test]
    fn values_that_are_not_finite_are_refused_by_unit() {
        let mut x = noise(6, 4, 1);
        x[[3, 2]] = f64::NAN;
        let text = Features::new(x).unwrap_err().to_string();
        assert!(text.contains("unit 2"), "{text}");
        assert!(Features::new(Array2::<f32>::zeros((0, 3))).is_err());
    }
}
