//! Spearman's ρ from a table of counts.
//!
//! With counts `C` (groups × levels), row sums `r`, column sums `c` and `N = ΣC`, all items of a group tie
//! and share a mid-rank, and so do all items with one level:
//!
//! ```text
//! a_i = r_1 + … + r_{i−1} + (r_i + 1)/2 − (N + 1)/2,    b_j likewise from c
//! ρ = Σ C_ij a_i b_j / √(Σ r_i a_i² · Σ c_j b_j²)
//! ```
//!
//! This equals ρ of the two lists of `N` numbers that the table stands for.

use ndarray::{Array2, ArrayView2, Axis};

use super::pool::Words;

/// Why a table has no ρ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// There are no counts.
    NoItem,
    /// There is a single count.
    OneItem,
    /// All counts are in one row.
    OneGroup,
    /// All counts are in one column.
    OneLevel,
}

impl Undefined {
    /// The reason in the words of the half it happened in.
    pub fn reason(self, words: Words) -> String {
        let Words { item, group, level } = words;
        match self {
            Undefined::NoItem => format!("no {item} is significant"),
            Undefined::OneItem => format!("only one {item} is significant"),
            Undefined::OneGroup => format!("all significant {item}s are in one {group}"),
            Undefined::OneLevel => format!("all significant {item}s prefer the same {level}"),
        }
    }
}

/// ρ of a count table, `(n_groups, n_levels)`.
///
/// # Errors
/// If fewer than two items, groups or levels have counts.
pub fn spearman(table: ArrayView2<'_, u64>) -> Result<f64, Undefined> {
    let rows: Vec<usize> = (0..table.nrows()).collect();
    Counts::new(table).spearman(&rows)
}

/// A count table prepared for ρ of many choices of its rows.
#[derive(Clone, Debug)]
pub struct Counts {
    cells: Array2<f64>,
    row_sums: Vec<f64>,
    /// Centred mid-rank of each level in the current choice of rows.
    level_ranks: Vec<f64>,
}

impl Counts {
    /// Prepares `table`, `(n_groups, n_levels)`.
    pub fn new(table: ArrayView2<'_, u64>) -> Self {
        let cells = table.mapv(|count| count as f64);
        let row_sums = cells.sum_axis(Axis(1)).to_vec();
        let level_ranks = vec![0.0; table.ncols()];
        Self {
            cells,
            row_sums,
            level_ranks,
        }
    }

    /// ρ of the table made of these rows, in this order.
    ///
    /// # Errors
    /// As [`spearman`].
    pub fn spearman(&mut self, rows: &[usize]) -> Result<f64, Undefined> {
        let n: f64 = rows.iter().map(|&row| self.row_sums[row]).sum();
        if n < 2.0 {
            return Err(if n == 0.0 {
                Undefined::NoItem
            } else {
                Undefined::OneItem
            });
        }
        if rows.iter().filter(|&&row| self.row_sums[row] > 0.0).count() < 2 {
            return Err(Undefined::OneGroup);
        }
        let level_square = self.rank_levels(rows, n).ok_or(Undefined::OneLevel)?;
        let (mut below, mut product, mut group_square) = (0.0, 0.0, 0.0);
        for &row in rows {
            let n_row = self.row_sums[row];
            let rank = below + (n_row - n) / 2.0;
            below += n_row;
            let levels = self.cells.row(row);
            let sum: f64 = levels
                .iter()
                .zip(&self.level_ranks)
                .map(|(c, b)| c * b)
                .sum();
            product += rank * sum;
            group_square += n_row * rank * rank;
        }
        Ok((product / (group_square * level_square).sqrt()).clamp(-1.0, 1.0))
    }

    /// Sets `level_ranks` for these rows and returns Σ c_j b_j²; `None` if fewer than two levels have
    /// counts.
    fn rank_levels(&mut self, rows: &[usize], n: f64) -> Option<f64> {
        self.level_ranks.fill(0.0);
        for &row in rows {
            for (sum, count) in self.level_ranks.iter_mut().zip(self.cells.row(row)) {
                *sum += count;
            }
        }
        let (mut below, mut square, mut n_levels) = (0.0, 0.0, 0);
        for level in &mut self.level_ranks {
            let n_level = *level;
            n_levels += usize::from(n_level > 0.0);
            *level = below + (n_level - n) / 2.0;
            below += n_level;
            square += n_level * *level * *level;
        }
        (n_levels > 1).then_some(square)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rank;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn golden() {
        let rho = spearman(array![[10, 5, 1], [4, 8, 4], [1, 6, 12]].view()).unwrap();
        assert!((rho - 0.5959575833702182).abs() < 1e-15, "{rho}");
    }

    #[test]
    fn undefined_has_a_reason() {
        let reason = |table: Array2<u64>| spearman(table.view()).unwrap_err();
        assert_eq!(reason(array![[0, 0], [0, 0]]), Undefined::NoItem);
        assert_eq!(reason(Array2::zeros((0, 3))), Undefined::NoItem);
        assert_eq!(reason(array![[0, 0], [0, 1]]), Undefined::OneItem);
        assert_eq!(reason(array![[5, 3], [0, 0]]), Undefined::OneGroup);
        assert_eq!(reason(array![[5, 0], [3, 0]]), Undefined::OneLevel);
        assert_eq!(reason(array![[5], [3]]), Undefined::OneLevel);
        let text = Undefined::OneLevel.reason(Words::DECODING);
        assert_eq!(text, "all significant units prefer the same ROI");
    }

    #[test]
    fn a_pure_diagonal_is_one() {
        assert_eq!(
            spearman(array![[7, 0, 0], [0, 1, 0], [0, 0, 90]].view()),
            Ok(1.0)
        );
        assert_eq!(spearman(array![[0, 7], [4, 0]].view()), Ok(-1.0));
    }

    fn tables() -> impl Strategy<Value = Array2<u64>> {
        (1_usize..7, 1_usize..6).prop_flat_map(|(rows, columns)| {
            let count = prop_oneof![2 => Just(0_u64), 5 => 0_u64..30];
            proptest::collection::vec(count, rows * columns)
                .prop_map(move |counts| Array2::from_shape_vec((rows, columns), counts).unwrap())
        })
    }

    proptest! {
        #[test]
        fn equals_the_lists_it_stands_for(table in tables()) {
            let (mut groups, mut levels) = (Vec::new(), Vec::new());
            for ((group, level), &count) in table.indexed_iter() {
                for _ in 0..count {
                    groups.push(group as f64);
                    levels.push(level as f64);
                }
            }
            let expected = rank::spearman(&groups, &levels);
            match spearman(table.view()) {
                Ok(rho) => prop_assert!((rho - expected).abs() < 1e-12, "{rho} {expected}"),
                Err(_) => prop_assert!(expected.is_nan(), "{expected}"),
            }
        }

        #[test]
        fn reversing_an_axis_changes_the_sign_and_scaling_nothing(table in tables(), factor in 1_u64..9) {
            let rho = spearman(table.view());
            let mut flipped = table.clone();
            flipped.invert_axis(Axis(0));
            let mut turned = flipped.clone();
            turned.invert_axis(Axis(1));
            let scaled = &table * factor;
            if let Ok(rho) = rho {
                prop_assert!((spearman(flipped.view()).unwrap() + rho).abs() < 1e-12);
                prop_assert!((spearman(turned.view()).unwrap() - rho).abs() < 1e-12);
                prop_assert!((spearman(table.t()).unwrap() - rho).abs() < 1e-12);
                prop_assert!((spearman(scaled.view()).unwrap() - rho).abs() < 1e-12);
            }
        }
    }
}
