//! The shared elimination: many units with overlapping selections solved together.
//!
//! Every unit `u` wants `A[S_u, S_u] w_u = c_u[S_u]` for the same `A`. At a group of units
//! ([`super::grouping`]) the voxels `I` that all of them have selected are eliminated once,
//!
//! ```text
//!     A_II = L Lᵀ        B = A_RI L⁻ᵀ        A_RR ← A_RR − B Bᵀ        y = L⁻¹ c_I        c_R ← c_R − B y
//! ```
//!
//! where `R` are the voxels that *some* unit of the group still needs. The two subgroups go on with
//! their part of `A_RR`, and when their weights `w_R` are known (0 where a unit has not selected a
//! voxel), `w_I = L⁻ᵀ (y − Bᵀ w_R)` for all units of the group in one product.
//!
//! A unit's weights are those of its own Cholesky factorisation with the voxels in another order:
//! exact to rounding, never less stable. The order depends on the selections only, so neither
//! threads nor memory change a bit.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use ndarray::{Array2, ArrayView2};

use super::grouping::{self, Group, Next};
use super::linalg::{self, NotPositiveDefinite, Workspace};

/// Groups with fewer units than this are solved by one thread: others have groups of their own.
const UNITS_PER_TASK: usize = 16;

/// Weights of every unit on its own selected inputs: `A[S_u, S_u] w_u = c[S_u]`.
///
/// - `system`: `A`, symmetric positive definite, `(n_inputs, n_inputs)`.
/// - `rhs`: `c`, `(n_units, n_inputs)`.
/// - `selected`: `S_u` in ascending order, `(n_units, n_selected)`.
///
/// Returns the weights, `(n_units, n_selected)`, as [`super::direct::solve`] does.
pub fn solve(
    system: ArrayView2<f64>,
    rhs: ArrayView2<f64>,
    selected: ArrayView2<u32>,
) -> Result<Array2<f64>, NotPositiveDefinite> {
    let (n_units, k) = selected.dim();
    let mut weights = Array2::zeros((n_units, k));
    if n_units == 0 || k == 0 {
        return Ok(weights);
    }
    let rows: Vec<&[u32]> = selected.rows().into_iter().map(slice).collect();
    let tree = grouping::group(&rows, system.ncols());
    let all: Vec<u32> = (0..system.ncols() as u32).collect();
    let part = Part {
        matrix: system.to_slice().expect("standard layout"),
        inputs: &all,
        rhs: rhs.to_slice().expect("standard layout"),
    };
    let order = units_in_order(&tree);
    let solved = eliminate(&tree, &part, &(0..n_units).collect::<Vec<_>>())?;
    // Rows of the result follow the group's own order of units.
    for (position, &unit) in order.iter().enumerate() {
        let row = &solved.values[position * solved.inputs.len()..][..solved.inputs.len()];
        let places = merge_positions(rows[unit as usize], &solved.inputs);
        for (slot, place) in weights.row_mut(unit as usize).into_iter().zip(places) {
            *slot = row[place];
        }
    }
    Ok(weights)
}

fn slice(row: ndarray::ArrayView1<'_, u32>) -> &[u32] {
    row.to_slice().expect("rows of a standard layout")
}

/// What is left of the system for a group: its ancestors' voxels are eliminated.
struct Part<'a> {
    /// Lower triangle, row-major, `(inputs.len(), inputs.len())`.
    matrix: &'a [f64],
    /// Voxels of rows and columns, ascending.
    inputs: &'a [u32],
    /// Right-hand sides of the parent's units, `(n_units, inputs.len())`.
    rhs: &'a [f64],
}

/// Weights of a group's units.
struct Solved {
    /// Voxels of the columns, ascending.
    inputs: Vec<u32>,
    /// `(n_units, inputs.len())` in the order of [`units_in_order`], 0 where not selected.
    values: Buffer,
}

/// Units of a group in the order of its subgroups.
fn units_in_order(group: &Group) -> Vec<u32> {
    match &group.next {
        Next::Split(left, right) => {
            let mut units = units_in_order(left);
            units.extend(units_in_order(right));
            units
        }
        Next::Single(_) => group.units.clone(),
    }
}

