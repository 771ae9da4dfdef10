//! The cubic spline through given points, with continuous third derivatives at the second point from either end
//! ("not a knot"; de Boor 1978, A Practical Guide to Splines, chapter IV).
//!
//! The one that SciPy's `UnivariateSpline(x, y, s=0)` and `CubicSpline` make. Beyond the ends the outermost pieces go
//! on.

/// A cubic spline.
#[derive(Debug, Clone, PartialEq)]
pub struct Spline {
    x: Vec<f64>,
    y: Vec<f64>,
    /// First derivatives at the points.
    slopes: Vec<f64>,
}

impl Spline {
    /// Through points.
    ///
    /// - `x`: strictly ascending, four at least, `(n_points,)`.
    /// - `y`: `(n_points,)`.
    ///
    /// # Panics
    /// If there are fewer than four points, not one `y` per `x`, or `x` does not ascend.
    #[track_caller]
    pub fn new(x: &[f64], y: &[f64]) -> Spline {
        assert!(x.len() >= 4, "a cubic spline needs four points");
        assert_eq!(x.len(), y.len(), "a value per point");
        assert!(x.is_sorted_by(|a, b| a < b), "points ascend");
        Spline {
            x: x.to_vec(),
            y: y.to_vec(),
            slopes: slopes(x, y),
        }
    }

    /// Value at `x`.
    pub fn at(&self, x: f64) -> f64 {
        let last = self.x.len() - 2;
        let piece = self.x.partition_point(|&point| point <= x);
        let piece = piece.saturating_sub(1).min(last);
        let width = self.x[piece + 1] - self.x[piece];
        let t = (x - self.x[piece]) / width;
        let (y0, y1) = (self.y[piece], self.y[piece + 1]);
        let (s0, s1) = (self.slopes[piece] * width, self.slopes[piece + 1] * width);
        // Hermite's form.
        let rise = y1 - y0;
        y0 + t * (s0 + t * (3.0 * rise - 2.0 * s0 - s1 + t * (s0 + s1 - 2.0 * rise)))
    }
}

/// Derivatives at the points: second derivatives are continuous inside, third ones at the points next to the ends.
fn slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len();
    let h: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let d: Vec<f64> = (0..n - 1).map(|i| (y[i + 1] - y[i]) / h[i]).collect();
    let (mut below, mut diagonal, mut above, mut right) =
        (vec![0.0; n], vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for i in 1..n - 1 {
        (below[i], diagonal[i], above[i]) = (h[i], 2.0 * (h[i - 1] + h[i]), h[i - 1]);
        right[i] = 3.0 * (h[i] * d[i - 1] + h[i - 1] * d[i]);
    }
    // The conditions at the ends, with the outermost slope but one eliminated.
    let end = |h0: f64, h1: f64, d0: f64, d1: f64| {
        let sum = h0 + h1;
        (h1, sum, ((h0 + 2.0 * sum) * h1 * d0 + h0 * h0 * d1) / sum)
    };
    (diagonal[0], above[0], right[0]) = end(h[0], h[1], d[0], d[1]);
    (diagonal[n - 1], below[n - 1], right[n - 1]) = end(h[n - 2], h[n - 3], d[n - 2], d[n - 3]);
    for i in 1..n {
        let factor = below[i] / diagonal[i - 1];
        diagonal[i] -= factor * above[i - 1];
        right[i] -= factor * right[i - 1];
    }
    let mut slopes = right;
    slopes[n - 1] /= diagonal[n - 1];
    for i in (0..n - 1).rev() {
        slopes[i] = (slopes[i] - above[i] * slopes[i + 1]) / diagonal[i];
    }
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cubics_are_their_own_splines(
            coefficients in proptest::array::uniform4(-3.0_f64..3.0),
            steps in proptest::collection::vec(0.2_f64..2.0, 3..12),
        ) {
            let cubic = |x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
            let x: Vec<f64> = steps
                .iter()
                .scan(-3.0, |at, step| { *at += step; Some(*at) })
                .chain([20.0])
                .collect();
            let y: Vec<f64> = x.iter().map(|&x| cubic(x)).collect();
            let spline = Spline::new(&x, &y);
            for i in 0..40 {
                let x = -4.0 + 0.65 * f64::from(i);
                prop_assert!((spline.at(x) - cubic(x)).abs() < 1e-8 * (1.0 + cubic(x).abs()) * 100.0);
            }
        }
    }

    #[test]
    fn points_are_met() {
        let (x, y) = ([0.0, 1.0, 2.5, 3.0, 7.0], [1.0, -2.0, 0.5, 9.0, 3.0]);
        let spline = Spline::new(&x, &y);
        for (x, y) in x.iter().zip(y) {
            assert!((spline.at(*x) - y).abs() < 1e-13);
        }
    }

    #[test]
    #[should_panic(expected = "four points")]
    fn three_points_are_too_few() {
        Spline::new(&[0.0, 1.0, 2.0], &[0.0; 3]);
    }
}
