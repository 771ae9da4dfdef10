//! ρ over subsets of the layers when the layers are what competes.
//!
//! In the encoding half a layer that is left out does not vote for another one: every voxel's best layer has
//! to be sought again in each subset, and whether the voxel is significant depends on it. So the count table
//! of all layers is not enough. Each voxel gets one number per layer: the rank of the layer's accuracy, best
//! highest, equal ones in favour of the earlier layer, and whether it is significant. A subset's winner is
//! then the maximum, taken layer by layer while the subsets are visited in lexicographic order, so that
//! subsets share the maxima of the layers in which they agree.

use ndarray::Array2;
use rayon::prelude::*;

use super::layers::{Collector, SubsetScores, n_subsets};
use super::pool::Pool;
use super::selection::{Best, Rules};
use super::spearman::{Undefined, spearman};
use crate::error::{Error, Result};

/// Subsets times voxels that are visited at most: a minute or so. The 99 layers of DenseNet-201 with 15,000
/// voxels make 2.2e9.
const MAX_VISITS: u64 = 50_000_000_000;

/// Lowest bits of a key: significant by the published rule, by the textbook rule.
const PUBLISHED: u32 = 1;
const TEXTBOOK: u32 = 2;
const FLAGS: u32 = 2;
/// Bits of the place within the subset, above the flags.
const PLACE: u32 = 10;
/// Bits below the rank.
const BELOW: u32 = FLAGS + PLACE;

/// Scores over subsets by either rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BothRules {
    /// By the published rule.
    pub published: SubsetScores,
    /// By the textbook rule; without meaning if there is none.
    pub textbook: SubsetScores,
}

/// Scores over subsets, of all subjects together and of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Competition {
    /// Items of all subjects.
    pub pooled: BothRules,
    /// Of each subject, in the order of the pool.
    pub by_subject: Vec<BothRules>,
}

/// ρ of every subset of `n_layers` levels of `pool` that holds the first and the last.
///
/// # Errors
/// If the pool has fewer levels than that, or there are more subsets than can be visited.
pub fn subset_scores(pool: &Pool<'_>, rules: &Rules, n_layers: usize) -> Result<Competition> {
    let n_total = pool.levels.len();
    check(pool, n_layers)?;
    let keys = Keys::new(pool, rules, n_layers);
    let last = keys.at(n_total - 1, n_layers as u32 - 1);
    let start: Vec<u32> = keys.at(0, 0).zip(last).map(|(a, b)| a.max(b)).collect();
    if n_layers == 2 {
        return Ok(collect(vec![keys.scores(&start, pool.subjects.len(), 2)]));
    }
    // First inner level in parallel; the order of the results is that of one thread.
    let found: Vec<Vec<Scores>> = (1..=n_total + 1 - n_layers)
        .into_par_iter()
        .map(|first| {
            let visit = Visit {
                keys: &keys,
                n_subjects: pool.subjects.len(),
                n_layers,
            };
            let mut scores = Vec::new();
            visit.with(first, 1, &start, &mut scores);
            scores
        })
        .collect();
    Ok(collect(found.into_iter().flatten().collect()))
}

fn check(pool: &Pool<'_>, n_layers: usize) -> Result<()> {
    let n_total = pool.levels.len();
    let n_items: usize = pool
        .blocks
        .iter()
        .flatten()
        .map(|block| block.n_items)
        .sum();
    let n = n_subsets(n_total, n_layers);
    let remedy = "take fewer layers per subset (`score.n_layers`), or let all layers compete \
                  (`--enc-layer-sampling all`)";
    let problem = if n_layers < 2 || n_total < n_layers {
        format!("there are only {n_total}")
    } else if n.saturating_mul(n_items as u64) > MAX_VISITS {
        format!("there are {n} for {n_items} voxels, more than can be visited")
    } else if n_total >= 1 << (32 - BELOW) || n_layers >= 1 << PLACE {
        "there are too many layers".to_owned()
    } else {
        return Ok(());
    };
    let item = format!("subsets of {n_layers} of {n_total} layers");
    Err(Error::data(item, problem, remedy))
}

/// ρ of one subset: pooled and of each subject, by either rule.
type Scores = Vec<[Result<f64, Undefined>; 2]>;

/// One number per item and level: rank, place in the subset (0 until it is put in), flags.
struct Keys {
    /// `values[level][item]`.
    values: Vec<Vec<u32>>,
    /// Group, subject and number of items of each block, in the order of the items.
    blocks: Vec<(usize, usize, usize)>,
    n_groups: usize,
}

