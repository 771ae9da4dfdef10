//! Which units are solved together: a tree of groups of similar selections.
//!
//! Units of a layer select overlapping voxels. Where all units of a group have selected a voxel, it
//! can be eliminated once for all of them; what remains is passed on to two subgroups, down to single
//! units. This file decides the groups from the selections alone; [`super::shared`] does the
//! arithmetic.
//!
//! A group is split by the two selections in it that lie far apart: every unit goes with the nearer
//! one, by the number of voxels in which two selections differ. That takes three comparisons of bit
//! sets per unit and level. A cost estimate decides for each group whether eliminating and splitting
//! pays, or whether its units are better solved one by one.

use rayon::prelude::*;

/// Voxels that a group must share before they are eliminated for the group. A smaller number is left to the
/// subgroups: the update of what remains would be limited by memory, not by arithmetic.
const LEAST_SHARED: usize = 24;

/// Relative time of one multiply-add where the remaining matrix is copied, against one in products.
const COPY_COST: f64 = 50.0;

/// Relative time of one multiply-add in an elimination, against one in a unit's own factorisation: its matrices
/// are smaller and of more shapes. Measured: 1.6 on independent selections, where the two compete.
const ELIMINATION_COST: f64 = 1.6;

/// Groups with fewer units than this are split by one thread.
const UNITS_PER_TASK: usize = 64;

/// A set of voxels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    fn of(indices: &[u32], n: usize) -> Bits {
        let mut words = vec![0u64; n.div_ceil(64)];
        for &index in indices {
            words[index as usize / 64] |= 1 << (index % 64);
        }
        Bits(words)
    }

    fn distance(&self, other: &Bits) -> u32 {
        self.0
            .iter()
            .zip(&other.0)
            .map(|(a, b)| (a ^ b).count_ones())
            .sum()
    }

    fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn zip(&self, other: &Bits, op: impl Fn(u64, u64) -> u64) -> Bits {
        Bits(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(a, b)| op(*a, *b))
                .collect(),
        )
    }

    fn len_without(&self, other: &Bits) -> usize {
        self.0
            .iter()
            .zip(&other.0)
            .map(|(a, b)| (a & !b).count_ones() as usize)
            .sum()
    }

    fn indices(&self) -> Vec<u32> {
        let mut indices = Vec::with_capacity(self.len());
        for (position, &word) in self.0.iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                indices.push(64 * position as u32 + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
        indices
    }
}

/// A group of units and what is done with them.
#[derive(Debug)]
pub struct Group {
    /// Units of the group.
    pub units: Vec<u32>,
    /// Voxels eliminated for the whole group, ascending.
    pub shared: Vec<u32>,
    /// Voxels that some unit of the group still needs afterwards, ascending.
    pub rest: Vec<u32>,
    /// How the group goes on.
    pub next: Next,
    /// Estimated multiply-adds, subgroups included.
    pub cost: f64,
}

/// What follows the elimination.
#[derive(Debug)]
pub enum Next {
    /// Two subgroups.
    Split(Box<Group>, Box<Group>),
    /// Each unit by itself, with the voxels it still needs (none for a single unit).
    Single(Vec<Vec<u32>>),
}

/// Groups units by their selections, each `n_selected` ascending indices below `n_inputs`.
pub fn group(selected: &[&[u32]], n_inputs: usize) -> Group {
    let sets: Vec<Bits> = selected
        .par_iter()
        .map(|indices| Bits::of(indices, n_inputs))
        .collect();
    let units: Vec<u32> = (0..sets.len() as u32).collect();
    build(&sets, units, &Bits(vec![0; n_inputs.div_ceil(64)]))
}

