//! How much the score depends on which items of each group were taken: units of a layer, voxels of a ROI.
//!
//! Items are drawn with replacement within each group. The same units count for all subjects where these
//! have equally many, as they do when one set of features was decoded from all of them; otherwise each
//! subject's are drawn alone. Voxels always are: those of two subjects have nothing in common, even if the
//! limit makes them equally many. This says nothing about other images, subjects or networks.

use ndarray::Array3;
use rayon::prelude::*;

use super::random::stream;
use super::subsets::LevelSubsets;
use crate::bh::Selector;
use crate::bh::pool::{Block, Pool, Words};
use crate::bh::selection::{self, Best};
use crate::stats::legacy_random::LegacyRandom;

/// Stacks ([`super::subsets`]) of `n_replicates` draws of the items of `pool` that `rule` keeps,
/// `(n_replicates, n_subsets · n_groups, n_places)`. A draw is the same for all subsets.
pub fn tables(
    pool: &Pool<'_>,
    subsets: &LevelSubsets,
    rule: &Selector,
    n_replicates: usize,
    seed: u32,
) -> Array3<u64> {
    let (n_groups, n_places) = (pool.groups.len(), subsets.n_places());
    let purpose = format!("{} bootstrap", pool.words.item);
    let shared = pool.words == Words::DECODING;
    let groups: Vec<Vec<u64>> = (pool.blocks.par_iter().enumerate())
        .map(|(group, blocks)| {
            let mut random = stream(seed, &purpose, group);
            let group = Group::new(blocks, subsets, rule, shared);
            group.counts(n_replicates, &mut random)
        })
        .collect();
    let n_cells = subsets.n_subsets() * n_places;
    Array3::from_shape_fn(
        (n_replicates, subsets.n_subsets() * n_groups, n_places),
        |(replicate, row, place)| {
            let (subset, group) = (row / n_groups, row % n_groups);
            groups[group][replicate * n_cells + subset * n_places + place]
        },
    )
}

/// Places that the items of one group vote for.
struct Group {
    /// Per subject that has this group, subset and item: the place; `None` where it is not significant.
    votes: Vec<Vec<Vec<Option<usize>>>>,
    /// Items of each of these subjects.
    n_items: Vec<usize>,
    n_places: usize,
    n_subsets: usize,
    /// Whether item i of one subject is item i of all.
    together: bool,
}

impl Group {
    fn new(blocks: &[Block<'_>], subsets: &LevelSubsets, rule: &Selector, shared: bool) -> Self {
        // A subject without this group has no items and takes no part.
        let blocks: Vec<&Block<'_>> = blocks.iter().filter(|block| block.n_items > 0).collect();
        let of_block = |block: &&Block<'_>| {
            (subsets.levels())
                .map(|levels| places(&block.among(levels), rule))
                .collect()
        };
        Self {
            votes: blocks.iter().map(of_block).collect(),
            n_items: blocks.iter().map(|block| block.n_items).collect(),
            n_places: subsets.n_places(),
            n_subsets: subsets.n_subsets(),
            together: shared && (blocks.windows(2)).all(|pair| pair[0].n_items == pair[1].n_items),
        }
    }

    /// Votes of the draws, `n_replicates × n_subsets × n_places`.
    fn counts(&self, n_replicates: usize, random: &mut LegacyRandom) -> Vec<u64> {
        let n_cells = self.n_subsets * self.n_places;
        let at_once = if self.together {
            self.votes.len().max(1)
        } else {
            1
        };
        let mut counts = vec![0; n_replicates * n_cells];
        for row in counts.chunks_mut(n_cells) {
            for (subjects, n_items) in
                (self.votes.chunks(at_once)).zip(self.n_items.iter().step_by(at_once))
            {
                for _ in 0..*n_items {
                    let item = random.interval(*n_items as u32 - 1) as usize;
                    for subject in subjects {
                        for (votes, row) in subject.iter().zip(row.chunks_mut(self.n_places)) {
                            if let Some(place) = votes[item] {
                                row[place] += 1;
                            }
                        }
                    }
                }
            }
        }
        counts
    }
}

/// Place of the level that each item votes for; `None` where it is not significant.
fn places(block: &Block<'_>, rule: &Selector) -> Vec<Option<usize>> {
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
            words: Words::DECODING,
            groups: &groups,
            subjects: &subjects,
            levels: &names,
            blocks: vec![vec![block.clone(), block.clone()]],
        };
        let subsets = LevelSubsets::all(&names);
        let tables = tables(&pool, &subsets, &rule(), 20_000, 0);
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
        let voxels = Pool {
            words: Words::ENCODING,
            ..pool.clone()
        };
        let uneven = Pool {
            blocks: vec![vec![block, other]],
            ..pool
        };
        let tables = super::tables(&uneven, &subsets, &rule(), 20_000, 0);
        let counts = tables.index_axis(Axis(1), 0).mapv(|count| count as f64);
        let variance = counts.var_axis(Axis(0), 0.0)[0];
        assert!(
            (variance - (40.0 * 0.25 * 0.75 + 20.0 * 0.5 * 0.5)).abs() < 0.6,
            "{variance}"
        );

        // Equally many voxels of two subjects are not the same voxels.
        let tables = super::tables(&voxels, &subsets, &rule(), 20_000, 0);
        let counts = tables.index_axis(Axis(1), 0).mapv(|count| count as f64);
        let variance = counts.var_axis(Axis(0), 0.0)[0];
        assert!(
            (variance - 2.0 * 40.0 * 0.25 * 0.75).abs() < 0.8,
            "{variance}"
        );
    }
}
