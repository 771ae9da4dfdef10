//! Behaviour and tuning properties against scikit-learn, SciPy and NumPy: `scripts/make_behaviour_golden.py` made the
//! arrays.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs::File;
use std::path::Path;

use bhscore::brainscore::behaviour::choices::FalseAlarms;
use bhscore::brainscore::behaviour::consistency::consistency;
use bhscore::brainscore::behaviour::readout::{Labelled, Penalty, Readout, top};
use bhscore::brainscore::behaviour::signature::Signature;
use bhscore::brainscore::behaviour::trials::{Trial, Trials};
use bhscore::brainscore::features::Features;
use ndarray::{Array, Array1, Array2, Dimension, Ix1, Ix2};
use ndarray_npy::{NpzReader, ReadableElement};

struct Golden(NpzReader<File>);

impl Golden {
    fn open(name: &str) -> Golden {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviour");
        Golden(NpzReader::new(File::open(folder.join(name)).unwrap()).unwrap())
    }

    fn array<T: ReadableElement, D: Dimension>(&mut self, name: &str) -> Array<T, D> {
        self.0.by_name(name).unwrap()
    }

    fn matrix(&mut self, name: &str) -> Array2<f64> {
        self.array(name)
    }

    fn vector(&mut self, name: &str) -> Array1<f64> {
        self.array(name)
    }

    fn indices(&mut self, name: &str) -> Vec<usize> {
        let numbers: Array<i64, Ix1> = self.array(name);
        numbers.into_iter().map(|value| value as usize).collect()
    }
}

/// Largest difference; both NaN is none.
fn furthest<'a>(a: impl IntoIterator<Item = &'a f64>, b: impl IntoIterator<Item = &'a f64>) -> f64 {
    let difference = |(a, b): (&f64, &f64)| match a.is_nan() && b.is_nan() {
        true => 0.0,
        false => (a - b).abs(),
    };
    // NaN on one side only is no small difference.
    a.into_iter()
        .zip(b)
        .map(difference)
        .fold(0.0, |most, d| match d <= most {
            true => most,
            false => d,
        })
}

/// T16. The reference stops at a gradient of 1e-12 relative; probabilities then agree to rounding.
#[test]
fn readouts_are_scikit_learns() {
    let mut golden = Golden::open("readouts.npz");
    for (study, c) in [("wide", 1e-3), ("narrow", 1e-3), ("weak", 1.0)] {
        let x: Array<f32, Ix2> = golden.array(&format!("{study}_x"));
        let classes = golden.indices(&format!("{study}_classes"));
        let expected = golden.matrix(&format!("{study}_p"));
        let (n_images, n_classes) = (x.nrows(), expected.ncols());
        let images: Vec<usize> = (0..n_images).collect();
        let (fitted, asked) = images.split_at(n_images - expected.nrows());
        let known = Labelled {
            images: fitted,
            classes: &classes[..fitted.len()],
            n_classes,
        };
        let penalty = Penalty {
            c,
            ..Penalty::default()
        };
        let readout = Readout::fit(&Features::new(x).unwrap(), known, penalty).unwrap();
        let found = readout.probabilities(asked);
        let error = furthest(&found, &expected);
        eprintln!("{study}: {error:.1e}");
        assert!(error < 1e-8, "{study}: {error:e}");
        let truth = &classes[fitted.len()..];
        assert!(top(found.view(), truth, 1) > 1.0 / n_classes as f64);
        assert_eq!(top(found.view(), truth, n_classes), 1.0);
    }
}

/// T16: signatures, raw scores, ceilings and their quotient, repetition by repetition.
#[test]
fn consistency_is_that_of_the_recipe() {
    let mut golden = Golden::open("consistency.npz");
    let truth = golden.indices("truth");
    let probabilities = golden.matrix("model");
    let rows: Array<i64, Ix2> = golden.array("trials");
    let number = |value: i64| value as usize;
    let names = |n: usize| (0..n).map(|name| format!("{name:03}")).collect();
    let trials = Trials {
        images: names(truth.len()),
        objects: names(probabilities.ncols()),
        truth: truth.clone(),
        trials: rows
            .rows()
            .into_iter()
            .map(|row| Trial {
                image: number(row[0]),
                distractor: number(row[1]),
                choice: number(row[2]),
            })
            .collect(),
    };
    let model = FalseAlarms::of_probabilities(probabilities.view(), &truth).unwrap();
    for signature in Signature::ALL {
        let expected = golden.matrix(&format!("signature_{signature}"));
        let error = furthest(&signature.of(&model), &expected);
        assert!(error < 1e-12, "{signature}: {error:e}");
        let found = consistency(&model, &trials, signature).unwrap();
        let expected = golden.matrix(&format!("result_{signature}"));
        for (column, values) in [&found.raws, &found.ceilings, &found.ceiled]
            .into_iter()
            .enumerate()
        {
            let error = furthest(values, &expected.column(column));
            eprintln!("{signature} {column}: {error:.1e}");
            assert!(error < 1e-12, "{signature} {column}: {error:e}");
        }
        let mean = expected.column(2).mean().unwrap();
        assert!((found.score().value - mean).abs() < 1e-12);
    }
}