fn build(sets: &[Bits], units: Vec<u32>, eliminated: &Bits) -> Group {
    let of = |unit: u32| &sets[unit as usize];
    let first = of(units[0]);
    let (all, any) = units[1..]
        .iter()
        .fold((first.clone(), first.clone()), |(all, any), &unit| {
            (
                all.zip(of(unit), |a, b| a & b),
                any.zip(of(unit), |a, b| a | b),
            )
        });
    let mut shared = all.zip(eliminated, |a, b| a & !b);
    if shared.len() < LEAST_SHARED && units.len() > 1 {
        shared = Bits(vec![0; shared.0.len()]);
    }
    let now = eliminated.zip(&shared, |a, b| a | b);
    let rest = any.zip(&now, |a, b| a & !b);
    let (n_shared, n_rest) = (shared.len() as f64, rest.len() as f64);
    let own = elimination_cost(n_shared, n_rest, units.len() as f64);
    if units.len() == 1 {
        let next = Next::Single(vec![Vec::new()]);
        return Group {
            units,
            shared: shared.indices(),
            rest: Vec::new(),
            next,
            cost: own,
        };
    }
    let alone: f64 = units
        .iter()
        .map(|&unit| single_cost(of(unit).len_without(eliminated) as f64))
        .sum();
    let (left, right) = split(sets, &units);
    if let Some((left, right)) = left.zip(right) {
        let both = (|| build(sets, left, &now), || build(sets, right, &now));
        let (left, right) = if units.len() < UNITS_PER_TASK {
            (both.0(), both.1())
        } else {
            rayon::join(both.0, both.1)
        };
        let cost = own + left.cost + right.cost;
        if cost < alone {
            let next = Next::Split(Box::new(left), Box::new(right));
            return Group {
                units,
                shared: shared.indices(),
                rest: rest.indices(),
                next,
                cost,
            };
        }
    }
    // One by one, either after the common elimination (all selections equal: nothing is left) or
    // without it.
    let after: f64 = units
        .iter()
        .map(|&unit| single_cost(of(unit).len_without(&now) as f64))
        .sum();
    if own + after < alone {
        let each = units
            .iter()
            .map(|&unit| of(unit).zip(&now, |a, b| a & !b).indices())
            .collect();
        let (shared, rest) = (shared.indices(), rest.indices());
        return Group {
            units,
            shared,
            rest,
            next: Next::Single(each),
            cost: own + after,
        };
    }
    let each = units
        .iter()
        .map(|&unit| of(unit).zip(eliminated, |a, b| a & !b).indices())
        .collect();
    let rest = any.zip(eliminated, |a, b| a & !b).indices();
    Group {
        units,
        shared: Vec::new(),
        rest,
        next: Next::Single(each),
        cost: alone,
    }
}

/// Two parts by nearness to two selections that are far apart; `None` if all are equal.
fn split(sets: &[Bits], units: &[u32]) -> (Option<Vec<u32>>, Option<Vec<u32>>) {
    let farthest = |from: u32| -> u32 {
        let distance = |unit: &u32| sets[*unit as usize].distance(&sets[from as usize]);
        // The first of equals, so that the result does not depend on how the maximum is sought.
        units
            .iter()
            .copied()
            .rev()
            .max_by_key(|unit| distance(unit))
            .expect("not empty")
    };
    let a = farthest(units[0]);
    let b = farthest(a);
    if sets[a as usize] == sets[b as usize] {
        return (None, None);
    }
    let nearer_to_a = |unit: &u32| {
        let set = &sets[*unit as usize];
        set.distance(&sets[a as usize]) < set.distance(&sets[b as usize])
    };
    let (left, right): (Vec<u32>, Vec<u32>) = units.iter().partition(|unit| nearer_to_a(unit));
    (Some(left), Some(right))
}

/// Multiply-adds of eliminating `n` voxels with `rest` remaining, for `units` right-hand sides.
fn elimination_cost(n: f64, rest: f64, units: f64) -> f64 {
    if n == 0.0 {
        return 0.0;
    }
    let matrix = n * n * n / 3.0 + n * n * rest + n * rest * rest / 2.0;
    ELIMINATION_COST * matrix
        + 2.0 * units * n * (n / 2.0 + rest)
        + COPY_COST * (n + rest) * (n + rest) / 2.0
}

/// Multiply-adds of one unit's own factorisation and solution.
fn single_cost(n: f64) -> f64 {
    n * n * n / 3.0 + n * n + COPY_COST * n * n / 2.0
}
