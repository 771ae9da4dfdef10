//! Which samples have the same target: presentations of one image.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView2, Axis};

/// Entries of a row that its first comparison looks at.
const PROBED: usize = 16;

/// Targets without their repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeats {
    /// Different rows in the order of their first appearance, `(n_rows, n_targets)`.
    pub rows: Array2<f64>,
    /// Which of them each sample has, `(n_samples,)`.
    pub row_of: Vec<usize>,
}

/// Finds equal rows of `targets`, `(n_samples, n_targets)`.
///
/// Rows are equal when all their bits are (so NaN equals itself, and 0 differs from −0: a row more,
/// never a wrong result). Rows are told apart by a few entries first, so that the whole matrix is
/// read about twice.
pub fn find(targets: ArrayView2<f64>) -> Repeats {
    let targets = targets.as_standard_layout();
    let step = (targets.ncols() / PROBED).max(1);
    let mut by_probe: HashMap<Vec<u64>, Vec<usize>> = HashMap::new();
    let mut first_samples: Vec<usize> = Vec::new();
    let mut row_of = Vec::with_capacity(targets.nrows());
    for (sample, row) in targets.rows().into_iter().enumerate() {
        let probe = row
            .iter()
            .step_by(step)
            .map(|value| value.to_bits())
            .collect();
        let candidates = by_probe.entry(probe).or_default();
        let equal = |&candidate: &usize| {
            let other = targets.row(first_samples[candidate]);
            row.iter()
                .zip(other)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        };
        let found = candidates.iter().copied().find(equal).unwrap_or_else(|| {
            candidates.push(first_samples.len());
            first_samples.push(sample);
            first_samples.len() - 1
        });
        row_of.push(found);
    }
    Repeats {
        rows: targets.select(Axis(0), &first_samples),
        row_of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn equal_rows_are_found_and_near_ones_told_apart() {
        let targets = array![[1.0, f64::NAN], [2.0, 0.0], [1.0, f64::NAN], [2.0, 1e-300]];
        let repeats = find(targets.view());
        assert_eq!(repeats.row_of, [0, 1, 0, 2]);
        assert_eq!(repeats.rows.nrows(), 3);
        for (sample, &row) in repeats.row_of.iter().enumerate() {
            let (a, b) = (targets.row(sample), repeats.rows.row(row));
            assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}
