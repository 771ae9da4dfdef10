//! Which samples have the same target: presentations of one image.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

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
/// never a wrong result). A few entries group the rows first; whether the rows of a group are equal
/// is then seen side by side.
pub fn find(targets: ArrayView2<f64>) -> Repeats {
    let targets = targets.as_standard_layout();
    let step = (targets.ncols() / PROBED).max(1);
    let mut by_probe: HashMap<Vec<u64>, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (sample, row) in targets.rows().into_iter().enumerate() {
        let probe = row.iter().step_by(step).map(|v| v.to_bits()).collect();
        let group = *by_probe.entry(probe).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(sample);
    }
    let mut equal: Vec<Vec<usize>> = groups
        .into_par_iter()
        .flat_map_iter(|group| split_by_row(targets.view(), group))
        .collect();
    equal.sort_unstable_by_key(|samples| samples[0]);
    let mut row_of = vec![0; targets.nrows()];
    for (row, samples) in equal.iter().enumerate() {
        samples.iter().for_each(|&sample| row_of[sample] = row);
    }
    let first: Vec<usize> = equal.iter().map(|samples| samples[0]).collect();
    Repeats {
        rows: targets.select(Axis(0), &first),
        row_of,
    }
}

/// Parts of `samples`, ascending, that have equal rows.
fn split_by_row(targets: ArrayView2<f64>, samples: Vec<usize>) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for sample in samples {
        let row = targets.row(sample);
        let equal = |part: &&mut Vec<usize>| {
            let other = targets.row(part[0]);
            row.iter()
                .zip(other)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        };
        match parts.iter_mut().find(equal) {
            Some(part) => part.push(sample),
            None => parts.push(vec![sample]),
        }
    }
    parts
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
