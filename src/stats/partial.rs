//! Partial correlation: what two lists share once the controls are taken out of both.
//!
//! ```text
//! r = Pearson(x − P x, y − P y),   P: least squares on a constant and the controls
//! ```

use super::relation::pearson;

/// What is left of a list, as a share of its spread, below which it counts as explained.
///
/// Rounding leaves 1e-15; a correlation of what rounding left would be noise.
const EXPLAINED: f64 = 1e-10;

/// Pearson's r of `x` and `y` with `controls` taken out of both.
///
/// - `x`, `y`: `(n,)`; `controls`: each `(n,)`. Without controls this is Pearson's r.
///
/// NaN when `x`, `y` or a control is constant or explained by the controls (before it), or anything is NaN.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn partial(x: &[f64], y: &[f64], controls: &[Vec<f64>]) -> f64 {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(controls.len());
    for control in controls {
        assert_eq!(control.len(), x.len(), "controls must have the length of x");
        let Some(rest) = residuals(control, &basis) else {
            return f64::NAN;
        };
        let length = norm(&rest);
        basis.push(rest.into_iter().map(|value| value / length).collect());
    }
    match (residuals(x, &basis), residuals(y, &basis)) {
        (Some(x), Some(y)) => pearson(&x, &y),
        _ => f64::NAN,
    }
}

/// `values` without their mean and their part in the span of `basis`, whose lists are orthonormal and
/// have mean zero; `None` if nothing is left.
fn residuals(values: &[f64], basis: &[Vec<f64>]) -> Option<Vec<f64>> {
    let mut rest = centred(values);
    let spread = norm(&rest);
    // The second round removes what rounding left of the first.
    for _ in 0..2 {
        for direction in basis {
            let part = dot(&rest, direction);
            for (value, along) in rest.iter_mut().zip(direction) {
                *value -= part * along;
            }
        }
        rest = centred(&rest);
    }
    let constant = values.windows(2).all(|pair| pair[0] == pair[1]);
    (!constant && norm(&rest) > EXPLAINED * spread).then_some(rest)
}

fn centred(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| value - mean).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [f64; 6] = [1.0, 4.0, 2.0, 8.0, 5.0, 7.0];
    const Y: [f64; 6] = [2.0, 1.0, 3.0, 5.0, 9.0, 4.0];
    const Z: [f64; 6] = [0.5, 0.1, 0.9, 0.4, 0.3, 0.2];

    #[test]
    fn one_control_follows_the_textbook_formula() {
        let (xy, xz, yz) = (pearson(&X, &Y), pearson(&X, &Z), pearson(&Y, &Z));
        let expected = (xy - xz * yz) / ((1.0 - xz * xz) * (1.0 - yz * yz)).sqrt();
        let found = partial(&X, &Y, &[Z.to_vec()]);
        assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    }

    #[test]
    fn what_the_controls_explain_is_undefined() {
        let double: Vec<f64> = X.iter().map(|x| 2.0 * x + 0.1).collect();
        assert!(partial(&X, &Y, std::slice::from_ref(&double)).is_nan());
        assert!(partial(&Y, &Z, &[X.to_vec(), double]).is_nan());
        assert!(partial(&X, &Y, &[vec![0.1; 6]]).is_nan());
        assert!(partial(&X, &Y, &[vec![f64::NAN; 6]]).is_nan());
    }
}
