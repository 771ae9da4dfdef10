//! Products of matrices in double precision: the Gram matrix and the cross products of a fit.
//!
//! The usual scheme (Goto & van de Geijn 2008): `TERMS` terms of all sums at a time are copied into
//! panels that a kernel reads from end to end, and a tile of sums stays in registers. On two cores of a
//! processor with 256-bit registers the Gram matrix of 6,000 × 1,000 takes 106 ms where `faer` took 127,
//! and the products of 1,200 × 1,000 × 1,000 take 38 where it took 53 (`tests/bench/records/`).
//!
//! Every entry is the sum of its terms in ascending order, in runs of `TERMS` that are added one after
//! the other. Neither threads, nor the size of the matrix, nor the width of the registers change a bit of it.

use std::cell::{Cell, RefCell};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

pub use super::panel::Operand;
use super::panel::{aligned, pack};

/// Terms of a sum that are copied at once: a panel of the right operand fits into the first cache.
const TERMS: usize = 384;

/// Rows of the result that one task computes; their copies fit into a core's second cache.
const ROWS_PER_TASK: usize = 48;

/// Columns of the right operand that are copied at once, 12 MB of them at most.
const COLUMNS_AT_ONCE: usize = 4096;

/// Panels that one task copies.
const PANELS_PER_TASK: usize = 16;

/// What happens to the entries of the result.
#[derive(Clone, Copy, PartialEq)]
pub enum Into {
    /// `C = A B`.
    Replaced,
    /// `C = A B`, on and below the diagonal; entries above it may get anything.
    LowerReplaced,
    /// `C −= A B`.
    Reduced,
    /// `C −= A B`, on and above the diagonal; entries below it may get anything.
    UpperReduced,
}

/// The result.
pub struct Out<'a> {
    /// Row-major.
    pub values: &'a mut [f64],
    /// From one row to the next.
    pub stride: usize,
    /// Numbers of rows and columns.
    pub size: (usize, usize),
}

/// Who computes.
#[derive(Clone, Copy, PartialEq)]
pub enum Threads {
    /// All of the pool.
    All,
    /// The calling one.
    This,
}

/// `c = a b` or `c −= a b`, with sums of `n_terms` terms.
#[track_caller]
pub fn multiply(c: Out, n_terms: usize, a: Operand, b: Operand, into: Into, threads: Threads) {
    let (rows, columns) = c.size;
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(
        columns <= c.stride && c.values.len() >= (rows - 1) * c.stride + columns,
        "room for all rows"
    );
    if n_terms == 0 {
        if matches!(into, Into::Replaced | Into::LowerReplaced) {
            let values = c.values.chunks_mut(c.stride).take(rows);
            values.for_each(|row| row[..columns].fill(0.0));
        }
        return;
    }
    let tile = Tile::of_this_machine();
    let mut memory = RIGHT.take();
    for left in (0..columns).step_by(COLUMNS_AT_ONCE) {
        let width = COLUMNS_AT_ONCE.min(columns - left);
        for first in (0..n_terms).step_by(TERMS) {
            let n_terms = TERMS.min(n_terms - first);
            let panel = tile.columns * n_terms;
            let right = b.from(first, left);
            let panels = aligned(&mut memory, width.div_ceil(tile.columns) * panel);
            let copy = |(i, panel): (usize, &mut [f64])| {
                pack(right, i * tile.columns, width, tile.columns, panel);
            };
            match threads {
                Threads::All => panels
                    .par_chunks_mut(panel)
                    .enumerate()
                    .with_min_len(PANELS_PER_TASK)
                    .for_each(copy),
                Threads::This => panels.chunks_mut(panel).enumerate().for_each(copy),
            }
            let panels = &*panels;
            let compute = |(task, values): (usize, &mut [f64])| {
                let top = task * ROWS_PER_TASK;
                let block = Block {
                    c: &mut values[left..],
                    stride: c.stride,
                    height: ROWS_PER_TASK.min(rows - top),
                    width,
                    n_terms,
                    write: Write::of(into, first == 0),
                    needed: Needed::of(into, top, left),
                };
                block.multiply(a.from(first, top), panels, tile);
            };
            let n_tasks = rows.div_ceil(ROWS_PER_TASK);
            let blocks = ROWS_PER_TASK * c.stride;
            match threads {
                Threads::All => c
                    .values
                    .par_chunks_mut(blocks)
                    .take(n_tasks)
                    .enumerate()
                    .for_each(compute),
                Threads::This => c
                    .values
                    .chunks_mut(blocks)
                    .take(n_tasks)
                    .enumerate()
                    .for_each(compute),
            }
        }
    }
    RIGHT.set(memory);
}

/// Sums that the kernel holds in registers.
#[derive(Clone, Copy)]
struct Tile {
    rows: usize,
    columns: usize,
}

