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
use std::ops::{Deref, DerefMut, Range};

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::grouping::{self, Group, Next};
use super::linalg::{self, NotPositiveDefinite};
use super::partial;

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
    if selected.is_empty() {
        return Ok(Array2::zeros(selected.dim()));
    }
    solve_grouped(&group(selected, system.ncols()), system, rhs, selected)
}

/// The tree of a block; see [`grouping::group`].
pub fn group(selected: ArrayView2<u32>, n_inputs: usize) -> Group {
    let rows: Vec<&[u32]> = selected.rows().into_iter().map(slice).collect();
    grouping::group(&rows, n_inputs)
}

/// [`solve`] for units whose tree is known, at least one.
pub fn solve_grouped(
    tree: &Group,
    system: ArrayView2<f64>,
    rhs: ArrayView2<f64>,
    selected: ArrayView2<u32>,
) -> Result<Array2<f64>, NotPositiveDefinite> {
    let (n_units, k) = selected.dim();
    let n_inputs = system.ncols();
    let mut weights = Array2::zeros((n_units, k));
    let rows: Vec<&[u32]> = selected.rows().into_iter().map(slice).collect();
    // From here on units stand in the order of the tree: every group is a range of them.
    let order = units_in_order(tree);
    let all: Vec<u32> = (0..n_inputs as u32).collect();
    let rhs = rhs_by_column(rhs, &order);
    let part = Part {
        matrix: system.to_slice().expect("standard layout"),
        matrix_stride: n_inputs,
        rhs: &rhs,
        rhs_stride: n_units,
        inputs: &all,
    };
    let mut dense = vec![0.0; n_units * n_inputs];
    solve_group(tree, &part, &mut Rows::new(&mut dense, n_inputs))?;

    let mut position_of = vec![0; n_units];
    for (position, &unit) in order.iter().enumerate() {
        position_of[unit as usize] = position;
    }
    weights
        .as_slice_mut()
        .expect("standard layout")
        .par_chunks_mut(k)
        .zip(rows)
        .zip(position_of)
        .with_min_len(UNITS_PER_TASK)
        .for_each(|((weights, inputs), position)| {
            let row = &dense[position * n_inputs..][..n_inputs];
            for (weight, &input) in weights.iter_mut().zip(inputs) {
                *weight = row[input as usize];
            }
        });
    Ok(weights)
}

fn slice(row: ndarray::ArrayView1<'_, u32>) -> &[u32] {
    row.to_slice().expect("rows of a standard layout")
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

/// Right-hand sides with the units of a voxel side by side, in the given order.
fn rhs_by_column(rhs: ArrayView2<f64>, order: &[u32]) -> Vec<f64> {
    let mut columns = vec![0.0; rhs.len()];
    columns
        .par_chunks_mut(COLUMNS_PER_TASK * order.len())
        .enumerate()
        .for_each(|(task, columns)| {
            for (position, &unit) in order.iter().enumerate() {
                let values = rhs.row(unit as usize);
                let first = task * COLUMNS_PER_TASK;
                for (column, target) in columns.chunks_exact_mut(order.len()).enumerate() {
                    target[position] = values[first + column];
                }
            }
        });
    columns
}

/// Columns that are written side by side: a cache line of every row read.
const COLUMNS_PER_TASK: usize = 8;

/// What is left of the system for a group: its ancestors' voxels are eliminated.
struct Part<'a> {
    /// Lower triangle by columns, `matrix_stride` apart.
    matrix: &'a [f64],
    matrix_stride: usize,
    /// A column per input, `rhs_stride` apart, with the group's units in it.
    rhs: &'a [f64],
    rhs_stride: usize,
    /// Voxels of rows and columns, ascending.
    inputs: &'a [u32],
}

impl Part<'_> {
    /// The part for some of the units, by their place in the group.
    fn of_units(&self, units: Range<usize>) -> Part<'_> {
        Part {
            rhs: &self.rhs[units.start..],
            ..*self
        }
    }
}

