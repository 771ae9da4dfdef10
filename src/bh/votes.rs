//! Count tables: how many items of each group chose each level.

use ndarray::Array2;

use super::pool::{Block, Pool};
use super::selection::{self, Best, Rules};
use super::selector::Selector;

/// The votes of some items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Votes {
    /// Number of items, significant or not.
    pub n_items: u64,
    /// Items without an accuracy at any level.
    pub n_undefined: u64,
    /// Significant items by the published rule, `(n_groups, n_levels)`.
    pub published: Array2<u64>,
    /// The same by the textbook rule; `None` if there is none.
    pub textbook: Option<Array2<u64>>,
}

impl Votes {
    fn none(pool: &Pool<'_>, rules: &Rules) -> Self {
        let table = Array2::zeros((pool.groups.len(), pool.levels.len()));
        let textbook = rules.textbook.as_ref().map(|_| table.clone());
        Self {
            n_items: 0,
            n_undefined: 0,
            published: table,
            textbook,
        }
    }

    fn add_block(&mut self, group: usize, block: &Block<'_>, rules: &Rules) {
        let best = selection::best_levels(block);
        self.n_items += best.len() as u64;
        self.n_undefined += best.iter().filter(|best| best.is_none()).count() as u64;
        count(&mut self.published, group, &best, &rules.published);
        if let (Some(table), Some(rule)) = (&mut self.textbook, &rules.textbook) {
            count(table, group, &best, rule);
        }
    }
}

fn count(table: &mut Array2<u64>, group: usize, best: &[Option<Best>], rule: &Selector) {
    for best in best.iter().flatten().filter(|best| rule.keeps(**best)) {
        table[[group, best.level]] += 1;
    }
}

/// Votes of every subject of `pool`, in its order.
pub fn by_subject(pool: &Pool<'_>, rules: &Rules) -> Vec<Votes> {
    let mut votes = vec![Votes::none(pool, rules); pool.subjects.len()];
    for (group, blocks) in pool.blocks.iter().enumerate() {
        for (votes, block) in votes.iter_mut().zip(blocks) {
            votes.add_block(group, block, rules);
        }
    }
    votes
}

/// Votes of all subjects together.
///
/// # Panics
/// If `votes` is empty, which those of a [`Pool`] never are.
pub fn sum(votes: &[Votes]) -> Votes {
    let (first, others) = votes.split_first().expect("a pool has subjects");
    let mut total = first.clone();
    for votes in others {
        total.n_items += votes.n_items;
        total.n_undefined += votes.n_undefined;
        total.published += &votes.published;
        if let (Some(total), Some(table)) = (&mut total.textbook, &votes.textbook) {
            *total += table;
        }
    }
    total
}
