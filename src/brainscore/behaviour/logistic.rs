//! Multinomial logistic regression with a quadratic penalty, to the optimum.
//!
//! ```text
//! minimise  C Σ_i [log Σ_k exp(ℓ_ik) − ℓ_i,y_i] + ½ ‖W‖²      ℓ = x W + b
//! ```
//!
//! The objective is that of scikit-learn's `LogisticRegression`, strictly convex in `W`; the intercept is free, or
//! penalised like a weight. Solved by Newton's method (Nocedal & Wright 2006, algorithm 7.1): every step by conjugate
//! gradients with products of the Hessian only,
//!
//! ```text
//! H V = λ ∘ V + C X̂ᵀ (P ∘ L − P ∘ (P ∘ L) 1 1ᵀ)       X̂ = [X 1], L = X̂ V, λ = 1 but for a free intercept
//! ```
//!
//! preconditioned by its diagonal with a mean `p (1 − p)` of every class. Where the columns of `X` are orthogonal, as
//! those of [`span`](super::span), that leaves little to do: some ten products a step.

use ndarray::{Array1, Array2, ArrayView2, Axis, Zip, s};

use crate::error::{Error, Result};
use crate::ridge::linalg;

/// Newton's method stops after a full step that moves no logit further. A step removes all but 1 % of the error, so
/// probabilities are then some 1e-11 from the optimum, less than features in single precision decide.
const TOLERANCE: f64 = 1e-9;
/// Residual of a step's equations, relative, at which conjugate gradients stop.
const RESIDUAL: f64 = 1e-2;
/// Steps before giving up; problems of the registry take about ten.
const MOST_STEPS: usize = 100;
/// Iterations of conjugate gradients in a step, at most.
const MOST_ITERATIONS: usize = 500;
/// Share of the predicted decrease that a step must bring (Nocedal & Wright 2006, equation 3.6a).
const DECREASE: f64 = 1e-4;
/// Decreases smaller than so many roundings of the objective are not told from none.
const ROUNDINGS: f64 = 64.0;
/// Least mean `p (1 − p)` of a class in the preconditioner, which must not be 0.
const LEAST_VARIANCE: f64 = 1e-12;

/// What happens to the intercept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Intercept {
    /// Not penalised.
    #[default]
    Free,
    /// Penalised like any weight.
    Penalised,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    /// `W` and in the last row `b`, `(n_axes + 1, n_classes)`.
    weights: Array2<f64>,
    /// Newton steps that were taken.
    pub n_steps: usize,
}

impl Logistic {
    /// Fits the model.
    ///
    /// - `x`: `(n_images, n_axes)`.
    /// - `classes`: class of every image, below `n_classes`, `(n_images,)`; each class is there.
    /// - `c`: `C`, positive; larger is less penalty.
    ///
    /// # Errors
    /// If there is nothing to tell apart, a class has no image, or values are not finite.
    pub fn fit(
        x: ArrayView2<'_, f64>,
        classes: &[usize],
        n_classes: usize,
        c: f64,
        intercept: Intercept,
    ) -> Result<Logistic> {
        check(x.nrows(), classes, n_classes, c)?;
        let problem = Problem::new(x, classes, c, intercept);
        let mut weights = Array2::zeros((x.ncols() + 1, n_classes));
        let mut logits = Array2::zeros((x.nrows(), n_classes));
        for n_steps in 1..=MOST_STEPS {
            let probabilities = softmax(&logits);
            let gradient = problem.gradient(&weights, &probabilities);
            let step = problem.newton_step(&gradient, &probabilities);
            let change = problem.logits(&step);
            if change.iter().all(|moved| moved.abs() <= TOLERANCE) {
                weights += &step;
                return Ok(Logistic { weights, n_steps });
            }
            let slope = (&gradient * &step).sum();
            let Some(length) = problem.length((&weights, &step), (&logits, &change), slope) else {
                break;
            };
            weights.scaled_add(length, &step);
            logits.scaled_add(length, &change);
        }
        Err(Error::data(
            "logistic regression",
            "does not converge",
            "check that the features are finite and not huge, or penalise more",
        ))
    }

    /// Probability of every class, `(n_images, n_classes)`; rows sum to 1.
    ///
    /// - `x`: `(n_images, n_axes)`.
    ///
    /// # Panics
    /// If `x` has another number of axes.
    #[track_caller]
    pub fn probabilities(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        let (n_axes, last) = (x.ncols(), self.weights.nrows() - 1);
        assert_eq!(n_axes, last, "the axes that the model was fitted on");
        let weights = self.weights.slice(s![..last, ..]);
        softmax(&(linalg::transpose_product(x.t(), weights) + self.weights.row(last)))
    }

    /// `b`, `(n_classes,)`.
    pub fn intercept(&self) -> Array1<f64> {
        self.weights.row(self.weights.nrows() - 1).to_owned()
    }
}