/// Weights of a group's units, dense: 0 where a voxel is not selected.
struct Rows<'a> {
    values: &'a mut [f64],
    n_inputs: usize,
}

impl<'a> Rows<'a> {
    fn new(values: &'a mut [f64], n_inputs: usize) -> Rows<'a> {
        Rows { values, n_inputs }
    }

    fn split(&mut self, n_units: usize) -> (Rows<'_>, Rows<'_>) {
        let (left, right) = self.values.split_at_mut(n_units * self.n_inputs);
        (
            Rows::new(left, self.n_inputs),
            Rows::new(right, self.n_inputs),
        )
    }

    /// Weights of some voxels, a row per unit.
    fn gather(&self, inputs: &[u32]) -> Buffer {
        let n_units = self.values.len() / self.n_inputs;
        let mut gathered = take(n_units * inputs.len());
        let rows = self.values.chunks_exact(self.n_inputs);
        for (target, row) in gathered.chunks_exact_mut(inputs.len().max(1)).zip(rows) {
            for (slot, &input) in target.iter_mut().zip(inputs) {
                *slot = row[input as usize];
            }
        }
        gathered
    }

    fn scatter(&mut self, inputs: &[u32], values: &[f64]) {
        let rows = self.values.chunks_exact_mut(self.n_inputs);
        for (row, values) in rows.zip(values.chunks_exact(inputs.len().max(1))) {
            for (&value, &input) in values.iter().zip(inputs) {
                row[input as usize] = value;
            }
        }
    }
}

/// Solves a group whose units are the columns' entries of `part.rhs` from the first on.
fn solve_group(group: &Group, part: &Part, weights: &mut Rows) -> Result<(), NotPositiveDefinite> {
    if group.shared.is_empty() {
        return solve_rest(group, part, weights);
    }
    let panel = Panel::eliminate(part, &group.shared, &group.rest, group.units.len())?;
    if !group.rest.is_empty() {
        solve_rest(group, &panel.rest(&group.rest), weights)?;
    }
    panel.substitute(&group.shared, &group.rest, weights);
    Ok(())
}

/// What follows the elimination: two subgroups, or every unit by itself.
fn solve_rest(group: &Group, part: &Part, weights: &mut Rows) -> Result<(), NotPositiveDefinite> {
    match &group.next {
        Next::Split(left, right) => {
            let (n_left, n_units) = (left.units.len(), group.units.len());
            let (mut one, mut other) = weights.split(n_left);
            let mut one = || solve_group(left, part, &mut one);
            let mut other = || solve_group(right, &part.of_units(n_left..n_units), &mut other);
            let (one, other) = if n_units < UNITS_PER_TASK {
                (one(), other())
            } else {
                rayon::join(one, other)
            };
            one.and(other)
        }
        Next::Single(each) => singles(part, each, weights),
    }
}

/// Every unit by its own factorisation of what it still needs.
fn singles(part: &Part, each: &[Vec<u32>], weights: &mut Rows) -> Result<(), NotPositiveDefinite> {
    let n_inputs = weights.n_inputs;
    let solve = |(unit, (inputs, row)): (usize, (&Vec<u32>, &mut [f64]))| {
        if inputs.is_empty() {
            return Ok(());
        }
        let panel = Panel::eliminate(&part.of_units(unit..unit + 1), inputs, &[], 1)?;
        panel.substitute(inputs, &[], &mut Rows::new(row, n_inputs));
        Ok(())
    };
    if each.len() < UNITS_PER_TASK {
        let rows = weights.values.chunks_exact_mut(n_inputs);
        each.iter().zip(rows).enumerate().try_for_each(solve)
    } else {
        let rows = weights.values.par_chunks_exact_mut(n_inputs);
        each.par_iter().zip(rows).enumerate().try_for_each(solve)
    }
}

/// The matrix of [`super::partial`] after the elimination of a group's common voxels.
struct Panel {
    values: Buffer,
    stride: usize,
    n_shared: usize,
    n_rest: usize,
    n_units: usize,
}

impl Panel {
    fn eliminate(
        part: &Part,
        shared: &[u32],
        rest: &[u32],
        n_units: usize,
    ) -> Result<Panel, NotPositiveDefinite> {
        let (n_shared, n_rest) = (shared.len(), rest.len());
        let n_columns = n_shared + n_rest;
        let stride = (n_columns + n_units).next_multiple_of(partial::LANES);
        let mut values = take(stride * n_columns);
        let (shared, rest) = (positions(shared, part), positions(rest, part));
        let mut columns = values.chunks_exact_mut(stride);
        for (j, &place) in shared.iter().enumerate() {
            let column = columns.next().expect("a column per input");
            part.gather_column(&shared[j..], place, &mut column[j..]);
            // Below the diagonal of the parent only; the others follow.
            let before = rest.partition_point(|&other| other < place);
            part.gather_column(&rest[before..], place, &mut column[n_shared + before..]);
            part.gather_rhs(place, &mut column[n_columns..][..n_units]);
        }
        for (i, &place) in rest.iter().enumerate() {
            let column = columns.next().expect("a column per input");
            part.gather_column(&rest[i..], place, &mut column[n_shared + i..]);
            part.gather_rhs(place, &mut column[n_columns..][..n_units]);
        }
        for (i, &place) in rest.iter().enumerate() {
            let column = &part.matrix[place * part.matrix_stride..];
            let after = shared.partition_point(|&other| other < place);
            for (j, &other) in shared.iter().enumerate().skip(after) {
                values[j * stride + n_shared + i] = column[other];
            }
        }
        partial::eliminate(&mut values, stride, n_columns, n_shared)?;
        Ok(Panel {
            values,
            stride,
            n_shared,
            n_rest,
            n_units,
        })
    }

