//! Behavioural signatures: d′ by image or by object, against every distractor or against all of them together
//! (Rajalingham, Issa et al. 2018, J. Neurosci. 38, 7255–7269; SPEC 2.12, steps 3 to 5).
//!
//! | key | a cell is | shape |
//! |---|---|---|
//! | `i2` | image × distractor | `(n_images, n_objects)` |
//! | `i2n` | the same, less the mean over images with that object | `(n_images, n_objects)` |
//! | `i1` | image; mean of `i2` over distractors | `(n_images, 1)` |
//! | `i1n` | image; mean of `i2n` over distractors | `(n_images, 1)` |
//! | `o2` | object × distractor | `(n_objects, n_objects)` |
//! | `o1` | object; mean of `o2` over distractors | `(n_objects, 1)` |
//!
//! Cells without a value are NaN; means go without them.

use std::fmt;
use std::str::FromStr;

use ndarray::{Array2, Axis};

use super::choices::FalseAlarms;
use super::dprime;
use super::trials::Trials;
use crate::nearest;

/// Which signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signature {
    /// Of images.
    I1,
    /// Of images, beyond what their objects explain.
    I1n,
    /// Of images and distractors.
    I2,
    /// Of images and distractors, beyond what the objects explain; the registry's benchmark.
    #[default]
    I2n,
    /// Of objects.
    O1,
    /// Of objects and distractors.
    O2,
}

impl Signature {
    /// All of them.
    pub const ALL: [Signature; 6] = [
        Signature::I1,
        Signature::I1n,
        Signature::I2,
        Signature::I2n,
        Signature::O1,
        Signature::O2,
    ];

    /// Its key in settings and results.
    pub fn key(self) -> &'static str {
        match self {
            Signature::I1 => "i1",
            Signature::I1n => "i1n",
            Signature::I2 => "i2",
            Signature::I2n => "i2n",
            Signature::O1 => "o1",
            Signature::O2 => "o2",
        }
    }

    /// Of these false alarms; shapes are those of the table above.
    pub fn of(self, alarms: &FalseAlarms) -> Array2<f64> {
        let images = || dprime::of_images(alarms);
        match self {
            Signature::I1 => over_distractors(&images()),
            Signature::I1n => over_distractors(&less_objects(images(), &alarms.truth)),
            Signature::I2 => images(),
            Signature::I2n => less_objects(images(), &alarms.truth),
            Signature::O1 => over_distractors(&dprime::of_objects(alarms)),
            Signature::O2 => dprime::of_objects(alarms),
        }
    }
}

impl Signature {
    /// What a cell is of, in words.
    ///
    /// # Panics
    /// If the signature of these trials has no such cell.
    #[track_caller]
    pub(super) fn name_of(self, (row, column): (usize, usize), trials: &Trials) -> String {
        let row = match self {
            Signature::O1 | Signature::O2 => format!("object `{}`", trials.objects[row]),
            _ => format!("image `{}`", trials.images[row]),
        };
        match self {
            Signature::I2 | Signature::I2n | Signature::O2 => {
                format!("{row} against `{}`", trials.objects[column])
            }
            _ => row,
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl FromStr for Signature {
    type Err = String;

    fn from_str(key: &str) -> Result<Signature, String> {
        let known = Signature::ALL.iter().find(|one| one.key() == key);
        known.copied().ok_or_else(|| {
            let keys = Signature::ALL.map(Signature::key);
            format!("`{key}` is not one of {}", nearest::quoted(keys))
        })
    }
}

/// Less the mean of every object and distractor over the images with that object.
fn less_objects(mut cells: Array2<f64>, truth: &[usize]) -> Array2<f64> {
    let n_objects = cells.ncols();
    for object in 0..n_objects {
        let images: Vec<usize> = (0..truth.len()).filter(|&i| truth[i] == object).collect();
        for mut column in cells.columns_mut() {
            let mean = mean(images.iter().map(|&image| column[image]));
            images.iter().for_each(|&image| column[image] -= mean);
        }
    }
    cells
}

/// Mean of every row, `(n_rows, 1)`.
fn over_distractors(cells: &Array2<f64>) -> Array2<f64> {
    cells
        .map_axis(Axis(1), |row| mean(row.iter().copied()))
        .insert_axis(Axis(1))
}

/// Of those that are numbers; NaN of none.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values
        .filter(|value| !value.is_nan())
        .fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> FalseAlarms {
        let [model, _] = super::super::golden();
        model
    }

    #[test]
    fn published_images_have_the_published_signature() {
        let i1 = Signature::I1.of(&golden());
        let expected = [1.536300, 1.021064, 1.419457, 1.890949, 1.656190, 1.535266];
        for (found, expected) in i1.iter().zip(expected) {
            assert!((found - expected).abs() < 5e-7, "{found} {expected}");
        }
        let i2n = Signature::I2n.of(&golden());
        assert!(i2n[[0, 0]].is_nan());
        assert!((i2n[[0, 1]] - 0.223035).abs() < 5e-7 && (i2n[[0, 2]] - 0.292200).abs() < 5e-7);
    }

    #[test]
    fn normalised_signatures_have_mean_zero_by_object() {
        let i2n = Signature::I2n.of(&golden());
        assert!((i2n[[2, 0]] + i2n[[3, 0]]).abs() < 1e-14);
        let (i1n, i2n) = (Signature::I1n.of(&golden()), i2n);
        assert_eq!(i1n.dim(), (6, 1));
        assert!((i1n[[4, 0]] - (i2n[[4, 0]] + i2n[[4, 1]]) / 2.0).abs() < 1e-15);
        assert_eq!(Signature::O1.of(&golden()).dim(), (3, 1));
        assert!(Signature::O2.of(&golden())[[1, 1]].is_nan());
    }

    #[test]
    fn keys_are_read_back() {
        for one in Signature::ALL {
            assert_eq!(one.key().parse::<Signature>().unwrap(), one);
        }
        assert!("i3".parse::<Signature>().unwrap_err().contains("`i2n`"));
    }
}
