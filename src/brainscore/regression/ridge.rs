//! Ridge regression with an intercept that is not penalised, one penalty for all targets.
//!
//! ```text
//! primal   w = (XᵀX + α I)⁻¹ Xᵀ Y       ŷ = ȳ + x w
//! dual     c = (X Xᵀ + α I)⁻¹ Y         ŷ = ȳ + x Xᵀ c
//! ```
//!
//! with `X` and `Y` centred on the training images: the same predictions, from a system with as many unknowns as
//! there are units or training images. scikit-learn's `Ridge(alpha)` chooses among them, too.

use ndarray::{Array1, Array2, Axis};

use super::fold::Fold;
use crate::error::{Error, Result};
use crate::ridge::linalg::{self, Workspace};

/// The registry's penalty (SPEC 2.3).
pub const ALPHA: f64 = 1.0;

/// Predicted responses to the test images, `(n_test, n_targets)`.
///
/// - `alpha`: the penalty, positive; not scaled by the number of images.
///
/// # Errors
/// If the system is not positive definite to working precision.
pub(super) fn predict(fold: &Fold, alpha: f64) -> Result<Array2<f64>> {
    let mean = fold.mean_response();
    let predicted = match fold.values() {
        Some(values) => primal(fold, &values, &mean, alpha)?,
        None => dual(fold, &mean, alpha)?,
    };
    Ok(predicted + &mean)
}

fn primal(
    fold: &Fold,
    values: &Array2<f64>,
    mean: &Array1<f64>,
    alpha: f64,
) -> Result<Array2<f64>> {
    let train = values.select(Axis(0), &fold.split.train);
    let test = values.select(Axis(0), &fold.split.test);
    let deviations = fold.gathered_deviations(mean);
    let right = linalg::transpose_product(deviations.view(), train.view());
    let weights = solve(linalg::gram(train.view()), alpha, right)?;
    Ok(linalg::product_transpose(test.view(), weights.view()))
}

fn dual(fold: &Fold, mean: &Array1<f64>, alpha: f64) -> Result<Array2<f64>> {
    let kernel = fold.kernel();
    let right = fold
        .gathered_deviations(mean)
        .t()
        .as_standard_layout()
        .into_owned();
    let coefficients = solve(kernel.train, alpha, right)?;
    Ok(linalg::product_transpose(
        kernel.test.view(),
        coefficients.view(),
    ))
}

/// `(A + α I)⁻¹ b` for every row `b` of `right`, `(n_targets, n)`.
fn solve(mut system: Array2<f64>, alpha: f64, mut right: Array2<f64>) -> Result<Array2<f64>> {
    let n = system.nrows();
    system.diag_mut().mapv_inplace(|value| value + alpha);
    let factor = system.as_slice_mut().expect("standard layout");
    linalg::cholesky(factor, n, &mut Workspace::default()).map_err(|_| {
        Error::data(
            "ridge regression",
            format!("the system is not positive definite with alpha = {alpha}"),
            "take a larger alpha, or scale the features down",
        )
    })?;
    let right_sides = right.as_slice_mut().expect("standard layout");
    linalg::solve_factored(factor, n, right_sides);
    Ok(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::features::Features;
    use crate::brainscore::noise;
    use crate::stats::splits::{self, Size};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dual_and_primal_are_the_same(n in 10_usize..40, p in 1_usize..10, seed in 0_u32..1000) {
            let (x, y) = (noise(n, p, seed), noise(n, 3, seed + 1));
            let features = Features::new(x).unwrap();
            let split = splits::plain(n, 1, Size::Train(0.7), seed).unwrap().remove(0);
            let fold = Fold { features: &features, responses: y.view(), split: &split };
            let mean = fold.mean_response();
            let values = fold.values().unwrap();
            let primal = primal(&fold, &values, &mean, 1.0).unwrap();
            let dual = dual(&fold, &mean, 1.0).unwrap();
            // Condition numbers up to 500 or so.
            prop_assert!((&primal - &dual).iter().all(|d| d.abs() < 1e-12));
        }
    }
}
