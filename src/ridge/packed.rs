//! A small symmetric matrix with ones on its diagonal, in single precision, and its product with a vector.
//!
//! Half of the matrix is stored, so that one of 500 rows (half a megabyte) stays in a core's own
//! cache while a solver multiplies with it again and again. Each entry is read once per product and
//! used twice.

use faer::traits::pulp::{Arch, Simd, WithSimd};

/// Rows that are taken together: each stretch of the vector is read once for all of them.
const ROWS: usize = 4;

/// Widths are multiples of this, so that no vector of any processor has a remainder.
const LANES: usize = 16;

/// Length of vectors for a matrix of `n` rows: `n` and some zeros.
pub fn padded(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

/// Numbers that the packed matrix of `n` rows takes.
pub fn packed_len(n: usize) -> usize {
    (0..padded(n))
        .step_by(ROWS)
        .map(|first| ROWS * width(first))
        .sum()
}

/// Columns of the panel that begins with this row: up to its diagonal, and some zeros.
fn width(first: usize) -> usize {
    (first + ROWS).next_multiple_of(LANES)
}

/// Packs `A[S, S]` of a full matrix with ones on its diagonal.
///
/// - `matrix`: `A`, symmetric, row-major, `(n_inputs, n_inputs)`.
/// - `selected`: `S`, ascending.
/// - `packed`: receives [`packed_len`] numbers.
pub fn pack(matrix: &[f32], n_inputs: usize, selected: &[u32], packed: &mut [f32]) {
    let n = selected.len();
    let mut rest = packed;
    for first in (0..padded(n)).step_by(ROWS) {
        let (panel, after) = rest.split_at_mut(ROWS * width(first));
        rest = after;
        for (row, target) in (first..).zip(panel.chunks_exact_mut(width(first))) {
            let Some(&input) = selected.get(row) else {
                target.fill(0.0);
                continue;
            };
            let source = &matrix[input as usize * n_inputs..][..n_inputs];
            for (slot, &other) in target.iter_mut().zip(&selected[..row]) {
                *slot = source[other as usize];
            }
            target[row..].fill(0.0);
        }
    }
}

/// `y = A x` for a packed matrix; `x` and `y` have the [`padded`] length, zeros at the end.
///
/// Sums are in an order that depends on the processor's vectors only.
#[track_caller]
pub fn product(packed: &[f32], x: &[f32], y: &mut [f32]) {
    assert!(x.len() == y.len() && packed.len() == packed_len(x.len()));
    Arch::new().dispatch(Product { packed, x, y });
}

struct Product<'a> {
    packed: &'a [f32],
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { packed, x, y } = self;
        y.copy_from_slice(x);
        let mut rest = packed;
        for first in (0..x.len()).step_by(ROWS) {
            let width = width(first);
            let (panel, after) = rest.split_at(ROWS * width);
            rest = after;
            let (a, b) = panel.split_at(2 * width);
            let ((a, b), (c, d)) = (a.split_at(width), b.split_at(width));
            let rows = [a, b, c, d].map(|row| S::as_simd_f32s(row).0);
            let factors = [0, 1, 2, 3].map(|row| simd.splat_f32s(x[first + row]));
            let mut sums = [simd.splat_f32s(0.0); ROWS];
            let (left, _) = S::as_simd_f32s(&x[..width]);
            let (target, _) = S::as_mut_simd_f32s(&mut y[..width]);
            let columns = rows[0].iter().zip(rows[1]).zip(rows[2]).zip(rows[3]);
            for ((((&a, &b), &c), &d), (&left, target)) in columns.zip(left.iter().zip(target)) {
                sums[0] = simd.mul_add_e_f32s(a, left, sums[0]);
                sums[1] = simd.mul_add_e_f32s(b, left, sums[1]);
                sums[2] = simd.mul_add_e_f32s(c, left, sums[2]);
                sums[3] = simd.mul_add_e_f32s(d, left, sums[3]);
                let two = simd.mul_add_e_f32s(b, factors[1], simd.mul_f32s(a, factors[0]));
                let four =
                    simd.mul_add_e_f32s(d, factors[3], simd.mul_add_e_f32s(c, factors[2], two));
                *target = simd.add_f32s(*target, four);
            }
            for (row, sum) in sums.into_iter().enumerate() {
                y[first + row] += simd.reduce_sum_f32s(sum);
            }
        }
    }
}

/// `aᵀ a` in double precision of single products; `a` has a [`padded`] length.
pub fn square(a: &[f32]) -> f64 {
    dot(a, a)
}

/// `aᵀ b` in double precision of single products; both have a [`padded`] length.
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut total = [0.0_f64; LANES];
            // Short runs in single precision, their sums in double.
            for (a, b) in a.chunks(8 * LANES).zip(b.chunks(8 * LANES)) {
                let mut sums = [0.0_f32; LANES];
                for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
                    for lane in 0..LANES {
                        sums[lane] += a[lane] * b[lane];
                    }
                }
                for lane in 0..LANES {
                    total[lane] += f64::from(sums[lane]);
                }
            }
            total.iter().sum()
        },
    )
}

/// `y += factor · x`.
pub fn add_scaled(y: &mut [f32], factor: f32, x: &[f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            y.iter_mut()
                .zip(x)
                .for_each(|(slot, value)| *slot += factor * value)
        },
    );
}

/// `y = x + factor · y`.
pub fn scale_add(y: &mut [f32], factor: f32, x: &[f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            y.iter_mut()
                .zip(x)
                .for_each(|(slot, value)| *slot = value + factor * *slot)
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_match_their_definition() {
        let p = 90;
        let entry = |i: usize, j: usize| {
            let (i, j) = (i.max(j), i.min(j));
            if i == j {
                1.0
            } else {
                ((i * 31 + j * 17) % 23) as f32 / 8.0 - 1.0
            }
        };
        let matrix: Vec<f32> = (0..p * p).map(|at| entry(at / p, at % p)).collect();
        for n in [1, 2, 3, 4, 5, 15, 16, 17, 31, 64, 90] {
            let selected: Vec<u32> = (0..n as u32).map(|i| i * p as u32 / n as u32).collect();
            let mut packed = vec![f32::NAN; packed_len(n)];
            pack(&matrix, p, &selected, &mut packed);
            let mut x = vec![0.0; padded(n)];
            (0..n).for_each(|i| x[i] = (i % 7) as f32 - 3.0);
            let mut y = vec![f32::NAN; padded(n)];
            product(&packed, &x, &mut y);
            for i in 0..padded(n) {
                let expected: f32 = if i < n {
                    (0..n)
                        .map(|j| entry(selected[i] as usize, selected[j] as usize) * x[j])
                        .sum()
                } else {
                    0.0
                };
                // Multiples of an eighth: all sums are exact.
                assert_eq!(y[i], expected, "row {i} of {n}");
            }
            let expected: f64 = (0..n).map(|i| f64::from(x[i] * y[i])).sum();
            assert_eq!(dot(&x, &y), expected);
        }
    }
}
