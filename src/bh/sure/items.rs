//! The significant items of a pool, one by one.

use crate::bh::pool::Pool;
use crate::bh::selection::{self, Best};
use crate::bh::selector::Selector;

/// A significant item.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Position of its group.
    pub group: usize,
    /// Its best level.
    pub best: Best,
    /// Levels at which it has an accuracy, in order, with that accuracy.
    pub accuracies: &'a [(usize, f32)],
}

/// Calls `visit` with every item of `pool` that `rule` keeps, in the order of groups and subjects.
pub fn each_kept(pool: &Pool<'_>, rule: &Selector, mut visit: impl FnMut(Item<'_>)) {
    let mut accuracies = Vec::with_capacity(pool.levels.len());
    for (group, blocks) in pool.blocks.iter().enumerate() {
        for block in blocks {
            for (item, best) in selection::best_levels(block).into_iter().enumerate() {
                let Some(best) = best.filter(|best| rule.keeps(*best)) else {
                    continue;
                };
                accuracies.clear();
                let defined = (block.levels.iter().enumerate())
                    .filter_map(|(level, values)| values.map(|values| (level, values[item])));
                accuracies.extend(defined.filter(|(_, accuracy)| !accuracy.is_nan()));
                visit(Item {
                    group,
                    best,
                    accuracies: &accuracies,
                });
            }
        }
    }
}
