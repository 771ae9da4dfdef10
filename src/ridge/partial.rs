//! Partial Cholesky factorisation: the arithmetic of the elimination tree in one kernel.
//!
//! A group of units ([`super::shared`]) eliminates `n` voxels, with `v` others left and `u`
//! right-hand sides. All of it is one matrix, of which the first `n` columns are factored:
//!
//! ```text
//!       n    v                     n    v
//! n  ⎡ A_II      ⎤              ⎡ L           ⎤
//! v  ⎢ A_RI A_RR ⎥      →       ⎢ B   A_RR − B Bᵀ ⎥
//! u  ⎣ C_I  C_R  ⎦              ⎣ Y   C_R − Y Bᵀ  ⎦
//! ```
//!
//! Columns are taken in panels. Within a panel, blocks of columns fit the registers: a block is read
//! once, the panel's earlier columns are subtracted, and it is written once (left-looking). What a panel
//! changes behind it is one product of its own ([`super::product`]). Small matrices are one panel, so that
//! they run nearly as fast as large ones.

// Loops over constant bounds, written as in the formulas: iterators hide which register is meant.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::linalg::NotPositiveDefinite;
use super::product::{self, Into, Operand, Out, Threads};

/// Rows of a matrix must be padded to a multiple of this.
pub const LANES: usize = 8;

/// Eliminates the first `pivots` columns of `a`.
///
/// - `a`: column-major, `columns` columns of `stride` rows, `stride` a multiple of [`LANES`] and not
///   less than `columns`. Entries above the diagonal and in rows of padding may be anything and are
///   overwritten with anything.
#[track_caller]
pub fn eliminate(
    a: &mut [f64],
    stride: usize,
    columns: usize,
    pivots: usize,
) -> Result<(), NotPositiveDefinite> {
    assert!(stride.is_multiple_of(LANES) && stride >= columns && pivots <= columns);
    assert_eq!(a.len(), stride * columns, "columns of `stride` rows");
    let mut start = 0;
    while start < pivots {
        let small = columns - start <= SMALL;
        let end = if small {
            columns
        } else {
            pivots.min(start + PANEL)
        };
        let panel = Panel {
            a,
            stride,
            start,
            end,
            pivots,
        };
        // The widest registers that the machine has.
        if !Arch::new().dispatch(panel) {
            return Err(NotPositiveDefinite);
        }
        subtract(a, stride, start..end.min(pivots), end..columns);
        start = end;
    }
    Ok(())
}

/// Matrices with at most this many columns are one panel.
const SMALL: usize = 64;

/// Pivots of a panel; a multiple of [`LANES`].
const PANEL: usize = 48;

/// Subtracts what some pivots contribute to columns behind them, on and below the diagonal.
fn subtract(a: &mut [f64], stride: usize, pivots: Range<usize>, behind: Range<usize>) {
    if behind.is_empty() {
        return;
    }
    let (before, after) = a.split_at_mut(behind.start * stride);
    // Row-major, the matrix is its transpose.
    let out = Out {
        values: &mut after[behind.start..],
        stride,
        size: (behind.len(), stride - behind.start),
    };
    let factor = Operand {
        values: &before[pivots.start * stride + behind.start..],
        term_stride: stride,
        lane_stride: 1,
    };
    let into = Into::UpperReduced;
    product::multiply(out, pivots.len(), factor, factor, into, Threads::This);
}

/// Neighbouring columns to be factored, for a version of the code per width of registers.
struct Panel<'a> {
    a: &'a mut [f64],
    stride: usize,
    start: usize,
    end: usize,
    /// Pivots of the whole matrix: the columns from there on are brought up to date only.
    pivots: usize,
}

impl WithSimd for Panel<'_> {
    /// False where a pivot is not positive.
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> bool {
        // 2 × 8 sums are half of the 32 registers of 512 bits, 2 × 4 half of the 16 smaller ones.
        if S::F64_LANES == LANES {
            self.in_blocks::<S, 8>(simd)
        } else {
            self.in_blocks::<S, 4>(simd)
        }
    }
}