    /// What is left for the subgroups.
    fn rest<'a>(&'a self, inputs: &'a [u32]) -> Part<'a> {
        let columns = &self.values[self.n_shared * self.stride..];
        Part {
            matrix: &columns[self.n_shared..],
            matrix_stride: self.stride,
            rhs: &columns[self.n_shared + self.n_rest..],
            rhs_stride: self.stride,
            inputs,
        }
    }

    /// `w_I = L⁻ᵀ (y − Bᵀ w_R)` for all units.
    fn substitute(&self, shared: &[u32], rest: &[u32], weights: &mut Rows) {
        let n = self.n_shared;
        let first_unit = n + self.n_rest;
        let mut solution = take(self.n_units * n);
        for (j, column) in self.values.chunks_exact(self.stride).take(n).enumerate() {
            let values = &column[first_unit..][..self.n_units];
            let targets = solution[j..].iter_mut().step_by(n);
            targets.zip(values).for_each(|(slot, value)| *slot = *value);
        }
        let known = weights.gather(rest);
        linalg::substitute(
            &mut solution,
            &known,
            &self.values[..n * self.stride],
            self.stride,
            (self.n_units, n, self.n_rest),
        );
        weights.scatter(shared, &solution);
    }
}

impl Part<'_> {
    /// Entries of a column at some places, none above the diagonal.
    fn gather_column(&self, places: &[usize], column: usize, target: &mut [f64]) {
        let values = &self.matrix[column * self.matrix_stride..];
        let values = &values[..self.inputs.len()];
        target
            .iter_mut()
            .zip(places)
            .for_each(|(slot, &place)| *slot = values[place]);
    }

    fn gather_rhs(&self, column: usize, target: &mut [f64]) {
        target.copy_from_slice(&self.rhs[column * self.rhs_stride..][..target.len()]);
    }
}

/// Where voxels stand in a part; both ascending.
fn positions(inputs: &[u32], part: &Part) -> Vec<usize> {
    let mut at = 0;
    inputs
        .iter()
        .map(|input| {
            while part.inputs[at] != *input {
                at += 1;
            }
            at
        })
        .collect()
}

thread_local! {
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
