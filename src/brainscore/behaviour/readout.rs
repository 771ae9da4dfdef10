//! From a layer's features to the probability of every object (SPEC 2.12, step 1).
//!
//! Features are standardised over the fitted images, then a multinomial [logistic regression](super::logistic) learns
//! the objects. Solved in the [`span`] of the fitted images, so that a layer with a million units costs as
//! much as one with as many units as there are images.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::logistic::{Intercept, Logistic};
use super::span;
use crate::brainscore::features::Features;
use crate::error::{Error, Result};

/// `C` of the registry.
pub const C: f64 = 1e-3;

/// Images of known class.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// Numbers of the images among those of the features, `(n_fitted,)`.
    pub images: &'a [usize],
    /// Class of each, below `n_classes`, `(n_fitted,)`.
    pub classes: &'a [usize],
    /// Number of classes; each has at least one image.
    pub n_classes: usize,
}

/// How strongly weights are penalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Penalty {
    /// `C`: weight of the loss beside `½ ‖W‖²`, positive.
    pub c: f64,
    /// What happens to the intercept.
    pub intercept: Intercept,
}

impl Default for Penalty {
    fn default() -> Penalty {
        Penalty {
            c: C,
            intercept: Intercept::Free,
        }
    }
}

/// A readout of all images' features.
#[derive(Debug)]
pub struct Readout {
    coordinates: Array2<f64>,
    logistic: Logistic,
}

impl Readout {
    /// Learns the classes of some images.
    ///
    /// - `features`: of the images to learn from and of those that are asked for.
    ///
    /// # Errors
    /// If features come without values, images or classes are not there, or a class has no image.
    pub fn fit(features: &Features, known: Labelled, penalty: Penalty) -> Result<Readout> {
        if known.images.len() != known.classes.len() {
            return Err(Error::data(
                "the readout",
                format!(
                    "{} images have {} classes",
                    known.images.len(),
                    known.classes.len()
                ),
                "give one class per image",
            ));
        }
        let coordinates = span::coordinates(features, known.images)?;
        let fitted = coordinates.select(Axis(0), known.images);
        let logistic = Logistic::fit(
            fitted.view(),
            known.classes,
            known.n_classes,
            penalty.c,
            penalty.intercept,
        )?;
        Ok(Readout {
            coordinates,
            logistic,
        })
    }

    /// Probability of every class for some of the features' images, `(n_asked, n_classes)`.
    ///
    /// # Panics
    /// If an image is not there.
    #[track_caller]
    pub fn probabilities(&self, images: &[usize]) -> Array2<f64> {
        let asked = self.coordinates.select(Axis(0), images);
        self.logistic.probabilities(asked.view())
    }

    /// Intercept of every class, `(n_classes,)`.
    pub fn intercept(&self) -> Array1<f64> {
        self.logistic.intercept()
    }
}

/// Share of images whose true class is among the `k` most probable ones; of classes with one probability the first
/// ones count as more probable. NaN of no image.
///
/// - `probabilities`: `(n_images, n_classes)`.
/// - `truth`: class of every image, `(n_images,)`.
///
/// # Panics
/// If there is not one class per image.
#[track_caller]
pub fn top(probabilities: ArrayView2<'_, f64>, truth: &[usize], k: usize) -> f64 {
    let n = truth.len();
    assert_eq!(probabilities.nrows(), n, "a class per image");
    let hit = |row: ArrayView1<'_, f64>, truth: usize| {
        let p = row[truth];
        let above = |(class, other): (usize, &f64)| *other > p || (*other == p && class < truth);
        let n_above = row.iter().enumerate().filter(|&one| above(one)).count();
        // NaN is no hit.
        p.is_finite() && n_above < k
    };
    let rows = probabilities.rows().into_iter().zip(truth);
    let hits = rows.filter(|(row, truth)| hit(*row, **truth)).count();
    hits as f64 / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;
    use ndarray::array;

    #[test]
    fn the_span_changes_nothing() {
        // As many units as there are images and more, by either way to the coordinates.
        let (n, p) = (40, 30);
        let x = noise(n, p, 1);
        let classes: Vec<usize> = (0..n).map(|image| image % 4).collect();
        let images: Vec<usize> = (0..n).collect();
        let known = |n| Labelled {
            images: &images[..n],
            classes: &classes[..n],
            n_classes: 4,
        };
        let penalty = Penalty {
            c: 0.1,
            ..Penalty::default()
        };
        let narrow = Readout::fit(&Features::new(x.clone()).unwrap(), known(35), penalty).unwrap();
        // Constant units add nothing but to the number of units.
        let mut wide = Array2::from_elem((n, p + 20), 3.0);
        wide.slice_mut(ndarray::s![.., ..p]).assign(&x);
        let wide = Readout::fit(&Features::new(wide).unwrap(), known(35), penalty).unwrap();
        let difference = narrow.probabilities(&images) - wide.probabilities(&images);
        assert!(difference.iter().all(|d| d.abs() < 1e-9));
    }

    #[test]
    fn classes_that_are_far_apart_are_found() {
        let mut x = noise(60, 300, 2);
        let classes: Vec<usize> = (0..60).map(|image| image % 3).collect();
        for (mut row, &class) in x.rows_mut().into_iter().zip(&classes) {
            row[class] += 30.0;
            row[class + 10] -= 30.0;
        }
        let images: Vec<usize> = (0..60).collect();
        let known = Labelled {
            images: &images[..45],
            classes: &classes[..45],
            n_classes: 3,
        };
        let features = Features::new(x).unwrap();
        let readout = Readout::fit(&features, known, Penalty::default()).unwrap();
        let p = readout.probabilities(&images[45..]);
        assert!(top(p.view(), &classes[45..], 1) > 0.8);
        assert!(
            Readout::fit(
                &features,
                Labelled {
                    images: &images[..3],
                    ..known
                },
                Penalty::default()
            )
            .is_err()
        );
    }

    #[test]
    fn ties_go_to_the_first_class() {
        let p = array![[0.4, 0.4, 0.2], [0.1, 0.1, 0.8], [f64::NAN, 0.5, 0.5]];
        assert_eq!(top(p.view(), &[0, 0, 0], 1), 1.0 / 3.0);
        assert_eq!(top(p.view(), &[1, 0, 0], 1), 0.0);
        assert_eq!(top(p.view(), &[1, 0, 1], 2), 1.0);
        assert!(top(Array2::zeros((0, 3)).view(), &[], 1).is_nan());
    }
}
