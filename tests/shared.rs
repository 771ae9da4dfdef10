//! The shared elimination against one factorisation per unit, its oracle.
#![allow(clippy::unwrap_used)]

use bhscore::ridge::grouping::{self, Group, Next};
use bhscore::ridge::{direct, linalg, shared};
use ndarray::Array2;
use proptest::prelude::*;

struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn below(&mut self, n: usize) -> usize {
        ((self.next() + 1.0) / 2.0 * n as f64) as usize % n
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((rows, columns), || self.next())
    }
}

/// How units choose their voxels.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// All units alike.
    Identical,
    /// Everything at random.
    Random,
    /// A window on a ring at the unit's place, with a few strangers.
    Window,
    /// As many different windows as fit side by side.
    Disjoint,
    /// A common core, the rest at random.
    Core,
}

/// `n_units` sets of `k` ascending indices below `p`.
fn choose(choice: Choice, n_units: usize, k: usize, p: usize, noise: &mut Noise) -> Array2<u32> {
    let mut selected = Array2::zeros((n_units, k));
    for unit in 0..n_units {
        let mut order: Vec<usize> = match choice {
            Choice::Identical => (0..p).map(|i| i * 7 % p.max(1)).collect(),
            Choice::Window => (0..p).map(|i| (i + unit * p / n_units) % p).collect(),
            Choice::Disjoint => (0..p).map(|i| (i + unit * k) % p).collect(),
            Choice::Random | Choice::Core => (0..p).collect(),
        };
        let fixed = match choice {
            Choice::Random => 0,
            Choice::Core => k * 3 / 4,
            Choice::Window => k * 9 / 10,
            Choice::Identical | Choice::Disjoint => k,
        };
        if let Choice::Identical = choice {
            order = (0..p).collect();
        }
        for i in fixed..k {
            let j = i + noise.below(p - i);
            order.swap(i, j);
        }
        let mut set: Vec<u32> = order[..k].iter().map(|&i| i as u32).collect();
        set.sort_unstable();
        selected
            .row_mut(unit)
            .iter_mut()
            .zip(set)
            .for_each(|(slot, index)| *slot = index);
    }
    selected
}

/// Largest difference from the oracle relative to the unit's largest weight.
fn difference(
    selected: &Array2<u32>,
    p: usize,
    alpha: f64,
    duplicates: bool,
    noise: &mut Noise,
) -> f64 {
    let mut x = noise.matrix(2 * p, p);
    if duplicates {
        for column in 1..p / 3 {
            let copy = x.column(0).to_owned();
            x.column_mut(column).assign(&copy);
        }
    }
    let mut system = linalg::gram(x.view());
    system.diag_mut().mapv_inplace(|value| value + alpha);
    let rhs = noise.matrix(selected.nrows(), p);
    let fast = shared::solve(system.view(), rhs.view(), selected.view()).unwrap();
    let slow = direct::solve(system.view(), rhs.view(), selected.view()).unwrap();
    fast.rows()
        .into_iter()
        .zip(slow.rows())
        .map(|(fast, slow)| {
            let scale = slow.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
            fast.iter()
                .zip(slow)
                .fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()))
                / scale
        })
        .fold(0.0, f64::max)
}

fn any_choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        Just(Choice::Identical),
        Just(Choice::Random),
        Just(Choice::Window),
        Just(Choice::Disjoint),
        Just(Choice::Core),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]
    #[test]
    fn weights_equal_those_of_each_unit_alone(
        choice in any_choice(), n_units in 1usize..70, p in 1usize..180, share in 0.01f64..1.0,
        seed in 0u64..10_000,
    ) {
        let mut noise = Noise(seed);
        let k = ((p as f64 * share) as usize).clamp(1, p);
        let selected = choose(choice, n_units, k, p, &mut noise);
        let off = difference(&selected, p, 1.0, false, &mut noise);
        // Both orders of elimination round; the condition number stays below a thousand.
        prop_assert!(off < 1e-11, "{off:.1e}");
    }
}

#[test]
fn duplicate_voxels_and_a_tiny_penalty_cost_no_more_than_their_condition() {
    let mut noise = Noise(5);
    let selected = choose(Choice::Core, 40, 60, 90, &mut noise);
    // Copies of one voxel and α = 1e-6: condition 1e9, of which both solvers lose the same digits.
    let off = difference(&selected, 90, 1e-6, true, &mut noise);
    assert!(off < 1e-5, "{off:.1e}");
}

fn largest_shared(group: &Group) -> usize {
    let below = match &group.next {
        Next::Split(left, right) => largest_shared(left).max(largest_shared(right)),
        Next::Single(_) => 0,
    };
    below.max(group.shared.len() * usize::from(group.units.len() > 1))
}

fn tree_of(selected: &Array2<u32>, p: usize) -> Group {
    let rows: Vec<&[u32]> = selected
        .rows()
        .into_iter()
        .map(|row| row.to_slice().unwrap())
        .collect();
    grouping::group(&rows, p)
}

#[test]
fn overlapping_selections_are_eliminated_together() {
    let mut noise = Noise(6);
    let identical = tree_of(&choose(Choice::Identical, 20, 80, 160, &mut noise), 160);
    assert_eq!(largest_shared(&identical), 80);
    let window = tree_of(&choose(Choice::Window, 60, 80, 160, &mut noise), 160);
    assert!(largest_shared(&window) >= 20);
    let alone: f64 = 60.0 * (80.0_f64.powi(3) / 3.0 + 80.0 * 80.0);
    assert!(
        identical.cost < alone / 5.0,
        "{} of {alone}",
        identical.cost
    );
}

#[test]
fn every_unit_is_in_exactly_one_leaf() {
    fn leaves(group: &Group, found: &mut Vec<u32>) {
        match &group.next {
            Next::Split(left, right) => {
                leaves(left, found);
                leaves(right, found);
            }
            Next::Single(_) => found.extend(&group.units),
        }
    }
    let mut noise = Noise(7);
    let tree = tree_of(&choose(Choice::Core, 100, 70, 150, &mut noise), 150);
    let mut found = Vec::new();
    leaves(&tree, &mut found);
    found.sort_unstable();
    assert_eq!(found, (0..100).collect::<Vec<u32>>());
}

#[test]
fn threads_change_no_bit() {
    let mut noise = Noise(8);
    let selected = choose(Choice::Window, 90, 100, 200, &mut noise);
    let mut system = linalg::gram(noise.matrix(400, 200).view());
    system.diag_mut().mapv_inplace(|value| value + 1.0);
    let rhs = noise.matrix(90, 200);
    let solve = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| shared::solve(system.view(), rhs.view(), selected.view()).unwrap())
    };
    let one = solve(1);
    for threads in [2, 4] {
        assert_eq!(one, solve(threads));
    }
}

#[test]
fn an_indefinite_system_is_reported() {
    let mut noise = Noise(9);
    let selected = choose(Choice::Window, 30, 40, 80, &mut noise);
    let system = Array2::from_elem((80, 80), 1.0);
    let rhs = noise.matrix(30, 80);
    let result = shared::solve(system.view(), rhs.view(), selected.view());
    assert_eq!(result.unwrap_err(), linalg::NotPositiveDefinite);
}