impl Keys {
    fn new(pool: &Pool<'_>, rules: &Rules, n_layers: usize) -> Self {
        let n_levels = pool.levels.len();
        let mut values = vec![Vec::new(); n_levels];
        let mut blocks = Vec::new();
        let mut order: Vec<usize> = (0..n_levels).collect();
        for (group, row) in pool.blocks.iter().enumerate() {
            for (subject, block) in row.iter().enumerate() {
                blocks.push((group, subject, block.n_items));
                for item in 0..block.n_items {
                    let of = |level: usize| match block.levels[level] {
                        Some(values) if !values[item].is_nan() => values[item],
                        _ => f32::NEG_INFINITY,
                    };
                    // Worst first; of equal ones the later level first. −0 equals 0.
                    order.sort_unstable_by(|&a, &b| {
                        (of(a) + 0.0).total_cmp(&(of(b) + 0.0)).then(b.cmp(&a))
                    });
                    // Of the subset's layers with an accuracy as many as there can be.
                    let n_defined = (0..n_levels).filter(|&level| of(level) > f32::NEG_INFINITY);
                    let n_competing = n_defined.count().min(n_layers);
                    for (rank, &level) in (0_u32..).zip(&order) {
                        let best = Best {
                            level,
                            accuracy: of(level),
                            n_levels: n_competing,
                        };
                        let flags = flags(best, rules);
                        values[level].push(rank << BELOW | flags);
                    }
                }
            }
        }
        Self {
            values,
            blocks,
            n_groups: pool.groups.len(),
        }
    }

    /// Keys of a level that is number `place` of the subset.
    fn at(&self, level: usize, place: u32) -> impl Iterator<Item = u32> + '_ {
        self.values[level]
            .iter()
            .map(move |key| key | place << FLAGS)
    }

    /// ρ from the winner of every item.
    fn scores(&self, winners: &[u32], n_subjects: usize, n_layers: usize) -> Scores {
        let width = n_layers << FLAGS;
        let mut counts = vec![0_u64; n_subjects * self.n_groups * width];
        let mut winners = winners.iter();
        for &(group, subject, n_items) in &self.blocks {
            let row = &mut counts[(subject * self.n_groups + group) * width..][..width];
            for winner in winners.by_ref().take(n_items) {
                row[(winner & ((1 << BELOW) - 1)) as usize] += 1;
            }
        }
        let table = |subjects: std::ops::Range<usize>, flag: u32| {
            let mut table = Array2::zeros((self.n_groups, n_layers));
            for subject in subjects {
                for ((group, place), cell) in table.indexed_iter_mut() {
                    let start = (subject * self.n_groups + group) * width + (place << FLAGS);
                    let wanted = (0..1 << FLAGS).filter(|bits| bits & flag != 0);
                    *cell += wanted
                        .map(|bits| counts[start + bits as usize])
                        .sum::<u64>();
                }
            }
            spearman(table.view())
        };
        let both = |subjects: std::ops::Range<usize>| {
            [PUBLISHED, TEXTBOOK].map(|flag| table(subjects.clone(), flag))
        };
        let each = (0..n_subjects).map(|subject| both(subject..subject + 1));
        std::iter::once(both(0..n_subjects)).chain(each).collect()
    }
}

fn flags(best: Best, rules: &Rules) -> u32 {
    let best = (best.accuracy > f32::NEG_INFINITY).then_some(best);
    let textbook = rules.keeps_textbook(best).unwrap_or(false);
    (u32::from(rules.keeps_published(best)) * PUBLISHED) | (u32::from(textbook) * TEXTBOOK)
}

/// Visits subsets in lexicographic order.
struct Visit<'a> {
    keys: &'a Keys,
    n_subjects: usize,
    n_layers: usize,
}

impl Visit<'_> {
    /// All subsets whose member number `place` is `level`; `before` are the winners of those before and the
    /// last.
    fn with(&self, level: usize, place: usize, before: &[u32], scores: &mut Vec<Scores>) {
        let keys = self.keys.at(level, place as u32);
        let winners: Vec<u32> = before.iter().zip(keys).map(|(&a, b)| a.max(b)).collect();
        if place + 2 == self.n_layers {
            scores.push(self.keys.scores(&winners, self.n_subjects, self.n_layers));
            return;
        }
        // Room for the members that are still to come and the last one.
        let end = self.keys.values.len() + 1 + place - self.n_layers;
        for next in level + 1..=end {
            self.with(next, place + 1, &winners, scores);
        }
    }
}

fn collect(scores: Vec<Scores>) -> Competition {
    let n = scores.first().map_or(0, Vec::len);
    let rule = |index: usize, rule: usize| {
        let mut collector = Collector::default();
        for scores in &scores {
            collector.add(scores[index][rule]);
        }
        collector.finish(0)
    };
    let both = |index: usize| BothRules {
        published: rule(index, 0),
        textbook: rule(index, 1),
    };
    Competition {
        pooled: both(0),
        by_subject: (1..n).map(both).collect(),
    }
}
