//! Partial least squares with several targets, after Wold; the metric `pls` of Brain-Score takes 25 components.
//!
//! With `X` and `Y` centred and not scaled, component after component (Wegelin 2000, Technical Report 371,
//! University of Washington, section 4.1):
//!
//! ```text
//! w  = dominant left singular vector of XᵀY      t  = X w
//! p  = Xᵀt / tᵀt      q = Yᵀt / tᵀt              X ← X − t pᵀ      Y ← Y − t qᵀ
//! ŷ  = ȳ + Σ t q      with the t of test images from their own X, deflated by the same p
//! ```
//!
//! The last line is scikit-learn's `x W (PᵀW)⁻¹ Qᵀ + ȳ`, step by step. Neither the sign nor the length of a `w`
//! changes predictions, to the last bit for the sign; so scikit-learn's convention for it is not needed.
//!
//! What `w` costs is kept small by iterating on the smaller Gram matrix of `S = XᵀY`: `w = S c`, with `c` the
//! dominant eigenvector of `SᵀS`, has as many unknowns as there are targets; `w`, that of `SSᵀ`, as many as inputs.
//! The features themselves come in one of two forms ([`super::residual`]): as values, or through the products of
//! images alone, and then a component costs a product of that matrix with one vector.

use ndarray::{Array1, Array2, Axis};

use super::dominant::{self, Weights};
use super::fold::Fold;
use super::residual::Residual;
use crate::error::{Error, Result};

/// Components of the metric `pls` (Yamins et al. 2014; SPEC 2.1).
pub const N_COMPONENTS: usize = 25;
/// scikit-learn's `max_iter`.
const MOST_ITERATIONS: usize = 500;
/// scikit-learn's `tol`, of the squared change of `w`.
const TOLERANCE: f64 = 1e-6;

/// How the dominant singular vector is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Solver {
    /// To rounding: the result does not depend on the order of the targets.
    #[default]
    Svd,
    /// By the iteration of scikit-learn's NIPALS: from the first target on that is not zero, until `w` moves by less
    /// than a thousandth. Published scores come from it, and are up to 2e-3 off the converged ones.
    Nipals,
}

impl Solver {
    /// Name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Solver::Svd => "svd",
            Solver::Nipals => "nipals",
        }
    }
}

/// Predicted responses to the test images, `(n_test, n_targets)`.
///
/// Components end early where the targets are explained to rounding, as in scikit-learn.
///
/// # Errors
/// If there are fewer training images or units than components, as in scikit-learn.
pub(super) fn predict(fold: &Fold, n_components: usize, solver: Solver) -> Result<Array2<f64>> {
    let bound = fold.n_train().min(fold.features.n_units());
    if n_components > bound {
        return Err(Error::data(
            "partial least squares",
            format!(
                "{n_components} components of {} training images and {} units",
                fold.n_train(),
                fold.features.n_units()
            ),
            format!("take at most {bound} components, or a layer with more units"),
        ));
    }
    let mean = fold.mean_response();
    let mut predicted = Array2::zeros((fold.split.test.len(), mean.len())) + &mean;
    let mut residual = Residual::new(fold, &mean)?;
    for _ in 0..n_components {
        let Some(start) = residual.first_target() else {
            break;
        };
        let Some(scores) = weigh(&residual, start, solver) else {
            break;
        };
        let loadings = residual.deflate(&scores);
        for (mut row, &image) in predicted.axis_iter_mut(Axis(0)).zip(&fold.split.test) {
            row.scaled_add(scores[image], &loadings);
        }
    }
    Ok(predicted)
}

