//! The score as a function of count tables: what nulls and resamples are made of.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

use crate::bh::layers::{LayerSampling, SubsetScores, n_subsets, subset_scores};
use crate::bh::spearman::spearman;
use crate::bh::{RuleScore, ScoreOptions};

/// How one number comes from a count table, `(n_groups, n_levels)`: ρ over subsets of its rows, or of all.
/// Or from a stack of them ([`super::subsets`]): the mean over its tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistic {
    n_layers: usize,
    sampling: LayerSampling,
    n_tables: usize,
}

impl Statistic {
    /// ρ of all rows at once.
    pub const ALL_ROWS: Statistic = Statistic::mean_of(1);

    /// Mean of the ρ of `n_tables` tables, each of all its rows at once.
    pub const fn mean_of(n_tables: usize) -> Self {
        Self {
            n_layers: 2,
            sampling: LayerSampling::All,
            n_tables,
        }
    }

    /// The statistic that gave the decoding score `score`: where there were no subsets of layers, that is ρ
    /// of all of them.
    pub fn of_score(score: &RuleScore, options: &ScoreOptions) -> Self {
        match score.subsets {
            Some(_) => Self {
                n_layers: options.n_layers,
                sampling: options.sampling,
                n_tables: 1,
            },
            None => Self::ALL_ROWS,
        }
    }

    /// Its value for `stack`; `None` where it is undefined, as the score is: if it is for one of the tables.
    pub fn value(&self, stack: ArrayView2<'_, u64>) -> Option<f64> {
        let mut sum = 0.0;
        for table in stack.axis_chunks_iter(Axis(0), self.n_groups(stack.nrows())) {
            sum += self.of_table(table)?;
        }
        Some(sum / self.n_tables as f64)
    }

    fn of_table(&self, table: ArrayView2<'_, u64>) -> Option<f64> {
        if self.sampling == LayerSampling::All {
            return spearman(table).ok();
        }
        let subsets = subset_scores(table, self.n_layers, self.sampling).ok()?;
        let SubsetScores { spread, .. } = subsets?;
        spread.map(|spread| spread.mean)
    }

    /// Its values for many stacks, `(n_replicates, n_rows, n_levels)`, in order.
    pub fn values(&self, stacks: ArrayView3<'_, u64>) -> Vec<Option<f64>> {
        (0..stacks.len_of(Axis(0)))
            .into_par_iter()
            .map(|replicate| self.value(stacks.index_axis(Axis(0), replicate)))
            .collect()
    }

    /// Groups in each table of a stack with `n_rows`.
    pub fn n_groups(&self, n_rows: usize) -> usize {
        n_rows / self.n_tables
    }

    /// `stack` with the groups of every table in another order.
    pub fn reordered(&self, stack: ArrayView2<'_, u64>, order: &[usize]) -> Array2<u64> {
        let tables = (0..self.n_tables).map(|table| table * order.len());
        let rows: Vec<usize> = tables
            .flat_map(|start| order.iter().map(move |row| start + row))
            .collect();
        stack.select(Axis(0), &rows)
    }

    /// How many ρ one value takes for tables of `n_groups`.
    pub fn cost(&self, n_groups: usize) -> u64 {
        let each = match self.sampling {
            LayerSampling::All => 1,
            LayerSampling::Exact => n_subsets(n_groups, self.n_layers).max(1),
            LayerSampling::Random { draws, .. } => draws as u64,
        };
        each * self.n_tables as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_stack_is_the_mean_of_its_tables() {
        let tables = [array![[5, 1], [2, 6]], array![[3, 3], [1, 9]]];
        let stack = super::super::subsets::stack(tables.iter());
        let each = |tables: &[Array2<u64>]| {
            let values = tables.iter().map(|table| spearman(table.view()).unwrap());
            values.sum::<f64>() / tables.len() as f64
        };
        let statistic = Statistic::mean_of(2);
        assert_eq!(statistic.value(stack.view()), Some(each(&tables)));
        assert_eq!((statistic.n_groups(4), statistic.cost(2)), (2, 2));
        let turned = statistic.reordered(stack.view(), &[1, 0]);
        assert_eq!(turned, array![[2, 6], [5, 1], [1, 9], [3, 3]]);
        assert_eq!(statistic.value(turned.view()), Some(-each(&tables)));
        let empty = array![[5, 1], [2, 6], [0, 0], [1, 2]];
        assert_eq!(statistic.value(empty.view()), None);
    }
}
