//! A readout as weights on units, kept in a folder to be used again.
//!
//! ```text
//! p = softmax(((x − mean) / scale) W + b)
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `objects.csv` | names of the objects in the order of columns: `object_name` |
//! | `W.npy` | `W`, `(n_units, n_objects)` |
//! | `b.npy` | `b`, `(n_objects,)` |
//! | `mean.npy`, `scale.npy` | mean and standard deviation (n; 1 for a constant unit) over the learned images, `(n_units,)` |
//! | `readout.json` | how it was made; written last, so that it vouches for the others ([`io::atomic`](crate::io::atomic)) |
//!
//! Arrays are of double precision. Units are in the order of the features: those of an array flattened row by row.

use std::path::Path;

use ndarray::{Array, Array1, Array2, Axis, Dimension, s};

use super::logistic::softmax;
use super::span::standardised;
use crate::brainscore::features::Features;
use crate::brainscore::gram;
use crate::error::{Error, Result};
use crate::io::atomic::Batch;
use crate::io::npy;
use crate::io::table::{self, Table};
use crate::ridge::linalg;

/// Name of the record of how a readout was made.
pub const RECORD: &str = "readout.json";
/// Name of the file of the weights, which a folder of results without a readout lacks.
pub const WEIGHTS: &str = "W.npy";

/// Column of the objects' names.
const OBJECT: &str = "object_name";

/// A readout without the images that it learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Names of the objects, `(n_objects,)`.
    pub objects: Vec<String>,
    /// Of every unit over the learned images, `(n_units,)`.
    pub mean: Array1<f64>,
    /// Standard deviation (n) of every unit over the learned images, 1 where constant, `(n_units,)`.
    pub scale: Array1<f64>,
    /// `W`, `(n_units, n_objects)`.
    pub weights: Array2<f64>,
    /// `b`, `(n_objects,)`.
    pub intercept: Array1<f64>,
}

/// What is known of a readout at the optimum of its objective.
pub(super) struct Optimum<'a> {
    /// Names of the objects, `(n_objects,)`.
    pub objects: &'a [String],
    /// Rows of the features that were learned, `(n_learned,)`.
    pub learned: &'a [usize],
    /// `P − Y`: their probabilities, less 1 at the true objects, `(n_learned, n_objects)`.
    pub errors: Array2<f64>,
    /// `b`, `(n_objects,)`.
    pub intercept: Array1<f64>,
    /// `C`.
    pub c: f64,
}

impl Weights {
    /// `W = −C X̃ᵀ (P − Y)`: there the gradient of the objective vanishes.
    ///
    /// - `features`: those that were learned from, with their values.
    pub(super) fn at(optimum: Optimum, features: &Features) -> Weights {
        let n_units = features.n_units();
        let mut found = Weights {
            objects: optimum.objects.to_vec(),
            mean: Array1::zeros(n_units),
            scale: Array1::zeros(n_units),
            weights: Array2::zeros((n_units, optimum.objects.len())),
            intercept: optimum.intercept,
        };
        for units in gram::blocks(n_units) {
            let block = standardised(features, units.clone(), optimum.learned);
            let x = block.values.select(Axis(0), optimum.learned);
            let of_block = linalg::transpose_product(x.view(), optimum.errors.view()) * -optimum.c;
            let rows = s![units.clone(), ..];
            found.weights.slice_mut(rows).assign(&of_block);
            found.mean.slice_mut(s![units.clone()]).assign(&block.mean);
            found.scale.slice_mut(s![units]).assign(&block.scale);
        }
        found
    }

    /// Probability of every object, `(n_images, n_objects)`.
    ///
    /// # Errors
    /// If the features come without values, or are of another number of units.
    pub fn probabilities(&self, features: &Features) -> Result<Array2<f64>> {
        let refuse = |problem: String, remedy: &str| Error::data("the readout", problem, remedy);
        if features.n_units() != self.mean.len() {
            let (known, given) = (self.mean.len(), features.n_units());
            let problem = format!("learned from {known} units, the features have {given}");
            return Err(refuse(problem, "give features of the same layer"));
        }
        let mean = self.mean.to_vec();
        let mut logits = Array2::zeros((features.n_images(), self.objects.len()));
        for units in gram::blocks(mean.len()) {
            let mut x = features.block_less(units.clone(), &mean).ok_or_else(|| {
                let problem = "needs the values of the units".to_owned();
                refuse(problem, "give more `--memory`")
            })?;
            x /= &self.scale.slice(s![units.clone()]);
            logits += &linalg::transpose_product(x.t(), self.weights.slice(s![units, ..]));
        }
        Ok(softmax(&(logits + &self.intercept)))
    }