/// Scores `t` of the next component for all images; none where the features are used up.
// DEVIATION: scikit-learn goes on to components of rounding errors when there are fewer independent features than
// components, and predictions become noise of the size of the residual.
fn weigh(residual: &Residual, start: usize, solver: Solver) -> Option<Array1<f64>> {
    let moment = residual.moment();
    let vector = match (solver, residual.weights()) {
        (Solver::Svd, _) => dominant::converged(moment.view()),
        (Solver::Nipals, weights) => {
            // w ∝ Xᵀu with u the first target.
            let first = match weights {
                Weights::Coefficients => {
                    let mut unit = Array1::zeros(moment.nrows());
                    unit[start] = 1.0;
                    unit
                }
                Weights::Themselves => residual.cross_products(start),
            };
            dominant::iterated(moment.view(), first, MOST_ITERATIONS, TOLERANCE, weights)
        }
    };
    residual.scores(&moment, &vector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::features::Features;
    use crate::brainscore::noise;
    use crate::stats::splits::{self, Size, Split};
    use proptest::prelude::*;

    fn split(n: usize) -> Split {
        splits::plain(n, 1, Size::Train(0.8), 1).unwrap().remove(0)
    }

    /// Responses that the features explain in part.
    fn study(n: usize, p: usize, q: usize, seed: u32) -> (Array2<f64>, Array2<f64>) {
        let x = noise(n, p, seed);
        let weights = noise(p, q, seed + 1) / (p as f64).sqrt();
        let y = x.dot(&weights) + noise(n, q, seed + 2);
        (x, y)
    }

    fn predictions(x: &Array2<f64>, y: &Array2<f64>, k: usize, solver: Solver) -> Array2<f64> {
        let features = Features::new(x.clone()).unwrap();
        let split = split(y.nrows());
        let fold = Fold {
            features: &features,
            responses: y.view(),
            split: &split,
        };
        predict(&fold, k, solver).unwrap()
    }

    fn furthest(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
        let differences = (a - b).mapv(f64::abs);
        differences.iter().copied().fold(0.0, f64::max)
    }

    /// The recipe of the module, word for word, by a full singular value decomposition.
    fn definition(x: &Array2<f64>, y: &Array2<f64>, k: usize) -> Array2<f64> {
        let split = split(y.nrows());
        let (mut x_train, mut y_train) = (
            x.select(Axis(0), &split.train),
            y.select(Axis(0), &split.train),
        );
        let mean = x_train.mean_axis(Axis(0)).unwrap();
        let mean_y = y_train.mean_axis(Axis(0)).unwrap();
        x_train -= &mean;
        y_train -= &mean_y;
        let mut x_test = x.select(Axis(0), &split.test) - &mean;
        let mut out = Array2::zeros((split.test.len(), y.ncols())) + &mean_y;
        for _ in 0..k {
            let s = x_train.t().dot(&y_train);
            let w = crate::ridge::linalg::thin_svd(s.view())
                .unwrap()
                .left
                .column(0)
                .to_owned();
            let (t, t_test) = (x_train.dot(&w), x_test.dot(&w));
            let square = t.dot(&t);
            let (p, q) = (x_train.t().dot(&t) / square, y_train.t().dot(&t) / square);
            let outer = |t: &Array1<f64>, v: &Array1<f64>| {
                Array2::from_shape_fn((t.len(), v.len()), |(i, j)| t[i] * v[j])
            };
            x_train -= &outer(&t, &p);
            y_train -= &outer(&t, &q);
            x_test -= &outer(&t_test, &p);
            out += &outer(&t_test, &q);
        }
        out
    }

    #[test]
    fn every_way_is_the_definition() {
        // More images than units or fewer, more targets than units or images, or fewer.
        for (n, p, q) in [
            (60, 30, 8),
            (60, 20, 45),
            (60, 200, 8),
            (40, 200, 90),
            (40, 200, 1),
        ] {
            let (x, y) = study(n, p, q, 7);
            let found = predictions(&x, &y, 10, Solver::Svd);
            let error = furthest(&found, &definition(&x, &y, 10));
            // Squares of singular values lose twice the digits that the values would: κ² ≈ 1e3 here.
            assert!(error < 1e-11, "{n} {p} {q}: {error:e}");
        }
    }

    #[test]
    fn the_order_of_targets_and_units_does_not_matter() {
        let (x, y) = study(60, 90, 6, 3);
        let found = predictions(&x, &y, 12, Solver::Svd);
        let order = [3, 1, 5, 0, 2, 4];
        let other = predictions(&x, &y.select(Axis(1), &order), 12, Solver::Svd);
        assert!(furthest(&found.select(Axis(1), &order), &other) < 1e-10);
        let units: Vec<usize> = (0..90).rev().collect();
        let other = predictions(&x.select(Axis(1), &units), &y, 12, Solver::Svd);
        assert!(furthest(&found, &other) < 1e-10);
    }

    #[test]
    fn as_many_components_as_units_are_ordinary_least_squares() {
        let (x, y) = study(80, 5, 3, 9);
        for solver in [Solver::Svd, Solver::Nipals] {
            let all = predictions(&x, &y, 5, solver);
            let split = split(80);
            let train = x.select(Axis(0), &split.train);
            let mean = train.mean_axis(Axis(0)).unwrap();
            let centred = &train - &mean;
            let y_train = y.select(Axis(0), &split.train);
            let mean_y = y_train.mean_axis(Axis(0)).unwrap();
            let svd = crate::ridge::linalg::thin_svd(centred.view()).unwrap();
            let inverse = (&svd.right / &Array1::from(svd.values)).dot(&svd.left.t());
            let weights = inverse.dot(&(&y_train - &mean_y));
            let expected = (x.select(Axis(0), &split.test) - &mean).dot(&weights) + &mean_y;
            assert!(furthest(&all, &expected) < 1e-12);
        }
    }

    #[test]
    fn features_and_targets_may_be_used_up() {
        // Three independent directions among 40 units, and targets without noise.
        let latent = noise(50, 3, 1);
        let x = latent.dot(&noise(3, 40, 2));
        let wide = latent.dot(&noise(3, 400, 2));
        let y = noise(50, 4, 3);
        let exact = latent.dot(&noise(3, 4, 4));
        for solver in [Solver::Svd, Solver::Nipals] {
            for x in [&x, &wide] {
                let (three, ten) = (
                    predictions(x, &y, 3, solver),
                    predictions(x, &y, 10, solver),
                );
                assert!(furthest(&three, &ten) < 1e-9);
                let found = predictions(x, &exact, 10, solver);
                let test = exact.select(Axis(0), &split(50).test);
                assert!(furthest(&found, &test) < 1e-9);
            }
        }
        let constant = Array2::from_elem((50, 2), 3.0);
        let found = predictions(&x, &constant, 5, Solver::Nipals);
        assert!(found.iter().all(|&value| value == 3.0));
    }

    proptest! {
        #[test]
        fn turns_shifts_and_scales_of_units_and_sites_carry_over(
            n in 20_usize..50, p in 6_usize..70, q in 1_usize..9, seed in 0_u32..1000,
            scale in 0.1_f64..10.0, shift in -50.0_f64..50.0,
        ) {
            let (x, y) = study(n, p, q, seed);
            let turn = crate::ridge::linalg::thin_svd(noise(p, p, seed).view()).unwrap().left;
            let (turned, moved) = (x.dot(&turn) * scale + shift, &y * scale + shift);
            for solver in [Solver::Svd, Solver::Nipals] {
                let found = predictions(&x, &y, 5, solver);
                let expected = found * scale + shift;
                let error = furthest(&predictions(&turned, &moved, 5, solver), &expected);
                // Numbers up to 80, and directions whose singular values may be equal to a percent.
                prop_assert!(error < 1e-8, "{solver:?} {error:e}");
            }
        }
    }

    #[test]
    fn too_few_units_are_refused() {
        let (x, y) = study(60, 24, 2, 1);
        let features = Features::new(x).unwrap();
        let split = split(60);
        let fold = Fold {
            features: &features,
            responses: y.view(),
            split: &split,
        };
        let text = predict(&fold, 25, Solver::Svd).unwrap_err().to_string();
        assert!(text.contains("at most 24"), "{text}");
    }
}