/// Registers side by side in a tile.
const VECTORS: usize = 2;

/// Rows of a tile where there are 32 registers, which have this many lanes, and where there are 16: the sums
/// and a vector of either operand leave one to spare.
const MANY_ROWS: usize = 12;
const MOST_LANES: usize = 8;
const FEW_ROWS: usize = 6;

impl Tile {
    fn of_this_machine() -> Tile {
        struct Lanes;
        impl WithSimd for Lanes {
            type Output = usize;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> usize {
                S::F64_LANES
            }
        }
        let lanes = Arch::new().dispatch(Lanes);
        Tile {
            rows: if lanes == MOST_LANES {
                MANY_ROWS
            } else {
                FEW_ROWS
            },
            columns: VECTORS * lanes,
        }
    }
}

/// How sums reach the result.
#[derive(Clone, Copy)]
enum Write {
    Replace,
    Add,
    Subtract,
}

impl Write {
    fn of(into: Into, first_terms: bool) -> Write {
        match into {
            Into::Reduced | Into::UpperReduced => Write::Subtract,
            _ if first_terms => Write::Replace,
            _ => Write::Add,
        }
    }
}

/// Some rows and columns of the result, and the terms that are added to them.
struct Block<'a> {
    /// Row-major from the first of the columns on, rows `stride` apart.
    c: &'a mut [f64],
    stride: usize,
    height: usize,
    width: usize,
    n_terms: usize,
    write: Write,
    needed: Needed,
}

/// Which tiles of a block are needed; `row - column` of its first entry with the diagonal.
#[derive(Clone, Copy)]
enum Needed {
    All,
    Lower(isize),
    Upper(isize),
}

impl Needed {
    fn of(into: Into, top: usize, left: usize) -> Needed {
        let below = top as isize - left as isize;
        match into {
            Into::LowerReplaced => Needed::Lower(below),
            Into::UpperReduced => Needed::Upper(below),
            Into::Replaced | Into::Reduced => Needed::All,
        }
    }

    /// Whether a tile from this row and column of the block on has an entry that is needed.
    fn includes(self, (row, rows): (usize, usize), (column, columns): (usize, usize)) -> bool {
        match self {
            Needed::All => true,
            Needed::Lower(below) => below + (row + rows) as isize > column as isize,
            Needed::Upper(below) => below + (row as isize) < (column + columns) as isize,
        }
    }
}

thread_local! {
    /// Panels of a thread's rows.
    static LEFT: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
    /// Panels of the right operand of the product that a thread asked for.
    static RIGHT: Cell<Vec<f64>> = const { Cell::new(Vec::new()) };
}

impl Block<'_> {
    /// With the left operand from the block's first row and term on, and panels of the right one.
    fn multiply(self, a: Operand, right: &[f64], tile: Tile) {
        LEFT.with_borrow_mut(|memory| {
            let panel = tile.rows * self.n_terms;
            let left = aligned(memory, self.height.div_ceil(tile.rows) * panel);
            for (i, panel) in left.chunks_exact_mut(panel).enumerate() {
                pack(a, i * tile.rows, self.height, tile.rows, panel);
            }
            let block = self;
            Arch::new().dispatch(Kernel { block, left, right });
        });
    }
}

/// A block, for a version of the code per width of registers.
struct Kernel<'a> {
    block: Block<'a>,
    left: &'a [f64],
    right: &'a [f64],
}

impl WithSimd for Kernel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::F64_LANES == MOST_LANES {
            self.in_tiles::<S, MANY_ROWS>(simd)
        } else {
            self.in_tiles::<S, FEW_ROWS>(simd)
        }
    }
}

impl Kernel<'_> {
    #[inline(always)]
    fn in_tiles<S: Simd, const ROWS: usize>(self, simd: S) {
        let Kernel {
            mut block,
            left,
            right,
        } = self;
        let columns = VECTORS * S::F64_LANES;
        for (j, b) in right.chunks_exact(columns * block.n_terms).enumerate() {
            for (i, a) in left.chunks_exact(ROWS * block.n_terms).enumerate() {
                let (row, column) = (i * ROWS, j * columns);
                if block.needed.includes((row, ROWS), (column, columns)) {
                    let sums = tile::<S, ROWS>(simd, a, b);
                    block.store(simd, row, column, &sums);
                }
            }
        }
    }
}

/// The sums of one tile.
#[inline(always)]
fn tile<S: Simd, const ROWS: usize>(simd: S, a: &[f64], b: &[f64]) -> [[S::f64s; VECTORS]; ROWS] {
    let mut sums = [[simd.splat_f64s(0.0); VECTORS]; ROWS];
    let (a, _) = a.as_chunks::<ROWS>();
    let (b, _) = S::as_simd_f64s(b).0.as_chunks::<VECTORS>();
    for (a, b) in a.iter().zip(b) {
        for (sums, a) in sums.iter_mut().zip(a) {
            let a = simd.splat_f64s(*a);
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = simd.mul_add_e_f64s(a, *b, *sum);
            }
        }
    }
    sums
}