/// Refuses what cannot be learned, whatever the features are.
///
/// # Errors
/// If `C` is not positive, a class has no image, or there is one class only.
pub(super) fn check(n_images: usize, classes: &[usize], n_classes: usize, c: f64) -> Result<()> {
    let refuse = |problem: String, remedy: &str| {
        Err(Error::data(
            "logistic regression",
            problem,
            remedy.to_owned(),
        ))
    };
    if !(c > 0.0 && c.is_finite()) {
        return refuse(format!("C is {c}"), "give a positive number");
    }
    if classes.len() != n_images || classes.iter().any(|&class| class >= n_classes) {
        return refuse(
            format!(
                "{n_images} images have {} classes, or one beyond the {n_classes} there are",
                classes.len()
            ),
            "give one class per image, counted from 0",
        );
    }
    if n_classes < 2 {
        return refuse(
            "has nothing to tell apart".into(),
            "give two classes or more",
        );
    }
    match (0..n_classes).find(|class| !classes.contains(class)) {
        None => Ok(()),
        Some(class) => refuse(
            format!("class {class} has no image to learn from"),
            "give images of every class, or leave the class out",
        ),
    }
}

/// What is minimised.
struct Problem<'a> {
    /// `X̂`, `(n_images, n_axes + 1)`.
    design: Array2<f64>,
    /// Squares of its columns, summed.
    squares: Array1<f64>,
    /// `λ`, `(n_axes + 1,)`.
    penalties: Array1<f64>,
    classes: &'a [usize],
    c: f64,
}

impl<'a> Problem<'a> {
    fn new(
        x: ArrayView2<'_, f64>,
        classes: &'a [usize],
        c: f64,
        intercept: Intercept,
    ) -> Problem<'a> {
        let (n, n_axes) = x.dim();
        let mut design = Array2::ones((n, n_axes + 1));
        design.slice_mut(s![.., ..n_axes]).assign(&x);
        let mut penalties = Array1::ones(n_axes + 1);
        if intercept == Intercept::Free {
            penalties[n_axes] = 0.0;
        }
        Problem {
            squares: design.map_axis(Axis(0), |column| column.dot(&column)),
            design,
            penalties,
            classes,
            c,
        }
    }

    fn logits(&self, weights: &Array2<f64>) -> Array2<f64> {
        linalg::transpose_product(self.design.t(), weights.view())
    }

    /// `λ ∘ V + C X̂ᵀ M`.
    fn with_penalty(&self, v: &Array2<f64>, m: &Array2<f64>) -> Array2<f64> {
        let mut sum = linalg::transpose_product(self.design.view(), m.view());
        Zip::from(sum.rows_mut())
            .and(v.rows())
            .and(&self.penalties)
            .for_each(|mut sum, v, &penalty| {
                Zip::from(&mut sum)
                    .and(&v)
                    .for_each(|sum, v| *sum = penalty * v + self.c * *sum);
            });
        sum
    }

    fn value(&self, weights: &Array2<f64>, logits: &Array2<f64>) -> f64 {
        let rows = logits.rows().into_iter().zip(self.classes);
        let loss: f64 = rows
            .map(|(row, &class)| {
                let most = row.fold(f64::NEG_INFINITY, |most, &l| most.max(l));
                let sum: f64 = row.iter().map(|l| (l - most).exp()).sum();
                most + sum.ln() - row[class]
            })
            .sum();
        let rows = weights.rows().into_iter().zip(&self.penalties);
        let penalty: f64 = rows.map(|(row, penalty)| penalty * row.dot(&row)).sum();
        self.c * loss + 0.5 * penalty
    }

    fn gradient(&self, weights: &Array2<f64>, probabilities: &Array2<f64>) -> Array2<f64> {
        let mut errors = probabilities.clone();
        for (mut row, &class) in errors.rows_mut().into_iter().zip(self.classes) {
            row[class] -= 1.0;
        }
        self.with_penalty(weights, &errors)
    }

    fn hessian(&self, v: &Array2<f64>, probabilities: &Array2<f64>) -> Array2<f64> {
        let mut curved = self.logits(v) * probabilities;
        Zip::from(curved.rows_mut())
            .and(probabilities.rows())
            .for_each(|mut row, p| {
                let sum = row.sum();
                row.scaled_add(-sum, &p);
            });
        self.with_penalty(v, &curved)
    }

    /// `−H⁻¹ g`, nearly.
    fn newton_step(&self, gradient: &Array2<f64>, probabilities: &Array2<f64>) -> Array2<f64> {
        let variances = probabilities.map_axis(Axis(0), |p| {
            let mean = p.iter().map(|p| p * (1.0 - p)).sum::<f64>() / p.len() as f64;
            mean.max(LEAST_VARIANCE)
        });
        let diagonal = Array2::from_shape_fn(gradient.dim(), |(axis, class)| {
            self.penalties[axis] + self.c * self.squares[axis] * variances[class]
        });
        let mut step = Array2::zeros(gradient.dim());
        let mut residual = -gradient;
        let mut scaled = &residual / &diagonal;
        let mut direction = scaled.clone();
        let mut square = (&residual * &scaled).sum();
        let enough = RESIDUAL * RESIDUAL * square;
        for _ in 0..MOST_ITERATIONS {
            let curved = self.hessian(&direction, probabilities);
            let curvature = (&direction * &curved).sum();
            // Also where everything is 0 or not finite.
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            step.scaled_add(square / curvature, &direction);
            residual.scaled_add(-square / curvature, &curved);
            scaled = &residual / &diagonal;
            let before = std::mem::replace(&mut square, (&residual * &scaled).sum());
            if square <= enough {
                break;
            }
            direction = &scaled + &direction * (square / before);
        }
        step
    }

    /// The share of a step that decreases the objective enough; none if there is none.
    ///
    /// - `weights`: where the step begins, and the step; `logits`: the same in logits.
    fn length(
        &self,
        weights: (&Array2<f64>, &Array2<f64>),
        logits: (&Array2<f64>, &Array2<f64>),
        slope: f64,
    ) -> Option<f64> {
        let start = self.value(weights.0, logits.0);
        let rounding = ROUNDINGS * f64::EPSILON * start.abs();
        std::iter::successors(Some(1.0), |length| Some(length * 0.5))
            .take(f64::MANTISSA_DIGITS as usize)
            .find(|&length| {
                let there = |pair: (&Array2<f64>, &Array2<f64>)| pair.0 + pair.1 * length;
                let value = self.value(&there(weights), &there(logits));
                value <= start + DECREASE * length * slope + rounding
            })
    }
}

