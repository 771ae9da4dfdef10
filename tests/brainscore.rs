//! The metrics of Brain-Score against scikit-learn and SciPy: `scripts/make_brainscore_golden.py` made the arrays.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use bhscore::brainscore::ceiling::{self, Presentations};
use bhscore::brainscore::features::Features;
use bhscore::brainscore::normalise::Normalise;
use bhscore::brainscore::pca::Pca;
use bhscore::brainscore::predictivity::{predictivity, registry_splits};
use bhscore::brainscore::rdm::{self, Rdm};
use bhscore::brainscore::regression::fold::Fold;
use bhscore::brainscore::regression::pls::{N_COMPONENTS, Solver};
use bhscore::brainscore::regression::{Regression, ridge_cv};
use bhscore::brainscore::reliability;
use bhscore::brainscore::rsa;
use bhscore::stats::legacy_random::LegacyRandom;
use bhscore::stats::splits::{self, Size, Split};
use ndarray::{Array1, Array2, Array3, Axis};

use common::arrays::{Golden, furthest};

/// More units than images or fewer, steep spectra, more sites than images or units, a single one.
const STUDIES: [&str; 6] = ["long", "wide", "steep", "sites", "reverse", "single"];

#[test]
fn predictions_are_those_of_scikit_learn() {
    let mut golden = Golden::open("brainscore/regressions.npz");
    let pls = |solver| Regression::Pls {
        n_components: N_COMPONENTS,
        solver,
    };
    let by_name = |name| Regression::by_name(name, Solver::Svd).unwrap();
    for study in STUDIES {
        let x = golden.single(&format!("{study}_x"));
        let y = golden.matrix(&format!("{study}_y"));
        let features = Features::new(x).unwrap();
        let split = splits::plain(y.nrows(), 1, Size::Train(0.9), 1)
            .unwrap()
            .remove(0);
        let fold = Fold {
            features: &features,
            responses: y.view(),
            split: &split,
        };
        for (key, regression, tolerance) in [
            // T10: the same iteration, but for rounding.
            ("nipals", pls(Solver::Nipals), 1e-9),
            // T10: the reference moves by less than 1e-9 in its last step, the converged vector by none.
            ("svd", pls(Solver::Svd), 1e-6),
            // Solutions of one system, in double precision.
            ("ridge", by_name("ridge"), 1e-10),
            ("ridgecv", by_name("ridgecv"), 1e-10),
            // Condition numbers up to 1e4 in `steep`, squared where products of images are used.
            ("linear", by_name("linear"), 1e-8),
            ("neuron", by_name("neuron"), 0.0),
        ] {
            let found = regression.predict(&fold).unwrap();
            let error = furthest(&found, &golden.matrix(&format!("{study}_{key}")));
            eprintln!("{study} {key}: {error:.1e}");
            assert!(error <= tolerance, "{study} {key}: {error:e}");
        }
        let (_, alpha) = ridge_cv::predict(&fold, &ridge_cv::alphas()).unwrap();
        assert_eq!(alpha, golden.vector(&format!("{study}_alpha"))[0]);
    }
}

/// T10: products of images instead of units, from values that are there or not.
#[test]
fn products_of_images_stand_for_units() {
    let mut golden = Golden::open("brainscore/regressions.npz");
    for study in ["long", "wide", "steep"] {
        let (x, y) = (
            golden.single(&format!("{study}_x")),
            golden.matrix(&format!("{study}_y")),
        );
        let wide = x.mapv(f64::from);
        let with_values = Features::new(x).unwrap();
        let products = Features::from_gram(wide.dot(&wide.t()).view(), wide.ncols());
        let split = splits::plain(y.nrows(), 1, Size::Train(0.9), 1)
            .unwrap()
            .remove(0);
        let predict = |features: &Features, regression: &Regression| {
            let fold = Fold {
                features,
                responses: y.view(),
                split: &split,
            };
            regression.predict(&fold).unwrap()
        };
        // T10; least squares loses twice the digits of a condition number of 1e4.
        for (name, tolerance) in [("pls", 1e-10), ("ridge", 1e-10), ("linear", 1e-8)] {
            let regression = Regression::by_name(name, Solver::Svd).unwrap();
            let (one, other) = (
                predict(&with_values, &regression),
                predict(&products, &regression),
            );
            let size = one
                .iter()
                .fold(0.0_f64, |most, value| most.max(value.abs()));
            let error = furthest(&one, &other) / size;
            eprintln!("{study} {name}: {error:.1e}");
            assert!(error < tolerance, "{study} {name}: {error:e}");
        }
    }
}

