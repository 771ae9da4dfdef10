//! Neural predictivity: how well responses to images that were not learned from are predicted, site by site.
//!
//! ```text
//! r_ks    Pearson's r of predicted and measured responses to the test images of split k, site s
//! r_k     median over sites s
//! score   mean over splits k          error = SD of r_k (n, not n − 1) / √n_splits
//! ```
//!
//! That is `CrossRegressedCorrelation` of Brain-Score (SPEC 2.1). The responses are means over repetitions; splits
//! are made in the order of their rows ([`splits`]).

use ndarray::{Array1, Array2, ArrayView2, Axis, CowArray, Ix2};
use rayon::prelude::*;

use super::features::Features;
use super::regression::Regression;
use super::regression::fold::Fold;
use crate::error::{Error, Result};
use crate::stats::correlation;
use crate::stats::splits::{self, Impossible, Size, Split};

/// Random splits of the registry's metrics.
pub const N_SPLITS: usize = 10;
/// Folds over groups.
pub const N_FOLDS: usize = 5;
/// Most splits, folds and components: what is above is a slip, and more than memory holds.
pub const MOST: usize = 100_000;
/// Share of images that a regression learns from.
pub const TRAIN_SHARE: f64 = 0.9;
/// Seed of the splits.
pub const SEED: u32 = 1;

/// Memory for splits that are computed side by side, beside features and responses; a single one may take more.
const BYTES_OF_SPLITS: usize = 1 << 30;

/// The registry's ten splits, by class where there are classes.
///
/// - `n_images`: images in the order of the responses.
/// - `classes`: class of every image, `(n_images,)`: `object_name` or `texture_type` as a number.
///
/// # Errors
/// If there are too few images, or too few in a class.
pub fn registry_splits(n_images: usize, classes: Option<&[usize]>) -> Result<Vec<Split>> {
    let size = Size::Train(TRAIN_SHARE);
    match classes {
        Some(classes) => splits::stratified(classes, N_SPLITS, size, SEED),
        None => splits::plain(n_images, N_SPLITS, size, SEED),
    }
    .map_err(impossible)
}

/// Why images cannot be split, as an error.
pub(super) fn impossible(reason: Impossible) -> Error {
    Error::data(
        "the splits of images",
        reason.to_string(),
        "give more images, or split without classes",
    )
}

/// Scores of splits and sites.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictivity {
    /// Pearson's r of every split and site, `(n_splits, n_sites)`; NaN where it is undefined.
    pub table: Array2<f64>,
    /// Median over the sites that have an r, `(n_splits,)`; NaN where none has.
    pub per_split: Array1<f64>,
    /// Mean over splits, with its sign.
    pub score: f64,
    /// Standard error over splits.
    pub error: f64,
    /// Sites without an r in at least one split: a response is not finite, or test responses or predictions are
    /// constant. They are left out of the medians of those splits.
    pub n_undefined: usize,
}

impl Predictivity {
    /// From the r of every split and site, `(n_splits, n_sites)`.
    pub fn of_table(table: Array2<f64>) -> Predictivity {
        let per_split: Array1<f64> = table
            .rows()
            .into_iter()
            .map(|row| median(row.iter().copied()))
            .collect();
        let (score, error) = mean_and_error(&per_split);
        let undefined = |site: &ndarray::ArrayView1<f64>| site.iter().any(|r| r.is_nan());
        Predictivity {
            n_undefined: table.columns().into_iter().filter(undefined).count(),
            table,
            per_split,
            score,
            error,
        }
    }

    /// Mean over splits of every site, `(n_sites,)`, without splits in which it has no r; NaN where it never has.
    pub fn per_site(&self) -> Array1<f64> {
        let mean = |site: ndarray::ArrayView1<f64>| {
            let defined: Vec<f64> = site.iter().copied().filter(|r| !r.is_nan()).collect();
            defined.iter().sum::<f64>() / defined.len() as f64
        };
        self.table.columns().into_iter().map(mean).collect()
    }
}