/// Solves a group. `rows[i]` is the row of `part.rhs` that belongs to `group.units[i]`.
fn eliminate(group: &Group, part: &Part, rows: &[usize]) -> Result<Solved, NotPositiveDefinite> {
    let (n, v) = (group.shared.len(), group.rest.len());
    if n == 0 {
        return remaining(group, part, rows);
    }
    let (shared, rest) = (positions(&group.shared, part), positions(&group.rest, part));
    let width = part.inputs.len();
    let mut factor = take(n * n);
    gather_factor(part, &shared, &mut factor);
    WORKSPACE.with_borrow_mut(|workspace| linalg::cholesky(&mut factor, n, workspace))?;

    // Right-hand sides: y = L⁻¹ c_I, a row per unit.
    let mut y = take(rows.len() * n);
    for (target, &row) in y.chunks_exact_mut(n).zip(rows) {
        gather(&part.rhs[row * width..][..width], &shared, target);
    }
    linalg::forward(&factor, n, &mut y);
    if v > 0 {
        let mut coupling = take(v * n);
        gather_coupling(part, &shared, &rest, &mut coupling);
        linalg::forward(&factor, n, &mut coupling);
        let mut matrix = take(v * v);
        gather_lower(part, &rest, &mut matrix);
        linalg::subtract_gram(&mut matrix, &coupling, v, n);
        let mut rhs = take(rows.len() * v);
        for (target, &row) in rhs.chunks_exact_mut(v).zip(rows) {
            gather(&part.rhs[row * width..][..width], &rest, target);
        }
        linalg::subtract_product_transpose(&mut rhs, &y, &coupling, (rows.len(), v, n));
        let inner = Part {
            matrix: &matrix,
            inputs: &group.rest,
            rhs: &rhs,
        };
        let own_rows: Vec<usize> = (0..rows.len()).collect();
        let solved = remaining(group, &inner, &own_rows)?;
        // The units of `solved` are in the order of the subgroups: bring y into that order.
        let y = reorder(y, n, group);
        return Ok(substitute(group, &factor, y, &coupling, solved));
    }
    linalg::backward(&factor, n, &mut y);
    Ok(Solved {
        inputs: group.shared.clone(),
        values: y,
    })
}

/// What follows the elimination: two subgroups, or every unit by itself.
fn remaining(group: &Group, part: &Part, rows: &[usize]) -> Result<Solved, NotPositiveDefinite> {
    match &group.next {
        Next::Split(left, right) => {
            let row_of = |units: &[u32]| -> Vec<usize> {
                let place = |unit: &u32| {
                    group
                        .units
                        .binary_search(unit)
                        .expect("subgroups are parts of the group")
                };
                units.iter().map(|unit| rows[place(unit)]).collect()
            };
            let (left_rows, right_rows) = (row_of(&left.units), row_of(&right.units));
            let one = || eliminate(left, part, &left_rows);
            let other = || eliminate(right, part, &right_rows);
            let (one, other) = if group.units.len() < UNITS_PER_TASK {
                (one(), other())
            } else {
                rayon::join(one, other)
            };
            Ok(stack(&group.rest, one?, other?))
        }
        Next::Single(each) => singles(group, each, part, rows),
    }
}

/// Every unit by its own factorisation of what it still needs.
fn singles(
    group: &Group,
    each: &[Vec<u32>],
    part: &Part,
    rows: &[usize],
) -> Result<Solved, NotPositiveDefinite> {
    let (v, width) = (group.rest.len(), part.inputs.len());
    let mut values = take(rows.len() * v);
    values.fill(0.0);
    for ((row, inputs), target) in rows.iter().zip(each).zip(values.chunks_exact_mut(v.max(1))) {
        let n = inputs.len();
        let places = positions(inputs, part);
        let mut factor = take(n * n);
        gather_factor(part, &places, &mut factor);
        WORKSPACE.with_borrow_mut(|workspace| linalg::cholesky(&mut factor, n, workspace))?;
        let mut solution = take(n);
        gather(&part.rhs[row * width..][..width], &places, &mut solution);
        linalg::solve_factored(&factor, n, &mut solution);
        for (&value, place) in solution.iter().zip(merge_positions(inputs, &group.rest)) {
            target[place] = value;
        }
    }
    Ok(Solved {
        inputs: group.rest.clone(),
        values,
    })
}

/// `w_I = L⁻ᵀ (y − Bᵀ w_R)`, joined with `w_R`.
fn substitute(
    group: &Group,
    factor: &[f64],
    mut y: Buffer,
    coupling: &[f64],
    solved: Solved,
) -> Solved {
    let (n, v) = (group.shared.len(), group.rest.len());
    let n_units = group.units.len();
    linalg::subtract_product(&mut y, &solved.values, coupling, (n_units, n, v));
    linalg::backward(factor, n, &mut y);
    let mut inputs = Vec::with_capacity(n + v);
    inputs.extend_from_slice(&group.shared);
    inputs.extend_from_slice(&group.rest);
    inputs.sort_unstable();
    let (own, others) = (
        merge_positions(&group.shared, &inputs),
        merge_positions(&group.rest, &inputs),
    );
    let width = inputs.len();
    let mut values = take(n_units * width);
    for (unit, row) in values.chunks_exact_mut(width).enumerate() {
        scatter(&y[unit * n..][..n], &own, row);
        scatter(&solved.values[unit * v..][..v], &others, row);
    }
    Solved { inputs, values }
}