    /// Adds the files of a folder to a batch, in which [`RECORD`] is to come last.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn add_to(&self, batch: &mut Batch, folder: &Path) -> Result<()> {
        let rows = self.objects.iter().map(|object| vec![object.clone()]);
        let objects = table::encode([OBJECT], rows);
        batch.add(folder.join("objects.csv"), &objects)?;
        for (name, bytes) in [
            (WEIGHTS, npy::encode(&self.weights)),
            ("b.npy", npy::encode(&self.intercept)),
            ("mean.npy", npy::encode(&self.mean)),
            ("scale.npy", npy::encode(&self.scale)),
        ] {
            batch.add(folder.join(name), &bytes)?;
        }
        Ok(())
    }

    /// Reads the files of a folder.
    ///
    /// # Errors
    /// If one cannot be read, holds a number that is not finite or a scale that is not above 0, shapes do not fit
    /// together, or the record is not there: then the files may be of two readouts.
    pub fn read(folder: &Path) -> Result<Weights> {
        if folder.is_dir() && !folder.join(RECORD).exists() {
            let problem = format!("has no `{RECORD}`: what is there may be of an interrupted run");
            return Err(Error::file(folder, problem, REMEDY));
        }
        let objects = Table::read(folder.join("objects.csv"))?;
        let objects: Vec<String> = (objects.keys(objects.find(OBJECT)?)?)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let weights: Array2<f64> = array(&folder.join(WEIGHTS))?;
        let (n_units, n_objects) = (weights.nrows(), objects.len());
        let vector = |name: &str, n: usize| -> Result<Array1<f64>> {
            let path = folder.join(name);
            let found: Array1<f64> = array(&path)?;
            match found.len() == n {
                true => Ok(found),
                false => Err(misfit(&path, &format!("{} numbers, not {n}", found.len()))),
            }
        };
        if weights.ncols() != n_objects {
            let shape = format!("{} columns for {n_objects} objects", weights.ncols());
            return Err(misfit(&folder.join(WEIGHTS), &shape));
        }
        let scale = vector("scale.npy", n_units)?;
        if scale.iter().any(|&scale| scale <= 0.0) {
            return Err(misfit(
                &folder.join("scale.npy"),
                "a scale that is not above 0",
            ));
        }
        Ok(Weights {
            mean: vector("mean.npy", n_units)?,
            scale,
            intercept: vector("b.npy", n_objects)?,
            weights,
            objects,
        })
    }
}

fn array<D: Dimension>(path: &Path) -> Result<Array<f64, D>> {
    let array = npy::read(path)?;
    if array.iter().any(|value| !value.is_finite()) {
        return Err(misfit(path, "a number that is not finite"));
    }
    let shape = array.shape().to_vec();
    let fits = array.into_dimensionality();
    fits.map_err(|_| misfit(path, &format!("the shape {shape:?}")))
}

/// What to do about files that are no readout.
const REMEDY: &str = "make the readout again with `bhscore readout --out`";

fn misfit(path: &Path, what: &str) -> Error {
    Error::file(path, format!("has {what}"), REMEDY)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests may")]
mod tests {
    use super::*;
    use crate::brainscore::behaviour::readout::{Labelled, Penalty, Readout};
    use crate::brainscore::noise;

    /// A readout of ten of 14 images and its weights, of more units than images or fewer.
    fn fitted(n_units: usize) -> (Features, Readout, Weights) {
        let mut x = noise(14, n_units, 3) * 2.0 + 1.0;
        x.column_mut(1).fill(0.25);
        let features = Features::new(x).unwrap();
        let images: Vec<usize> = (0..10).collect();
        let classes: Vec<usize> = (0..10).map(|image| image % 3).collect();
        let known = Labelled {
            images: &images,
            classes: &classes,
            n_classes: 3,
        };
        let penalty = Penalty {
            c: 0.05,
            ..Penalty::default()
        };
        let readout = Readout::fit(&features, known, penalty).unwrap();
        let mut errors = readout.probabilities(&images);
        for (image, class) in classes.iter().enumerate() {
            errors[[image, *class]] -= 1.0;
        }
        let optimum = Optimum {
            objects: &["a", "b", "c"].map(str::to_owned),
            learned: &images,
            errors,
            intercept: readout.intercept(),
            c: 0.05,
        };
        let weights = Weights::at(optimum, &features);
        (features, readout, weights)
    }

    #[test]
    fn weights_give_the_probabilities_of_the_readout() {
        for n_units in [6, 40, 1300] {
            let (features, readout, weights) = fitted(n_units);
            let all: Vec<usize> = (0..14).collect();
            let expected = readout.probabilities(&all);
            let difference = weights.probabilities(&features).unwrap() - expected;
            // The optimum is met to some 1e-11 in probability.
            assert!(difference.iter().all(|d| d.abs() < 1e-9), "{n_units}");
        }
    }

    #[test]
    fn a_folder_is_read_as_it_was_written() {
        let (_, _, weights) = fitted(6);
        let folder = tempfile::tempdir().unwrap();
        let mut batch = Batch::new();
        weights.add_to(&mut batch, folder.path()).unwrap();
        batch.commit().unwrap();
        // Without the record the run that wrote them did not come to its end.
        let told = Weights::read(folder.path()).unwrap_err().to_string();
        assert!(told.contains("has no `readout.json`"), "{told}");
        std::fs::write(folder.path().join(RECORD), "{}").unwrap();
        assert_eq!(Weights::read(folder.path()).unwrap(), weights);
        let other = Features::new(noise(3, 5, 1)).unwrap();
        assert!(weights.probabilities(&other).is_err());
        let mut nan = weights.scale.clone();
        nan[2] = f64::NAN;
        std::fs::write(folder.path().join("scale.npy"), npy::encode(&nan)).unwrap();
        let told = Weights::read(folder.path()).unwrap_err().to_string();
        assert!(told.contains("scale.npy") && told.contains("not finite"));
        nan[2] = 0.0;
        std::fs::write(folder.path().join("scale.npy"), npy::encode(&nan)).unwrap();
        let told = Weights::read(folder.path()).unwrap_err().to_string();
        assert!(told.contains("scale.npy") && told.contains("not above 0"));
        let bytes = npy::encode(&Array1::zeros(5));
        std::fs::write(folder.path().join("scale.npy"), bytes).unwrap();
        let told = Weights::read(folder.path()).unwrap_err().to_string();
        assert!(told.contains("5 numbers, not 6"), "{told}");
    }
}