/// Scores a layer.
///
/// - `features`: of all images.
/// - `responses`: mean responses, `(n_images, n_sites)`. A site with a value that is not finite is left out and counted.
/// - `splits`: what is learned from and tested on; random, by groups, or a single given one.
///
/// # Errors
/// If shapes differ, a split names an image twice or one that is not there, or the regression is impossible.
pub fn predictivity(
    features: &Features,
    responses: ArrayView2<'_, f64>,
    splits: &[Split],
    regression: &Regression,
) -> Result<Predictivity> {
    check(features.n_images(), responses.nrows(), splits)?;
    let (sites, responses) = finite_columns(responses);
    let n_sites = sites.len();
    let of_split = |split: &Split| -> Result<Array1<f64>> {
        let fold = Fold {
            features,
            responses: responses.view(),
            split,
        };
        let predicted = regression.predict(&fold)?;
        let measured = responses.select(Axis(0), &split.test);
        Ok(correlation::columns(predicted.view(), measured.view()))
    };
    let mut table = Array2::from_elem((splits.len(), n_sites), f64::NAN);
    let numbers = regression.numbers_per_split(features, responses.ncols());
    let rows = in_parallel(splits, numbers, of_split)?;
    for (mut row, found) in table.rows_mut().into_iter().zip(rows) {
        let defined = row.iter_mut().zip(&sites).filter(|(_, finite)| **finite);
        defined.zip(found).for_each(|((slot, _), r)| *slot = r);
    }
    Ok(Predictivity::of_table(table))
}

/// Results of all splits in their order, as many at a time as [`BYTES_OF_SPLITS`] allow.
///
/// - `numbers`: what a split needs, in numbers of double precision.
pub(super) fn in_parallel<T: Send>(
    splits: &[Split],
    numbers: usize,
    of_split: impl Fn(&Split) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let mut found = Vec::with_capacity(splits.len());
    let at_once = BYTES_OF_SPLITS / (numbers * size_of::<f64>()).max(1);
    for some in splits.chunks(at_once.max(1)) {
        let results: Result<Vec<T>> = some.par_iter().map(&of_split).collect();
        found.extend(results?);
    }
    Ok(found)
}

/// Which sites have only finite responses, and the responses of those, `(n_images, n_finite)`.
pub(super) fn finite_columns(
    responses: ArrayView2<'_, f64>,
) -> (Vec<bool>, CowArray<'_, f64, Ix2>) {
    let mut finite = vec![true; responses.ncols()];
    for row in responses.rows() {
        let sites = finite.iter_mut().zip(row);
        sites.for_each(|(finite, value)| *finite &= value.is_finite());
    }
    let kept: Vec<usize> = (0..finite.len()).filter(|&site| finite[site]).collect();
    let responses = match kept.len() == finite.len() {
        true => CowArray::from(responses),
        false => CowArray::from(responses.select(Axis(1), &kept)),
    };
    (finite, responses)
}

/// Refuses features, responses and splits that do not belong together.
pub(super) fn check(n_images: usize, n_rows: usize, splits: &[Split]) -> Result<()> {
    if n_images != n_rows {
        return Err(Error::data(
            "features and responses",
            format!("are of {n_images} and {n_rows} images"),
            "give both for the same images, in the same order",
        ));
    }
    for (number, split) in splits.iter().enumerate() {
        let mut seen = vec![false; n_images];
        let images = split.train.iter().chain(&split.test);
        let strange = images
            .copied()
            .find(|&image| image >= n_images || std::mem::replace(&mut seen[image], true));
        if let Some(image) = strange {
            return Err(Error::data(
                format!("split {number}"),
                format!("has image {image} of {n_images} twice, or there is no such image"),
                "give splits whose parts are different images, counted from 0",
            ));
        }
        if split.train.is_empty() || split.test.is_empty() {
            return Err(Error::data(
                format!("split {number}"),
                "has nothing to learn from or to test on",
                "give splits with images in either part",
            ));
        }
    }
    Ok(())
}

/// Median of those that are numbers; the mean of the middle two of an even number, NaN of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    match n {
        0 => f64::NAN,
        _ => (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0,
    }
}

