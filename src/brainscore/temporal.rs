//! Predictivity over time bins, with one set of weights for all of them.
//!
//! The bins of an image are samples of their own when a regression learns, and are predicted and correlated bin by
//! bin: `SpanTimeCrossRegressedCorrelation` of Brain-Score (SPEC 2.3).

use ndarray::{Array2, ArrayView2, ArrayView3, Axis, s};

use super::features::Features;
use super::predictivity::{Predictivity, check, finite_columns, in_parallel};
use super::regression::Regression;
use super::regression::fold::Fold;
use crate::error::{Error, Result};
use crate::stats::correlation;
use crate::stats::splits::Split;

/// Features of a model in time.
#[derive(Debug, Clone, Copy)]
pub enum Timed<'a> {
    /// The same in all bins, a row per image.
    Still(&'a Features),
    /// Of every bin, in rows: row `image * n_bins + bin`. Products are of `(n_images * n_bins)²` numbers.
    Bins(&'a Features),
}

/// Scores a layer, bin by bin: `(n_bins,)`.
///
/// - `responses`: mean responses, `(n_images, n_sites, n_bins)`. A site with a value that is not finite in any bin is
///   left out of all.
/// - `splits`: of images.
///
/// # Errors
/// As [`super::predictivity::predictivity`]; and for still features and [`Regression::RidgeCv`], whose choice by
/// leaving samples out has no meaning when the others repeat them.
pub fn temporal(
    features: Timed,
    responses: ArrayView3<'_, f64>,
    splits: &[Split],
    regression: &Regression,
) -> Result<Vec<Predictivity>> {
    let (n_images, n_sites, n_bins) = responses.dim();
    let n_rows = match features {
        Timed::Still(features) => features.n_images() * n_bins,
        Timed::Bins(features) => features.n_images(),
    };
    check(n_rows, n_images * n_bins, &[])?;
    check(n_images, n_images, splits)?;
    let stacked = responses.permuted_axes([0, 2, 1]);
    let stacked = stacked.as_standard_layout();
    let shape = (n_images * n_bins, n_sites);
    let stacked = stacked.to_shape(shape).expect("the same entries");
    let (sites, stacked) = finite_columns(stacked.view());
    let (Timed::Still(of_images) | Timed::Bins(of_images)) = features;
    let numbers = regression.numbers_per_split(of_images, stacked.ncols());
    let tables = in_parallel(splits, numbers, |split| {
        of_split(features, stacked.view(), n_bins, split, regression)
    })?;
    let of_bin = |bin: usize| {
        let mut table = Array2::from_elem((splits.len(), n_sites), f64::NAN);
        for (mut row, found) in table.rows_mut().into_iter().zip(&tables) {
            let defined = row.iter_mut().zip(&sites).filter(|(_, finite)| **finite);
            defined
                .zip(found.row(bin))
                .for_each(|((slot, _), r)| *slot = *r);
        }
        Predictivity::of_table(table)
    };
    Ok((0..n_bins).map(of_bin).collect())
}

/// Pearson's r of every bin and site, `(n_bins, n_sites)`.
///
/// - `stacked`: responses, `(n_images * n_bins, n_sites)`.
fn of_split(
    features: Timed,
    stacked: ArrayView2<'_, f64>,
    n_bins: usize,
    split: &Split,
    regression: &Regression,
) -> Result<Array2<f64>> {
    let rows = |images: &[usize]| -> Vec<usize> {
        let of_image = |&image: &usize| image * n_bins..(image + 1) * n_bins;
        images.iter().flat_map(of_image).collect()
    };
    let predicted = match features {
        Timed::Bins(features) => {
            let split = Split {
                train: rows(&split.train),
                test: rows(&split.test),
            };
            let fold = Fold {
                features,
                responses: stacked,
                split: &split,
            };
            regression.predict(&fold)?
        }
        Timed::Still(features) => {
            let predicted = still(features, stacked, n_bins, split, regression)?;
            let n_rows = split.test.len() * n_bins;
            let repeated: Vec<usize> = (0..n_rows).map(|row| row / n_bins).collect();
            predicted.select(Axis(0), &repeated)
        }
    };
    let measured = stacked.select(Axis(0), &rows(&split.test));
    let mut table = Array2::zeros((n_bins, stacked.ncols()));
    for (bin, mut row) in table.rows_mut().into_iter().enumerate() {
        let of_bin = s![bin..;n_bins, ..];
        row.assign(&correlation::columns(
            predicted.slice(of_bin),
            measured.slice(of_bin),
        ));
    }
    Ok(table)
}

/// Predictions for the test images, the same in all bins: with features that repeat, the normal equations are those of
/// the mean over bins, with a penalty that is so many times smaller.
fn still(
    features: &Features,
    stacked: ArrayView2<'_, f64>,
    n_bins: usize,
    split: &Split,
    regression: &Regression,
) -> Result<Array2<f64>> {
    let n_images = features.n_images();
    let mut mean = Array2::<f64>::zeros((n_images, stacked.ncols()));
    for (row, responses) in stacked.rows().into_iter().enumerate() {
        let mut mean = mean.row_mut(row / n_bins);
        mean += &responses;
    }
    mean /= n_bins as f64;
    let regression = match regression {
        Regression::Ridge { alpha } => Regression::Ridge {
            alpha: alpha / n_bins as f64,
        },
        Regression::RidgeCv { .. } => {
            return Err(Error::data(
                "ridge regression with a chosen penalty",
                "cannot leave out samples whose features repeat in every time bin",
                "take ridge regression with a given penalty, or features of every bin",
            ));
        }
        other => other.clone(),
    };
    let fold = Fold {
        features,
        responses: mean.view(),
        split,
    };
    regression.predict(&fold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;
    use crate::brainscore::predictivity::{predictivity, registry_splits};
    use crate::brainscore::regression::pls::Solver;
    use ndarray::Array3;

    #[test]
    fn still_features_are_features_that_repeat() {
        let (n, n_bins) = (40, 3);
        let splits = registry_splits(n, None).unwrap();
        for p in [25, 130] {
            let x = noise(n, p, 1);
            let y = Array3::from_shape_fn((n, 4, n_bins), |(image, site, bin)| {
                x[[image, site]] * (bin as f64 + 0.3) + 0.5 * x[[image, site + 5]]
            });
            let y = y + noise(n, 12, 2)
                .into_shape_with_order((n, 4, n_bins))
                .unwrap();
            let repeated: Vec<usize> = (0..n * n_bins).map(|row| row / n_bins).collect();
            let bins = Features::new(x.select(Axis(0), &repeated)).unwrap();
            let still = Features::new(x).unwrap();
            for name in ["pls", "ridge", "linear", "neuron"] {
                let regression = match name {
                    "pls" => Regression::Pls {
                        n_components: 8,
                        solver: Solver::Svd,
                    },
                    _ => Regression::by_name(name, Solver::Svd).unwrap(),
                };
                let one = temporal(Timed::Still(&still), y.view(), &splits, &regression).unwrap();
                let other = temporal(Timed::Bins(&bins), y.view(), &splits, &regression).unwrap();
                assert_eq!(one.len(), n_bins);
                for (one, other) in one.iter().zip(&other) {
                    let difference = &one.table - &other.table;
                    assert!(difference.iter().all(|d| d.abs() < 1e-8), "{name} {p}");
                }
            }
            let chosen = Regression::by_name("ridgecv", Solver::Svd).unwrap();
            assert!(temporal(Timed::Still(&still), y.view(), &splits, &chosen).is_err());
            assert!(temporal(Timed::Bins(&bins), y.view(), &splits, &chosen).is_ok());
        }
    }

    #[test]
    fn one_bin_is_plain_predictivity() {
        let (x, y) = (noise(40, 30, 1), noise(40, 3, 2));
        let features = Features::new(x).unwrap();
        let splits = registry_splits(40, None).unwrap();
        let ridge = Regression::Ridge { alpha: 1.0 };
        let plain = predictivity(&features, y.view(), &splits, &ridge).unwrap();
        let y = y.insert_axis(Axis(2));
        for timed in [Timed::Still(&features), Timed::Bins(&features)] {
            assert_eq!(
                temporal(timed, y.view(), &splits, &ridge).unwrap(),
                std::slice::from_ref(&plain)
            );
        }
    }
}
