//! The score as a function of a count table: what nulls and resamples are made of.

use ndarray::{ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

use crate::bh::layers::{LayerSampling, SubsetScores, n_subsets, subset_scores};
use crate::bh::spearman::spearman;
use crate::bh::{RuleScore, ScoreOptions};

/// How one number comes from a count table, `(n_groups, n_levels)`: ρ over subsets of its rows, or of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistic {
    n_layers: usize,
    sampling: LayerSampling,
}

impl Statistic {
    /// ρ of all rows at once.
    pub const ALL_ROWS: Statistic = Statistic {
        n_layers: 2,
        sampling: LayerSampling::All,
    };

    /// The statistic that gave `score`: where there were no subsets of layers, that is ρ of all of them.
    pub fn of_score(score: &RuleScore, options: &ScoreOptions) -> Self {
        match score.subsets {
            Some(_) => Self {
                n_layers: options.n_layers,
                sampling: options.sampling,
            },
            None => Self::ALL_ROWS,
        }
    }

    /// Its value for `table`; `None` where it is undefined, as the score is.
    pub fn value(&self, table: ArrayView2<'_, u64>) -> Option<f64> {
        if self.sampling == LayerSampling::All {
            return spearman(table).ok();
        }
        let subsets = subset_scores(table, self.n_layers, self.sampling).ok()?;
        let SubsetScores { spread, .. } = subsets?;
        spread.map(|spread| spread.mean)
    }

    /// Its values for a stack of tables, `(n_replicates, n_groups, n_levels)`, in order.
    pub fn values(&self, tables: ArrayView3<'_, u64>) -> Vec<Option<f64>> {
        (0..tables.len_of(Axis(0)))
            .into_par_iter()
            .map(|replicate| self.value(tables.index_axis(Axis(0), replicate)))
            .collect()
    }

    /// How many ρ one value takes for a table of `n_rows`.
    pub fn cost(&self, n_rows: usize) -> u64 {
        match self.sampling {
            LayerSampling::All => 1,
            LayerSampling::Exact => n_subsets(n_rows, self.n_layers).max(1),
            LayerSampling::Random { draws, .. } => draws as u64,
        }
    }
}
