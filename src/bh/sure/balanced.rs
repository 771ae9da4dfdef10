//! The level-balanced score: every group weighs the same, however many of its items are significant.
//!
//! Survivors per layer differ by an order of magnitude, those per ROI, too, so the score is mostly about the
//! groups that are predicted well. Here each row of the count table is divided by its sum before ρ is taken,
//! by the same formula; groups without a significant item stay empty.

use ndarray::{Array2, ArrayView2, Axis};

use super::statistic::Statistic;

/// What each row is scaled to: shares in parts per billion keep the table one of whole numbers, and the
/// score the same to 1e-8.
const ROW_SUM: f64 = 1e9;

/// `statistic` of the table with balanced rows; `None` where undefined.
pub fn score(table: ArrayView2<'_, u64>, statistic: &Statistic) -> Option<f64> {
    statistic.value(balance(table).view())
}

/// The table with every row that has counts scaled to the same sum.
fn balance(table: ArrayView2<'_, u64>) -> Array2<u64> {
    let mut balanced = table.to_owned();
    for mut row in balanced.axis_iter_mut(Axis(0)) {
        let sum = row.sum().max(1) as f64;
        row.mapv_inplace(|count| (count as f64 / sum * ROW_SUM).round() as u64);
    }
    balanced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bh::spearman::spearman;
    use ndarray::array;

    #[test]
    fn equals_repeating_rows_until_they_are_equal() {
        let table = array![[30, 10, 0], [2, 2, 2], [0, 0, 0], [1, 0, 11]];
        let equal = array![[9, 3, 0], [4, 4, 4], [0, 0, 0], [1, 0, 11]];
        let found = score(table.view(), &Statistic::ALL_ROWS).unwrap();
        let expected = spearman(equal.view()).unwrap();
        assert!((found - expected).abs() < 1e-8, "{found} {expected}");
        assert!((spearman(table.view()).unwrap() - expected).abs() > 0.005);
    }
}
