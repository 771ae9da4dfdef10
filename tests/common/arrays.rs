//! Golden arrays that NumPy wrote, and how far from them numbers are.

use std::fs::File;
use std::path::Path;

use ndarray::{Array, Array1, Array2, Dimension, Ix1};
use ndarray_npy::{NpzReader, ReadableElement};

/// The arrays of an `.npz` file.
pub struct Golden(NpzReader<File>);

impl Golden {
    /// - `path`: below `tests/`.
    pub fn open(path: &str) -> Golden {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(path);
        Golden(NpzReader::new(File::open(path).unwrap()).unwrap())
    }

    pub fn array<T: ReadableElement, D: Dimension>(&mut self, name: &str) -> Array<T, D> {
        self.0.by_name(name).unwrap()
    }

    pub fn matrix(&mut self, name: &str) -> Array2<f64> {
        self.array(name)
    }

    pub fn single(&mut self, name: &str) -> Array2<f32> {
        self.array(name)
    }

    pub fn vector(&mut self, name: &str) -> Array1<f64> {
        self.array(name)
    }

    pub fn numbers(&mut self, name: &str) -> Vec<i64> {
        self.array::<i64, Ix1>(name).to_vec()
    }

    pub fn indices(&mut self, name: &str) -> Vec<usize> {
        let numbers = self.numbers(name);
        numbers.into_iter().map(|value| value as usize).collect()
    }
}

/// Largest difference; both NaN is none.
pub fn furthest<'a>(
    a: impl IntoIterator<Item = &'a f64>,
    b: impl IntoIterator<Item = &'a f64>,
) -> f64 {
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
