//! Conjugate gradients against one factorisation per unit, their oracle.
#![allow(clippy::unwrap_used)]

use bhscore::ridge::conjugate::{self, Condition, TOLERANCE};
use bhscore::ridge::solve::Knowledge;
use bhscore::ridge::{self, Inputs, Params, direct, linalg};
use ndarray::{Array2, s};
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

    fn matrix(&mut self, rows: usize, columns: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((rows, columns), || self.next())
    }

    /// `k` ascending indices of `among`.
    fn choose(&mut self, k: usize, among: std::ops::Range<usize>) -> Vec<u32> {
        let mut order: Vec<u32> = among.map(|i| i as u32).collect();
        for i in 0..k {
            let rest = order.len() - i;
            let j = i + ((self.next() + 1.0) / 2.0 * rest as f64) as usize % rest;
            order.swap(i, j);
        }
        order.truncate(k);
        order.sort_unstable();
        order
    }
}

/// How units choose their voxels.
#[derive(Debug, Clone, Copy)]
enum Choice {
    Identical,
    Random,
    Disjoint,
    /// Common first voxels, the rest at random from the second half.
    Nested,
}

fn selections(
    choice: Choice,
    n_units: usize,
    k: usize,
    p: usize,
    noise: &mut Noise,
) -> Array2<u32> {
    let first = noise.choose(k, 0..p);
    let rows = (0..n_units).flat_map(|unit| match choice {
        Choice::Identical => first.clone(),
        Choice::Random => noise.choose(k, 0..p),
        Choice::Disjoint => {
            let start = unit * k % p;
            let mut set: Vec<u32> = (start..start + k).map(|i| (i % p) as u32).collect();
            set.sort_unstable();
            set
        }
        Choice::Nested => {
            let common = k / 2;
            let mut set: Vec<u32> = (0..common as u32).collect();
            set.extend(noise.choose(k - common, common..p));
            set
        }
    });
    let rows: Vec<u32> = rows.collect();
    Array2::from_shape_vec((n_units, k), rows).unwrap()
}

fn penalised(x: &Array2<f64>, alpha: f64) -> Array2<f64> {
    let mut system = linalg::gram(x.view());
    system.diag_mut().mapv_inplace(|value| value + alpha);
    system
}

/// Largest difference from the oracle relative to the unit's largest weight; 0 for a unit of zeros.
fn difference(fast: &Array2<f64>, slow: &Array2<f64>) -> f64 {
    let largest = |row: ndarray::ArrayView1<f64>| row.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
    fast.rows()
        .into_iter()
        .zip(slow.rows())
        .map(|(fast, slow)| {
            let off = largest((&fast - &slow).view());
            assert!(!off.is_nan());
            if off == 0.0 { 0.0 } else { off / largest(slow) }
        })
        .fold(0.0, f64::max)
}

fn any_choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        Just(Choice::Identical),
        Just(Choice::Random),
        Just(Choice::Disjoint),
        Just(Choice::Nested),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn weights_are_proven_and_the_proof_is_right(
        choice in any_choice(), n_units in 1usize..140, p in 1usize..150, share in 0.01f64..1.0,
        alpha in prop_oneof![Just(0.01), Just(1.0), Just(30.0)], spread in 0i32..4, seed in 0u64..10_000,
    ) {
        let mut noise = Noise(seed);
        let k = ((p as f64 * share) as usize).clamp(1, p);
        let selected = selections(choice, n_units, k, p, &mut noise);
        let mut x = noise.matrix(3 * p, p);
        // Voxels of different scale, by up to a factor of a thousand.
        for mut column in x.columns_mut() {
            let scale = 10f64.powf(f64::from(spread) * (noise.next() + 1.0) / 2.0);
            column.mapv_inplace(|value| value * scale);
        }
        let system = penalised(&x, alpha);
        let mut rhs = noise.matrix(n_units, p);
        rhs.row_mut(n_units / 2).fill(0.0);
        let slow = direct::solve(system.view(), rhs.view(), selected.view()).unwrap();
        if let Some(condition) = Condition::measure(system.view()) {
            let fast = conjugate::solve(&condition, system.view(), rhs.view(), selected.view()).unwrap();
            let off = difference(&fast, &slow);
            prop_assert!(off <= TOLERANCE, "{off:.1e}");
            prop_assert!(fast.row(n_units / 2).iter().all(|w| *w == 0.0));
        } else {
            prop_assert!(alpha < 1.0 || spread > 1, "a benign system");
        }
    }
}