impl Panel<'_> {
    #[inline(always)]
    fn in_blocks<S: Simd, const COLUMNS: usize>(mut self, simd: S) -> bool {
        let mut first = self.start;
        while first < self.end {
            // A block is either factored or not.
            let factored = first < self.pivots;
            let left = if factored {
                self.pivots.min(self.end)
            } else {
                self.end
            } - first;
            let (width, positive) = if left >= COLUMNS {
                (COLUMNS, self.block::<S, COLUMNS>(simd, first))
            } else if left >= 4 {
                (4, self.block::<S, 4>(simd, first))
            } else if left >= 2 {
                (2, self.block::<S, 2>(simd, first))
            } else {
                (1, self.block::<S, 1>(simd, first))
            };
            if !positive {
                return false;
            }
            first += width;
        }
        true
    }

    /// Brings one block of columns up to date, and factors it if it holds pivots.
    #[inline(always)]
    fn block<S: Simd, const COLUMNS: usize>(&mut self, simd: S, first: usize) -> bool {
        let stride = self.stride;
        let (before, block) = self.a.split_at_mut(first * stride);
        let mut block = Block::<COLUMNS> {
            columns: &mut block[..COLUMNS * stride],
            before: &before[self.start * stride..first.min(self.pivots) * stride],
            stride,
            first,
            factor: None,
        };
        // Whole registers: a few rows above the diagonal are computed for nothing.
        let mut row = first / LANES * LANES;
        if first < self.pivots {
            // Blocks of pivots start at multiples of their width: the square is within these rows.
            for row in (row..row + LANES).step_by(S::F64_LANES) {
                block.rows::<S, 1>(simd, row, true);
            }
            block.factor = Factor::of(block.diagonal());
            if block.factor.is_none() {
                return false;
            }
            for row in (row..row + LANES).step_by(S::F64_LANES) {
                block.rows::<S, 1>(simd, row, false);
            }
            row += LANES;
        }
        while row + 2 * S::F64_LANES <= stride {
            block.rows::<S, 2>(simd, row, true);
            row += 2 * S::F64_LANES;
        }
        if row < stride {
            block.rows::<S, 1>(simd, row, true);
        }
        true
    }
}

/// Some neighbouring columns.
struct Block<'a, const COLUMNS: usize> {
    columns: &'a mut [f64],
    /// The pivot columns to their left.
    before: &'a [f64],
    stride: usize,
    /// Number of the first.
    first: usize,
    /// Their own factor, once it is known, if they are pivots.
    factor: Option<Factor<COLUMNS>>,
}

impl<const COLUMNS: usize> Block<'_, COLUMNS> {
    /// The square on the diagonal, by columns.
    #[inline(always)]
    fn diagonal(&self) -> [[f64; COLUMNS]; COLUMNS] {
        let mut square = [[0.0; COLUMNS]; COLUMNS];
        for (values, column) in square
            .iter_mut()
            .zip(self.columns.chunks_exact(self.stride))
        {
            values.copy_from_slice(&column[self.first..self.first + COLUMNS]);
        }
        square
    }

    /// Brings `VECTORS` registers of rows up to date: `X ← (X − Σ X_k y_kᵀ) L⁻ᵀ`, without the sum if
    /// it was subtracted before.
    #[inline(always)]
    fn rows<S: Simd, const VECTORS: usize>(&mut self, simd: S, row: usize, subtract: bool) {
        let end = row + VECTORS * S::F64_LANES;
        let mut sums = [[simd.splat_f64s(0.0); VECTORS]; COLUMNS];
        for (sums, column) in sums.iter_mut().zip(self.columns.chunks_exact(self.stride)) {
            sums.copy_from_slice(S::as_simd_f64s(&column[row..end]).0);
        }
        let before = if subtract { self.before } else { &[] };
        for column in before.chunks_exact(self.stride) {
            let x = S::as_simd_f64s(&column[row..end]).0;
            let x: [S::f64s; VECTORS] = std::array::from_fn(|v| simd.neg_f64s(x[v]));
            let y = &column[self.first..self.first + COLUMNS];
            for j in 0..COLUMNS {
                let y = simd.splat_f64s(y[j]);
                for v in 0..VECTORS {
                    sums[j][v] = simd.mul_add_e_f64s(x[v], y, sums[j][v]);
                }
            }
        }
        if let Some(factor) = &self.factor {
            factor.divide(simd, &mut sums);
        }
        for (sums, column) in sums.iter().zip(self.columns.chunks_exact_mut(self.stride)) {
            S::as_mut_simd_f64s(&mut column[row..end])
                .0
                .copy_from_slice(sums);
        }
    }
}

