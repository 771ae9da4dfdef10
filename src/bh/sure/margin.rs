//! By how much the best level of an item is the best.
//!
//! The margin is the best accuracy less the second best. Where it is small, noise decides which level wins;
//! the score of the items above a margin shows whether those carry it.

use ndarray::Array2;
use serde::Serialize;

use super::interval::quantile;
use super::items::{Item, each_kept};
use super::statistic::Statistic;
use super::subsets::{LevelSubsets, stack};
use crate::bh::Selector;
use crate::bh::pool::Pool;

/// Margins above which the score is taken again.
const THRESHOLDS: [f64; 3] = [0.02, 0.05, 0.1];

/// Margins of the significant items that two levels or more predict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Margin {
    /// 25th, 50th and 75th percentile; `None` without an item.
    pub quartiles: Option<[f64; 3]>,
    /// The score of items with larger margins only.
    pub above: Vec<Above>,
}

/// The score above a margin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Above {
    /// Items with a larger margin count.
    pub margin: f64,
    /// How many these are; summed over the subsets of layers in which they compete, if there are any.
    pub n_selected: u64,
    /// Their score; `None` where undefined.
    pub score: Option<f64>,
}

impl Margin {
    /// Margins of the items of `pool` that `rule` keeps. Quartiles are those of all levels at once; above a
    /// margin, in `subsets` of the levels an item has another in each.
    pub fn new(
        pool: &Pool<'_>,
        subsets: &LevelSubsets,
        rule: &Selector,
        statistic: &Statistic,
    ) -> Self {
        let mut margins = Vec::new();
        each_kept(pool, rule, |item| margins.extend(margin(&item)));
        margins.sort_by(f64::total_cmp);
        let by_subset = subsets.map(pool, |pool| tables(pool, rule));
        let above = (THRESHOLDS.into_iter().enumerate())
            .map(|(threshold, margin)| {
                let table = stack(by_subset.iter().map(|tables| &tables[threshold]));
                Above {
                    margin,
                    n_selected: table.sum(),
                    score: statistic.value(table.view()),
                }
            })
            .collect();
        Self {
            quartiles: (!margins.is_empty())
                .then(|| [0.25, 0.5, 0.75].map(|share| quantile(&margins, share))),
            above,
        }
    }
}

/// Count tables of the items above each threshold.
fn tables(pool: &Pool<'_>, rule: &Selector) -> [Array2<u64>; THRESHOLDS.len()] {
    let shape = (pool.groups.len(), pool.levels.len());
    let mut tables = THRESHOLDS.map(|_| Array2::zeros(shape));
    each_kept(pool, rule, |item| {
        let Some(margin) = margin(&item) else {
            return;
        };
        for (table, threshold) in tables.iter_mut().zip(THRESHOLDS) {
            table[[item.group, item.best.level]] += u64::from(margin > threshold);
        }
    });
    tables
}

/// Best less second best; `None` if there is one level only.
fn margin(item: &Item<'_>) -> Option<f64> {
    let others = item
        .accuracies
        .iter()
        .filter(|(level, _)| *level != item.best.level);
    let second = others
        .map(|(_, accuracy)| f64::from(*accuracy))
        .reduce(f64::max)?;
    Some(f64::from(item.best.accuracy) - second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bh::selection::Best;

    #[test]
    fn margin_by_hand() {
        let item = |accuracies| Item {
            group: 0,
            best: Best {
                level: 1,
                accuracy: 0.75,
                n_levels: 2,
            },
            accuracies,
        };
        assert_eq!(margin(&item(&[(0, 0.25), (1, 0.75), (4, 0.5)])), Some(0.25));
        assert_eq!(margin(&item(&[(1, 0.75), (2, 0.75)])), Some(0.0));
        assert_eq!(margin(&item(&[(1, 0.75)])), None);
    }
}