/// Mean of split scores, and their standard deviation (n, not n − 1) by the root of their number.
pub(super) fn mean_and_error(per_split: &Array1<f64>) -> (f64, f64) {
    let mean = per_split.mean().unwrap_or(f64::NAN);
    (mean, per_split.std(0.0) / (per_split.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;
    use crate::brainscore::regression::pls::Solver;

    /// Responses that the features explain in part.
    fn study(n: usize, p: usize, q: usize) -> (Array2<f64>, Array2<f64>) {
        let x = noise(n, p, 1);
        let y = x.dot(&noise(p, q, 2)) / (p as f64).sqrt() + noise(n, q, 3);
        (x, y)
    }

    fn all() -> Vec<Regression> {
        ["pls", "ridge", "ridgecv", "linear", "neuron"]
            .iter()
            .map(|name| Regression::by_name(name, Solver::Svd).unwrap())
            .collect()
    }

    #[test]
    fn undefined_sites_are_left_out_and_counted() {
        let (x, mut y) = study(60, 30, 5);
        let features = Features::new(x).unwrap();
        let splits = registry_splits(60, None).unwrap();
        for regression in all() {
            let clean = predictivity(&features, y.view(), &splits, &regression).unwrap();
            assert_eq!((clean.n_undefined, clean.table.dim()), (0, (10, 5)));
            let mut spoiled = y.select(Axis(1), &[0, 0, 1, 2, 3, 4, 0]);
            spoiled.column_mut(0).fill(2.5);
            spoiled[[7, 6]] = f64::NAN;
            let found = predictivity(&features, spoiled.view(), &splits, &regression).unwrap();
            assert_eq!(found.n_undefined, 2);
            assert!((found.score - clean.score).abs() < 1e-9, "{regression:?}");
            assert!(found.per_site()[6].is_nan());
            assert!((found.per_site()[3] - clean.per_site()[2]).abs() < 1e-9);
            spoiled.row_mut(1).fill(f64::INFINITY);
            let none = predictivity(&features, spoiled.view(), &splits, &regression).unwrap();
            assert!(none.score.is_nan() && none.n_undefined == 7);
        }
        y.fill(1.0);
        let found = predictivity(&features, y.view(), &splits, &all()[1]).unwrap();
        assert!(found.score.is_nan() && found.n_undefined == 5);
    }

    #[test]
    fn scores_are_medians_and_means() {
        let table = ndarray::array![[0.1, f64::NAN, 0.3, 0.9], [0.2, 0.4, 0.5, 0.5]];
        let found = Predictivity::of_table(table);
        assert_eq!(found.per_split, ndarray::array![0.3, 0.45]);
        assert!((found.score - 0.375).abs() < 1e-15);
        assert!((found.error - 0.075 / 2.0_f64.sqrt()).abs() < 1e-15);
        assert_eq!(found.n_undefined, 1);
    }

    #[test]
    fn reverse_is_the_roles_exchanged() {
        let (x, y) = study(60, 70, 30);
        let features = Features::new(y).unwrap();
        let splits = registry_splits(60, None).unwrap();
        let found = predictivity(&features, x.view(), &splits, &all()[0]).unwrap();
        assert_eq!(found.table.dim(), (10, 70));
        assert!(found.score > 0.1);
    }

    #[test]
    fn threads_change_nothing() {
        let (x, y) = study(80, 300, 6);
        let splits = registry_splits(80, None).unwrap();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let features = Features::new(x.clone()).unwrap();
                all()
                    .iter()
                    .map(|r| predictivity(&features, y.view(), &splits, r).unwrap().table)
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let (x, y) = study(20, 30, 2);
        let features = Features::new(x).unwrap();
        let ridge = Regression::Ridge { alpha: 1.0 };
        let refused = |rows: usize, train: &[usize], test: &[usize]| {
            let split = Split {
                train: train.to_vec(),
                test: test.to_vec(),
            };
            let responses = y.slice(ndarray::s![..rows, ..]);
            predictivity(&features, responses, &[split], &ridge)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(19, &[0, 1], &[2, 3]).contains("20 and 19"));
        assert!(refused(20, &[0, 1], &[1, 3]).contains("image 1 of 20"));
        assert!(refused(20, &[0, 1], &[20]).contains("image 20"));
        assert!(refused(20, &[0, 1], &[]).contains("nothing to learn"));
    }
}