#[test]
fn a_system_that_cannot_be_proven_gets_the_direct_solution() {
    let mut noise = Noise(3);
    let mut x = noise.matrix(200, 90);
    for column in 1..30 {
        let copy = x.column(0).to_owned();
        x.column_mut(column).assign(&copy);
    }
    let selected = selections(Choice::Random, 40, 60, 90, &mut noise);
    let rhs = noise.matrix(40, 90);
    // Copies and α = 1e-6: condition 1e9. No λ can be proven that single precision could serve.
    let system = penalised(&x, 1e-6);
    assert!(Condition::measure(system.view()).is_none());
    let slow = direct::solve(system.view(), rhs.view(), selected.view()).unwrap();
    let fast = Knowledge::new(false).solve(system.view(), rhs.view(), selected.view());
    assert!(difference(&fast.unwrap(), &slow) < 1e-5);
}

#[test]
fn units_without_a_proof_are_factored() {
    // The condition of another system, far better than this one: the steps do not converge to it, and no proof
    // holds. What comes out must be the direct solution, to the last bit.
    let mut noise = Noise(4);
    let selected = selections(Choice::Random, 30, 40, 80, &mut noise);
    let other = penalised(&noise.matrix(300, 80), 1.0);
    let condition = Condition::measure(other.view()).unwrap();
    let system = penalised(&noise.matrix(90, 80), 1e-3);
    let rhs = noise.matrix(30, 80);
    let fast = conjugate::solve(&condition, system.view(), rhs.view(), selected.view()).unwrap();
    let slow = direct::solve(system.view(), rhs.view(), selected.view()).unwrap();
    assert_eq!(fast, slow);
}

/// Independent selections, large enough that conjugate gradients are chosen.
fn large() -> (Array2<f64>, Array2<f64>, Array2<u32>) {
    let mut noise = Noise(8);
    let system = penalised(&noise.matrix(1600, 320), 10.0);
    let rhs = noise.matrix(150, 320);
    let selected = selections(Choice::Random, 150, 240, 320, &mut noise);
    (system, rhs, selected)
}

#[test]
fn threads_change_no_bit() {
    let (system, rhs, selected) = large();
    let condition = Condition::measure(system.view()).unwrap();
    let solve = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            conjugate::solve(&condition, system.view(), rhs.view(), selected.view()).unwrap()
        })
    };
    let one = solve(1);
    for threads in [2, 4] {
        assert_eq!(one, solve(threads));
    }
}

#[test]
fn independent_selections_get_conjugate_gradients_and_the_switch_forbids_them() {
    let (system, rhs, selected) = large();
    let solve = |force_f64| {
        let knowledge = Knowledge::new(force_f64);
        knowledge
            .solve(system.view(), rhs.view(), selected.view())
            .unwrap()
    };
    let condition = Condition::measure(system.view()).unwrap();
    let iterated =
        conjugate::solve(&condition, system.view(), rhs.view(), selected.view()).unwrap();
    assert_eq!(solve(false), iterated);
    let slow = direct::solve(system.view(), rhs.view(), selected.view()).unwrap();
    assert!(difference(&solve(true), &slow) < 1e-12);
    // The two differ, else this test shows nothing.
    let off = difference(&iterated, &slow);
    assert!(off > 1e-12 && off < TOLERANCE, "{off:.1e}");
}

#[test]
fn a_choice_does_not_depend_on_earlier_blocks() {
    let (system, rhs, selected) = large();
    let few = s![..3, ..];
    let fresh = Knowledge::new(false);
    let alone = fresh.solve(system.view(), rhs.slice(few), selected.slice(few));
    let used = Knowledge::new(false);
    used.solve(system.view(), rhs.view(), selected.view())
        .unwrap();
    let after = used.solve(system.view(), rhs.slice(few), selected.slice(few));
    assert_eq!(alone.unwrap(), after.unwrap());
}

#[test]
fn a_fit_names_its_solver_and_undefined_targets_are_zero() {
    let mut noise = Noise(9);
    let x = noise.matrix(1600, 320);
    let mut y = noise.matrix(1600, 150);
    y[[7, 3]] = f64::NAN;
    let rows: Vec<usize> = (0..1600).collect();
    let fit = |force_f64| {
        let params = Params {
            alpha: 10.0,
            n_selected: 240,
            force_f64,
        };
        let inputs = Inputs::new(x.view(), &rows, 1600, &params);
        let model = ridge::fit(&inputs, y.view()).unwrap();
        (inputs.solver(), model)
    };
    let ((name, mixed), (name_f64, exact)) = (fit(false), fit(true));
    assert_eq!((name, name_f64), ("cholesky+cg", "cholesky"));
    assert!(mixed.weights.row(3).iter().all(|w| *w == 0.0));
    assert_eq!(mixed.selected, exact.selected);
    assert!(mixed.weights != exact.weights);
    assert!(difference(&mixed.weights, &exact.weights) < TOLERANCE);
}