/// T12: from recordings with repetitions to the ceiled score.
#[test]
fn the_whole_metric_is_the_recipe() {
    let mut golden = Golden::open("brainscore/metric.npz");
    let features = Features::new(golden.single("x")).unwrap();
    let responses = golden.matrix("responses");
    let (stimulus, repetition) = (golden.indices("stimulus"), golden.numbers("repetition"));
    let data = Presentations {
        responses: responses.view(),
        stimulus: &stimulus,
        repetition: &repetition,
    };
    let mean = data.means(|_| true);
    let splits = registry_splits(features.n_images(), Some(&golden.indices("classes"))).unwrap();
    let nipals = Regression::by_name("pls", Solver::Nipals).unwrap();
    let found = predictivity(&features, mean.view(), &splits, &nipals).unwrap();
    let error = furthest(&found.table, &golden.matrix("table"));
    eprintln!("table: {error:.1e}");
    assert!(error < 1e-9, "{error:e}");
    assert_eq!(found.n_undefined, 1);
    let ceiling = ceiling::split_half(&data).unwrap().unwrap();
    let error = furthest(&ceiling.table, &golden.matrix("halves"));
    eprintln!("ceiling: {error:.1e}");
    assert!(error < 1e-12, "{error:e}");
    let scores = [found.score, found.error, ceiling.raw, ceiling.error];
    let expected = [
        golden.vector("score").to_vec(),
        golden.vector("ceiling").to_vec(),
    ]
    .concat();
    assert!(furthest(&scores, &expected) < 1e-9);
    let ceiled = Normalise::R2OverC.apply(found.score, found.error, ceiling.value);
    assert!(furthest(&[ceiled.value, ceiled.error], &golden.vector("ceiled")) < 1e-9);
    // The converged solver is near the published one, and not the same.
    let svd = Regression::by_name("pls", Solver::Svd).unwrap();
    let converged = predictivity(&features, mean.view(), &splits, &svd).unwrap();
    let difference = (converged.score - found.score).abs();
    assert!(difference > 1e-9 && difference < 5e-3, "{difference:e}");
    let folds = splits::group_k_fold(&golden.indices("groups"), 5).unwrap();
    let grouped = predictivity(&features, mean.view(), &folds, &nipals).unwrap();
    assert!(furthest(&grouped.table, &golden.matrix("grouped")) < 1e-9);
}

/// T13: over many studies the ceilings are what signal and noise were made with.
#[test]
fn ceilings_recover_the_reliability_that_was_built_in() {
    let (n_stimuli, n_repetitions, n_sites, n_studies) = (120, 6, 15, 24);
    for sd in [0.5, 1.0, 3.0] {
        let expected = 1.0 / (1.0 + sd * sd / n_repetitions as f64);
        let of_study = |seed: u32| {
            let mut random = LegacyRandom::seed(seed);
            let mut noise =
                |shape| Array2::from_shape_simple_fn(shape, || random.standard_normal());
            let signal: Array2<f64> = noise((n_stimuli, n_sites));
            let errors: Array2<f64> = noise((n_stimuli * n_repetitions, n_sites));
            let stimulus: Vec<usize> = (0..errors.nrows()).map(|row| row % n_stimuli).collect();
            let repetition: Vec<i64> = (0..errors.nrows())
                .map(|row| (row / n_stimuli) as i64)
                .collect();
            let responses = signal.select(Axis(0), &stimulus) + errors * sd;
            let data = Presentations {
                responses: responses.view(),
                stimulus: &stimulus,
                repetition: &repetition,
            };
            let halves = ceiling::split_half(&data).unwrap().unwrap().value;
            [
                halves,
                reliability::by_variance(&data).unwrap().unwrap().value,
            ]
        };
        let found: Vec<[f64; 2]> = (0..n_studies).map(of_study).collect();
        for estimator in 0..2 {
            let values: Array1<f64> = found.iter().map(|one| one[estimator]).collect();
            let error = values.std(1.0) / f64::from(n_studies).sqrt();
            let mean = values.mean().unwrap();
            // 3 standard errors of the mean over studies; either estimate is biased by about 1/n_stimuli of 1 − c.
            let most = 3.0 * error + (1.0 - expected) / n_stimuli as f64;
            assert!(
                (mean - expected).abs() < most,
                "{sd} {estimator}: {mean} {expected} {error}"
            );
        }
    }
}

/// T11.
#[test]
fn components_are_those_of_the_full_decomposition() {
    let mut golden = Golden::open("brainscore/components.npz");
    let images = Features::new(golden.single("images")).unwrap();
    let others = Features::new(golden.single("others")).unwrap();
    let pca = Pca::fit(&images, 1000).unwrap();
    let found = pca.project(&others).unwrap();
    let expected = golden.matrix("scores");
    assert_eq!(found.dim(), expected.dim());
    let mut most = 0.0_f64;
    for (found, expected) in found.columns().into_iter().zip(expected.columns()) {
        let sign = found.dot(&expected).signum();
        most = most.max(furthest(&found.mapv(|value| sign * value), expected));
    }
    eprintln!("scores: {most:.1e}");
    // T11, of scores up to 100.
    assert!(most < 1e-8, "{most:e}");
    let variances = golden.vector("variances");
    assert!(furthest(&pca.variances, &variances) < 1e-10);
}

#[test]
fn similarities_are_those_of_scipy() {
    let mut golden = Golden::open("brainscore/similarity.npz");
    let model = Rdm::of(&Features::new(golden.single("x")).unwrap()).unwrap();
    assert!(furthest(model.matrix(), &golden.matrix("rdm")) < 1e-12);
    let responses: Array3<f64> = golden.array("subjects");
    let of_subject = |values: Array2<f64>| Rdm::of(&Features::new(values).unwrap()).unwrap();
    let subjects: Vec<Rdm> = responses
        .axis_iter(Axis(0))
        .map(|values| of_subject(values.to_owned()))
        .collect();
    let score = rsa::score(&model, &subjects).unwrap();
    assert!(furthest(&score.per_subject, &golden.vector("per_subject")) < 1e-12);
    let ceiling = rsa::ceiling(&subjects).unwrap();
    assert!(furthest(&ceiling.upper.per_subject, &golden.vector("upper")) < 1e-12);
    assert!(furthest(&ceiling.lower.per_subject, &golden.vector("lower")) < 1e-12);
    let splits: Vec<Split> = rdm::registry_splits(40, None).unwrap();
    let found = rdm::cross_validated(&model, &subjects[0], &splits).unwrap();
    assert!(furthest(&found.per_split, &golden.vector("cross_validated")) < 1e-12);
}
