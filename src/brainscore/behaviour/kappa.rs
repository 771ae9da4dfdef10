//! Error consistency: whether two observers err on the same images, beyond chance (Geirhos, Meding & Wichmann 2020,
//! NeurIPS, equations 1 to 3; Cohen 1960).
//!
//! ```text
//! κ = (c − e) / (1 − e)        c: share of images on which both are right or both wrong
//! e = a b + (1 − a)(1 − b)     the same by chance, from their accuracies a and b
//! ```

use ndarray::{ArrayView1, ArrayView2, Axis};

use super::consistency::Mean;

/// κ of two observers of the same images; NaN of no image, and where both are always right or both always wrong: then
/// chance explains everything.
///
/// - `one`, `other`: whether the answer to every image is right, `(n_images,)`.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn kappa(one: &[bool], other: &[bool]) -> f64 {
    assert_eq!(one.len(), other.len(), "answers to the same images");
    let n = one.len() as f64;
    let share = |of: &dyn Fn((&bool, &bool)) -> bool| {
        one.iter().zip(other).filter(|&pair| of(pair)).count() as f64 / n
    };
    let (a, b) = (share(&|(one, _)| *one), share(&|(_, other)| *other));
    let chance = a * b + (1.0 - a) * (1.0 - b);
    (share(&|(one, other)| one == other) - chance) / (1.0 - chance)
}

/// Error consistency of a model with several people: the mean over conditions, then over people; its error is the
/// standard deviation (n) of all κ. Undefined κ are left out.
///
/// The ceiling is the same of pairs of people.
///
/// - `kappas`: [`kappa`] of the model with every person (of every pair of people) in every condition,
///   `(n_people, n_conditions)`.
pub fn error_consistency(kappas: ArrayView2<'_, f64>) -> Mean {
    let mean = |values: ArrayView1<'_, f64>| {
        let defined = values.iter().filter(|value| !value.is_nan());
        defined.clone().sum::<f64>() / defined.count() as f64
    };
    let of_people = kappas.map_axis(Axis(1), mean);
    let defined = kappas.iter().copied().filter(|value| !value.is_nan());
    Mean {
        // DEVIATION: the registry takes the absolute value, so that a model that errs where people do not scores as one
        // that errs with them (−.3 as .3), and people who never agree give a ceiling.
        value: mean(of_people.view()),
        error: Mean::of(&defined.collect::<Vec<f64>>()).error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    #[test]
    fn the_registrys_three_people() {
        // Its test: nine images of dog, cat, chair in three conditions; A is its own model.
        let truth = ["dog", "cat", "chair"];
        let people = [
            [
                "dog", "cat", "chair", "cat", "dog", "dog", "dog", "dog", "chair",
            ],
            [
                "cat", "cat", "chair", "cat", "dog", "cat", "chair", "cat", "cat",
            ],
            [
                "dog", "cat", "chair", "dog", "cat", "chair", "dog", "cat", "chair",
            ],
        ];
        let right =
            people.map(|answers| [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|i| answers[i] == truth[i % 3]));
        let kappas = Array2::from_shape_fn((3, 3), |(person, condition)| {
            let images = 3 * condition..3 * condition + 3;
            kappa(&right[0][images.clone()], &right[person][images])
        });
        let found = error_consistency(kappas.view());
        assert!((found.value - 0.2).abs() < 1e-15, "{found:?}");
        let defined: Vec<f64> = kappas.into_iter().filter(|one| !one.is_nan()).collect();
        assert_eq!(found.error, Mean::of(&defined).error);
    }

    #[test]
    fn disagreement_has_its_sign() {
        let one = [true, true, false, false];
        let value = kappa(&one, &[false, false, true, true]);
        let found = error_consistency(Array2::from_elem((2, 3), value).view());
        assert_eq!((found.value, found.error), (-1.0, 0.0));
    }

    #[test]
    fn chance_alone_is_undefined() {
        assert!(kappa(&[true, true], &[true, true]).is_nan());
        assert!(kappa(&[], &[]).is_nan());
        assert_eq!(kappa(&[true, true], &[true, false]), 0.0);
    }

    proptest! {
        #[test]
        fn within_bounds_and_symmetric(
            pairs in proptest::collection::vec((any::<bool>(), any::<bool>()), 2..40),
        ) {
            let (one, other): (Vec<bool>, Vec<bool>) = pairs.into_iter().unzip();
            let found = kappa(&one, &other);
            if !found.is_nan() {
                prop_assert!((-1.0..=1.0 + 1e-12).contains(&found));
                prop_assert_eq!(found, kappa(&other, &one));
            }
            let own = kappa(&one, &one);
            prop_assert!(own.is_nan() || (own - 1.0).abs() < 1e-12);
        }
    }
}