/// Two subgroups' weights one above the other, over the voxels `inputs`.
fn stack(inputs: &[u32], one: Solved, other: Solved) -> Solved {
    let width = inputs.len();
    let rows = |solved: &Solved| solved.values.len() / solved.inputs.len().max(1);
    let n_units = rows(&one) + rows(&other);
    let mut values = take(n_units * width);
    values.fill(0.0);
    let mut targets = values.chunks_exact_mut(width.max(1));
    for solved in [one, other] {
        let places = merge_positions(&solved.inputs, inputs);
        for row in solved.values.chunks_exact(solved.inputs.len().max(1)) {
            scatter(row, &places, targets.next().expect("a row per unit"));
        }
    }
    Solved {
        inputs: inputs.to_vec(),
        values,
    }
}

/// Rows of `y`, which follow `group.units`, in the order of the subgroups.
fn reorder(y: Buffer, n: usize, group: &Group) -> Buffer {
    let order = units_in_order(group);
    if order == group.units {
        return y;
    }
    let mut sorted = take(y.len());
    for (target, unit) in sorted.chunks_exact_mut(n).zip(&order) {
        let place = group.units.binary_search(unit).expect("the same units");
        target.copy_from_slice(&y[place * n..][..n]);
    }
    sorted
}

/// Where voxels stand in a part; both ascending.
fn positions(inputs: &[u32], part: &Part) -> Vec<usize> {
    merge_positions(inputs, part.inputs)
}

fn merge_positions(wanted: &[u32], among: &[u32]) -> Vec<usize> {
    let mut at = 0;
    wanted
        .iter()
        .map(|input| {
            while among[at] != *input {
                at += 1;
            }
            at
        })
        .collect()
}

fn gather(row: &[f64], places: &[usize], target: &mut [f64]) {
    target
        .iter_mut()
        .zip(places)
        .for_each(|(slot, &place)| *slot = row[place]);
}

fn scatter(values: &[f64], places: &[usize], row: &mut [f64]) {
    values
        .iter()
        .zip(places)
        .for_each(|(&value, &place)| row[place] = value);
}

/// Lower triangle of `A[I, I]` as a column-major square.
fn gather_factor(part: &Part, places: &[usize], factor: &mut [f64]) {
    let (n, width) = (places.len(), part.inputs.len());
    for (i, &place) in places.iter().enumerate() {
        let row = &part.matrix[place * width..][..=place];
        for (j, &column) in places[..=i].iter().enumerate() {
            factor[j * n + i] = row[column];
        }
    }
}

/// Lower triangle of `A[R, R]`, row-major.
fn gather_lower(part: &Part, places: &[usize], matrix: &mut [f64]) {
    let (v, width) = (places.len(), part.inputs.len());
    for (i, &place) in places.iter().enumerate() {
        let row = &part.matrix[place * width..][..=place];
        gather(row, &places[..=i], &mut matrix[i * v..][..=i]);
    }
}

/// `A[R, I]`, row-major, from a lower triangle.
///
/// Entries left of the diagonal are read along the rows of `R`, the others along the rows of `I`:
/// rows are contiguous, columns of a large matrix are not.
fn gather_coupling(part: &Part, shared: &[usize], rest: &[usize], coupling: &mut [f64]) {
    let (n, width) = (shared.len(), part.inputs.len());
    for (target, &place) in coupling.chunks_exact_mut(n).zip(rest) {
        let row = &part.matrix[place * width..][..=place];
        let before = shared.partition_point(|&other| other < place);
        gather(row, &shared[..before], target);
    }
    for (j, &place) in shared.iter().enumerate() {
        let row = &part.matrix[place * width..][..=place];
        let before = rest.partition_point(|&other| other < place);
        for (i, &other) in rest[..before].iter().enumerate() {
            coupling[i * n + j] = row[other];
        }
    }
}

thread_local! {
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
    /// Memory of finished groups, for the next ones: the inner loop allocates nothing.
    static FREE: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// Arrays that a thread keeps for reuse; a path through the tree needs about four per level.
const KEPT: usize = 64;

/// Numbers that a thread keeps for reuse, 64 MB: what is larger is given back to the system.
const KEPT_LENGTH: usize = 8 << 20;

/// An array of arbitrary content whose memory is used again.
struct Buffer {
    memory: Vec<f64>,
    length: usize,
}

/// A buffer of this length.
fn take(length: usize) -> Buffer {
    let memory = FREE.with_borrow_mut(|free| {
        // The smallest that is large enough, so that large ones stay for large groups.
        let best = (0..free.len())
            .filter(|&i| free[i].len() >= length)
            .min_by_key(|&i| free[i].len());
        best.map(|i| free.swap_remove(i))
    });
    Buffer {
        memory: memory.unwrap_or_else(|| vec![0.0; length]),
        length,
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        FREE.with_borrow_mut(|free| {
            let held: usize = free.iter().map(Vec::len).sum();
            let fits = free.len() < KEPT && held + memory.len() <= KEPT_LENGTH;
            if fits && !memory.is_empty() {
                free.push(memory);
            }
        });
    }
}

impl Deref for Buffer {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.memory[..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.memory[..self.length]
    }
}