/// Cholesky factor of a block's diagonal square.
struct Factor<const COLUMNS: usize> {
    /// `lower[i][j]`, `j < i`.
    lower: [[f64; COLUMNS]; COLUMNS],
    inverse_diagonal: [f64; COLUMNS],
}

impl<const COLUMNS: usize> Factor<COLUMNS> {
    /// The factor of a square given by columns; `None` if it is not positive definite.
    #[inline(always)]
    fn of(square: [[f64; COLUMNS]; COLUMNS]) -> Option<Self> {
        let mut lower = [[0.0; COLUMNS]; COLUMNS];
        let mut inverse_diagonal = [0.0; COLUMNS];
        for j in 0..COLUMNS {
            let mut pivot = square[j][j];
            for k in 0..j {
                pivot -= lower[j][k] * lower[j][k];
            }
            let positive = pivot > 0.0 && pivot.is_finite();
            if !positive {
                return None;
            }
            inverse_diagonal[j] = pivot.sqrt().recip();
            for i in j + 1..COLUMNS {
                let mut value = square[j][i];
                for k in 0..j {
                    value -= lower[i][k] * lower[j][k];
                }
                lower[i][j] = value * inverse_diagonal[j];
            }
        }
        Some(Factor {
            lower,
            inverse_diagonal,
        })
    }

    /// Rows times `L⁻ᵀ`; rows of the square itself become those of `L`.
    #[inline(always)]
    fn divide<S: Simd, const VECTORS: usize>(
        &self,
        simd: S,
        rows: &mut [[S::f64s; VECTORS]; COLUMNS],
    ) {
        for j in 0..COLUMNS {
            for k in 0..j {
                let factor = simd.splat_f64s(-self.lower[j][k]);
                for v in 0..VECTORS {
                    rows[j][v] = simd.mul_add_e_f64s(rows[k][v], factor, rows[j][v]);
                }
            }
            let inverse = simd.splat_f64s(self.inverse_diagonal[j]);
            for value in &mut rows[j] {
                *value = simd.mul_f64s(*value, inverse);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Entry by entry, from the definition.
    fn by_definition(a: &mut [f64], stride: usize, rows: usize, columns: usize, pivots: usize) {
        for k in 0..pivots {
            let pivot = a[k * stride + k].sqrt();
            for i in k..rows {
                a[k * stride + i] /= pivot;
            }
            for j in k + 1..columns {
                for i in j..rows {
                    a[j * stride + i] -= a[k * stride + i] * a[k * stride + j];
                }
            }
        }
    }

    proptest! {
        #[test]
        fn equals_the_definition(columns in 1usize..200, more in 0usize..30, share in 0.0f64..1.001, seed in 0u64..1000) {
            let (rows, pivots) = (columns + more, (columns as f64 * share) as usize);
            let stride = rows.next_multiple_of(LANES);
            let mut state = seed;
            let mut noise = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
            };
            // NaN above the diagonal and in the padding must not matter.
            let mut a = vec![f64::NAN; stride * columns];
            for j in 0..columns {
                for i in j..rows {
                    a[j * stride + i] = noise() + if i == j { columns as f64 } else { 0.0 };
                }
            }
            let mut expected = a.clone();
            by_definition(&mut expected, stride, rows, columns, pivots);
            eliminate(&mut a, stride, columns, pivots).unwrap();
            for j in 0..columns {
                for i in j..rows {
                    let (found, wanted) = (a[j * stride + i], expected[j * stride + i]);
                    prop_assert!((found - wanted).abs() < 1e-12 * columns as f64, "{i} {j}: {found} {wanted}");
                }
            }
        }
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        for bad in [-1.0, 0.0, f64::NAN, f64::INFINITY] {
            let mut a = vec![0.0; 16 * 9];
            (0..9).for_each(|i| a[i * 16 + i] = if i == 8 { bad } else { 1.0 });
            assert_eq!(
                eliminate(&mut a, 16, 9, 9),
                Err(NotPositiveDefinite),
                "{bad}"
            );
            assert_eq!(eliminate(&mut a, 16, 9, 8), Ok(()), "the last is no pivot");
        }
    }
}
