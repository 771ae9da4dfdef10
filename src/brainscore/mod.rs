//! The Brain-Score family over local files: how well a network's layers predict recordings, site by site.
//!
//! | file | holds |
//! |---|---|
//! | [`features`] | what a model says about every image: units' values, or their products |
//! | [`gram`] | products of rows over many columns, a block at a time |
//! | [`regression`] | from units to responses: partial least squares, ridge, the best unit |
//! | [`result`] | what `score` leaves of one model and benchmark in `results/brainscore/` |

pub mod features;
pub mod gram;
pub mod regression;
pub mod result;

/// Normal numbers for tests, `(rows, columns)`.
#[cfg(test)]
fn noise(rows: usize, columns: usize, seed: u32) -> ndarray::Array2<f64> {
    let mut random = crate::stats::legacy_random::LegacyRandom::seed(seed);
    ndarray::Array2::from_shape_simple_fn((rows, columns), || random.standard_normal())
}
