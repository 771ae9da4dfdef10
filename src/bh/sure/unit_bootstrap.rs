//! How much the score depends on which units of each layer were taken.
//!
//! Units are drawn with replacement within each layer. The same units count for all subjects where these
//! have equally many, as they do when one set of features was decoded from all of them; otherwise each
//! subject's are drawn alone. This says nothing about other images, subjects or networks.

use ndarray::Array3;
use rayon::prelude::*;

use super::random::stream;
use crate::bh::Selector;
use crate::bh::pool::{Block, Pool};
use crate::bh::selection::{self, Best};
use crate::stats::legacy_random::LegacyRandom;

/// Count tables of `n_replicates` draws of the items of `pool` that `rule` keeps,
/// `(n_replicates, n_groups, n_levels)`.
pub fn tables(pool: &Pool<'_>, rule: &Selector, n_replicates: usize, seed: u32) -> Array3<u64> {
    let n_levels = pool.levels.len();
    let groups: Vec<Vec<u64>> = (pool.blocks.par_iter().enumerate())
        .map(|(group, blocks)| {
            let mut random = stream(seed, "unit bootstrap", group);
            group_counts(blocks, n_levels, rule, n_replicates, &mut random)
        })
        .collect();
    Array3::from_shape_fn(
        (n_replicates, pool.groups.len(), n_levels),
        |(replicate, group, level)| groups[group][replicate * n_levels + level],
    )
}

/// Votes of one group's draws, `n_replicates × n_levels`.
fn group_counts(
    blocks: &[Block<'_>],
    n_levels: usize,
    rule: &Selector,
    n_replicates: usize,
    random: &mut LegacyRandom,
) -> Vec<u64> {
    let votes: Vec<Vec<Option<usize>>> = blocks.iter().map(|block| levels(block, rule)).collect();
    // A subject without this group has no items and takes no part.
    let votes: Vec<_> = votes
        .into_iter()
        .filter(|votes| !votes.is_empty())
        .collect();
    let together = votes.windows(2).all(|pair| pair[0].len() == pair[1].len());
    let mut counts = vec![0; n_replicates * n_levels];
    for row in counts.chunks_mut(n_levels) {
        let subjects = if together {
            votes.chunks(votes.len().max(1))
        } else {
            votes.chunks(1)
        };
        for subjects in subjects {
            let n_items = subjects[0].len();
            for _ in 0..n_items {
                let item = random.interval(n_items as u32 - 1) as usize;
                for level in subjects.iter().filter_map(|votes| votes[item]) {
                    row[level] += 1;
                }
            }
        }
    }
    counts
}

/// Level that each item votes for; `None` where it is not significant.
fn levels(block: &Block<'_>, rule: &Selector) -> Vec<Option<usize>> {
    let vote = |best: Option<Best>| best.filter(|best| rule.keeps(*best));
    (selection::best_levels(block).into_iter())
        .map(|best| vote(best).map(|best| best.level))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::significance::{Rule, Test};
    use ndarray::Axis;

    fn rule() -> Selector {
        Rule::new(Test::Textbook { n_stimuli: 50 }, 0.05).into()
    }

    #[test]
    fn the_mean_is_the_table_and_the_spread_binomial() {
        // Of 40 units 10 vote for the first level, 20 for the second, 10 for none.
        let first: Vec<f32> = (0..40)
            .map(|unit| if unit < 10 { 0.9 } else { 0.1 })
            .collect();
        let second: Vec<f32> = (0..40)
            .map(|unit| if unit < 30 { 0.5 } else { 0.0 })
            .collect();
        let (groups, subjects) = (["conv".to_owned()], ["a".to_owned(), "b".to_owned()]);
        let names = ["V1".to_owned(), "V2".to_owned()];
        let block = Block {
            n_items: 40,
            levels: vec![Some(first.as_slice()), Some(second.as_slice())],
            positions: None,
        };
        let pool = Pool {
            words: crate::bh::pool::Words::DECODING,
            groups: &groups,
            subjects: &subjects,
            levels: &names,
            blocks: vec![vec![block.clone(), block.clone()]],
        };
        let tables = tables(&pool, &rule(), 20_000, 0);
        let counts = tables.index_axis(Axis(1), 0).mapv(|count| count as f64);
        let mean = counts.mean_axis(Axis(0)).unwrap();
        assert!(
            (mean[0] - 20.0).abs() < 0.2 && (mean[1] - 40.0).abs() < 0.2,
            "{mean}"
        );
        // Two subjects with the same draws: twice a binomial of 40 trials.
        let variance = counts.var_axis(Axis(0), 0.0)[0];
        assert!(
            (variance - 4.0 * 40.0 * 0.25 * 0.75).abs() < 1.5,
            "{variance}"
        );

        // With other numbers of units the subjects are drawn alone: the sum of two binomials.
        let other = Block {
            n_items: 20,
            levels: vec![Some(&first[..20]), Some(&second[..20])],
            positions: None,
        };
        let uneven = Pool {
            blocks: vec![vec![block, other]],
            ..pool
        };
        let tables = super::tables(&uneven, &rule(), 20_000, 0);
        let counts = tables.index_axis(Axis(1), 0).mapv(|count| count as f64);
        let variance = counts.var_axis(Axis(0), 0.0)[0];
        assert!(
            (variance - (40.0 * 0.25 * 0.75 + 20.0 * 0.5 * 0.5)).abs() < 0.6,
            "{variance}"
        );
    }
}