/// Probabilities from logits, row by row.
pub(super) fn softmax(logits: &Array2<f64>) -> Array2<f64> {
    let mut probabilities = logits.clone();
    for mut row in probabilities.rows_mut() {
        let most = row.fold(f64::NEG_INFINITY, |most, &l| most.max(l));
        row.mapv_inplace(|l| (l - most).exp());
        let sum = row.sum();
        row /= sum;
    }
    probabilities
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::noise;

    fn classes(n: usize, n_classes: usize) -> Vec<usize> {
        (0..n).map(|image| image * 7 % n_classes).collect()
    }

    #[test]
    fn the_gradient_vanishes_at_the_optimum() {
        for (c, intercept) in [
            (1e-3, Intercept::Free),
            (0.5, Intercept::Penalised),
            (100.0, Intercept::Free),
        ] {
            let (x, classes) = (noise(60, 20, 1) * 4.0, classes(60, 3));
            let fitted = Logistic::fit(x.view(), &classes, 3, c, intercept).unwrap();
            let problem = Problem::new(x.view(), &classes, c, intercept);
            let probabilities = fitted.probabilities(x.view());
            let gradient = problem.gradient(&fitted.weights, &probabilities);
            assert!(gradient.iter().all(|g| g.abs() < 1e-8), "{c}");
            assert!(fitted.n_steps < 50, "{}", fitted.n_steps);
            for row in probabilities.rows() {
                assert!((row.sum() - 1.0).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn without_information_classes_have_their_frequencies() {
        let x = Array2::zeros((10, 3));
        let classes = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2];
        let fitted = Logistic::fit(x.view(), &classes, 3, 1e-3, Intercept::Free).unwrap();
        let p = fitted.probabilities(x.view());
        for (found, expected) in p.row(4).iter().zip([0.5, 0.3, 0.2]) {
            assert!((found - expected).abs() < 1e-9);
        }
        let shrunk = Logistic::fit(x.view(), &classes, 3, 1e-3, Intercept::Penalised).unwrap();
        assert!((shrunk.probabilities(x.view())[[0, 0]] - 1.0 / 3.0).abs() < 1e-3);
    }

    #[test]
    fn what_cannot_be_learned_is_refused() {
        let x = noise(6, 2, 1);
        let refused = |classes: &[usize], n, c| {
            Logistic::fit(x.view(), classes, n, c, Intercept::Free)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(&[0, 1, 0, 1, 0, 1], 3, 1.0).contains("class 2 has no image"));
        assert!(refused(&[0, 1, 0, 1, 0, 1], 2, 0.0).contains("C is 0"));
        assert!(refused(&[0; 6], 1, 1.0).contains("nothing to tell apart"));
        assert!(refused(&[0, 1], 2, 1.0).contains("one class per image"));
        let nan = x.mapv(|_| f64::NAN);
        let classes = [0, 1, 0, 1, 0, 1];
        let found = Logistic::fit(nan.view(), &classes, 2, 1.0, Intercept::Free);
        assert!(found.is_err());
    }
}
