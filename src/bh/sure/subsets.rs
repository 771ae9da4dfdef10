//! Which levels compete with each other: all of them, or those of every subset in turn.
//!
//! In the encoding half with [`crate::bh::EncodingSampling::Exact`] the score is the mean over subsets of
//! the layers, and every voxel's best layer is sought in each (`SPEC` 1.8). Then there is a count table per
//! subset; they are put below each other: row `subset · n_groups + group`, column the place within the
//! subset. [`super::statistic::Statistic`] takes the mean over the tables of such a stack. Everywhere else
//! there is one subset of all levels, and the stack is the count table.

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use crate::bh::layers;
use crate::bh::votes::{self, Votes};
use crate::bh::{Pool, Rules};

/// Subsets of the levels of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelSubsets {
    n_places: usize,
    subsets: Vec<Subset>,
}

/// Levels that compete with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subset {
    /// Positions among the levels of the pool, ascending.
    levels: Vec<usize>,
    names: Vec<String>,
}

impl LevelSubsets {
    /// One subset: all `names`.
    pub fn all(names: &[String]) -> Self {
        Self::of(names, std::iter::once((0..names.len()).collect()))
    }

    /// Every subset of `n_layers` of `names` that holds the first and the last; all of them at once where
    /// there are fewer.
    pub fn exact(names: &[String], n_layers: usize) -> Self {
        match layers::n_subsets(names.len(), n_layers) {
            0 => Self::all(names),
            _ => Self::of(names, layers::subsets(names.len(), n_layers)),
        }
    }

    fn of(names: &[String], subsets: impl Iterator<Item = Vec<usize>>) -> Self {
        let subset = |levels: Vec<usize>| Subset {
            names: levels.iter().map(|&level| names[level].clone()).collect(),
            levels,
        };
        let subsets: Vec<Subset> = subsets.map(subset).collect();
        Self {
            n_places: subsets.first().map_or(0, |subset| subset.levels.len()),
            subsets,
        }
    }

    /// Levels in each subset: columns of a stack.
    pub fn n_places(&self) -> usize {
        self.n_places
    }

    /// How many subsets there are: tables in a stack.
    pub fn n_subsets(&self) -> usize {
        self.subsets.len()
    }

    /// Levels of every subset, ascending.
    pub fn levels(&self) -> impl Iterator<Item = &[usize]> {
        self.subsets.iter().map(|subset| subset.levels.as_slice())
    }

    /// The pool of every subset, in order; `take` makes of it what is wanted.
    pub fn map<T: Send>(
        &self,
        pool: &Pool<'_>,
        take: impl Fn(&Pool<'_>) -> T + Sync + Send,
    ) -> Vec<T> {
        (self.subsets.par_iter())
            .map(|subset| take(&pool.among(&subset.levels, &subset.names)))
            .collect()
    }

    /// Votes of every subject, with stacks in the place of the count tables.
    pub fn votes(&self, pool: &Pool<'_>, rules: &Rules) -> Vec<Votes> {
        let by_subset = self.map(pool, |pool| votes::by_subject(pool, rules));
        let mut votes = votes::by_subject(pool, rules);
        for (subject, votes) in votes.iter_mut().enumerate() {
            let each = || by_subset.iter().map(|votes| &votes[subject]);
            votes.published = stack(each().map(|votes| &votes.published));
            votes.textbook = (each().map(|votes| votes.textbook.as_ref()))
                .collect::<Option<Vec<_>>>()
                .map(|tables| stack(tables.into_iter()));
        }
        votes
    }
}

/// Tables of equal shape below each other.
///
/// # Panics
/// If there is none, or they differ in shape.
pub fn stack<'a>(tables: impl Iterator<Item = &'a Array2<u64>>) -> Array2<u64> {
    let views: Vec<_> = tables.map(|table| table.view()).collect();
    ndarray::concatenate(Axis(0), &views).expect("tables of one shape")
}