impl Block<'_> {
    #[inline(always)]
    fn store<S: Simd, const ROWS: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: &[[S::f64s; VECTORS]; ROWS],
    ) {
        let columns = VECTORS * S::F64_LANES;
        let (height, width) = (self.height - row, columns.min(self.width - column));
        for (r, sums) in sums.iter().enumerate().take(height) {
            let c = &mut self.c[(row + r) * self.stride + column..][..width];
            // The last columns go through an array of whole registers.
            let mut last = [0.0; VECTORS * MOST_LANES];
            if width < columns {
                last[..width].copy_from_slice(c);
                write(
                    simd,
                    self.write,
                    sums,
                    S::as_mut_simd_f64s(&mut last[..columns]).0,
                );
                c.copy_from_slice(&last[..width]);
            } else {
                write(simd, self.write, sums, S::as_mut_simd_f64s(c).0);
            }
        }
    }
}

#[inline(always)]
fn write<S: Simd>(simd: S, write: Write, sums: &[S::f64s; VECTORS], c: &mut [S::f64s]) {
    for (c, sum) in c.iter_mut().zip(sums) {
        *c = match write {
            Write::Replace => *sum,
            Write::Add => simd.add_f64s(*c, *sum),
            Write::Subtract => simd.sub_f64s(*c, *sum),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        };
        (0..n).map(|_| next()).collect()
    }

    /// Both operands' rows run along the sums, or their columns do.
    fn operand(values: &[f64], lanes: usize, n_terms: usize, by_term: bool) -> Operand<'_> {
        let (term_stride, lane_stride) = if by_term { (lanes, 1) } else { (1, n_terms) };
        Operand {
            values,
            term_stride,
            lane_stride,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn equals_the_definition(
            rows in 1usize..120, columns in 1usize..60, n_terms in 0usize..900,
            a_by_term: bool, b_by_term: bool, kind in 0..4usize, gap in 0usize..4, seed in 0u64..1000,
        ) {
            let (left, right) = (noise(rows * n_terms + 1, seed), noise(columns * n_terms + 1, seed + 1));
            let (a, b) = (operand(&left, rows, n_terms, a_by_term), operand(&right, columns, n_terms, b_by_term));
            let into = [Into::Replaced, Into::LowerReplaced, Into::Reduced, Into::UpperReduced][kind];
            let stride = columns + gap;
            let before = noise(rows * stride, seed + 2);
            let mut c = before.clone();
            let out = Out { values: &mut c, stride, size: (rows, columns) };
            multiply(out, n_terms, a, b, into, [Threads::All, Threads::This][gap % 2]);
            let at = |o: Operand, term, lane| o.values[term * o.term_stride + lane * o.lane_stride];
            for i in 0..rows {
                for j in 0..stride {
                    let (found, before) = (c[i * stride + j], before[i * stride + j]);
                    if j >= columns {
                        prop_assert_eq!(found, before);
                        continue;
                    }
                    let sum: f64 = (0..n_terms).map(|t| at(a, t, i) * at(b, t, j)).sum();
                    let wanted = match into {
                        Into::LowerReplaced if j > i => continue,
                        Into::UpperReduced if j < i => continue,
                        Into::Replaced | Into::LowerReplaced => sum,
                        Into::Reduced | Into::UpperReduced => before - sum,
                    };
                    // 900 products of at most 1/4, rounded to 2^-53 each.
                    prop_assert!((found - wanted).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn an_entry_does_not_depend_on_the_others() {
        let (rows, columns, n_terms) = (130, COLUMNS_AT_ONCE + 30, 400);
        let (left, right) = (noise(rows * n_terms, 1), noise(columns * n_terms, 2));
        let mut all = vec![0.0; rows * columns];
        let (a, b) = (
            operand(&left, rows, n_terms, true),
            operand(&right, columns, n_terms, true),
        );
        let product = |values: &mut [f64], size: (usize, usize), a, b| {
            let out = Out {
                values,
                stride: size.1,
                size,
            };
            multiply(out, n_terms, a, b, Into::Replaced, Threads::All);
        };
        product(&mut all, (rows, columns), a, b);
        for (row, column) in [
            (0, 0),
            (47, 4095),
            (48, 4096),
            (129, columns - 1),
            (100, 77),
        ] {
            let mut one = [0.0];
            product(&mut one, (1, 1), a.from(0, row), b.from(0, column));
            assert_eq!(
                one[0].to_bits(),
                all[row * columns + column].to_bits(),
                "{row} {column}"
            );
        }
    }
}
