//! How often another object is taken for the true one: false-alarm matrices (SPEC 2.12, step 2).
//!
//! ```text
//! f_id = p_d / (p_d + p_o)                               of a model; image i holds o, distractor d ≠ o
//! f_id = #(d chosen for i) / #(trials of i that offer d)    of people
//! ```
//!
//! NaN in the column of the truth, and where people were never offered `d`.

use ndarray::{Array2, ArrayView2};

use super::trials::Trials;
use crate::error::{Error, Result};

/// False alarms for every image and object.
#[derive(Debug, Clone, PartialEq)]
pub struct FalseAlarms {
    /// Rates, `(n_images, n_objects)`; NaN where there is none.
    pub rates: Array2<f64>,
    /// Object in every image, `(n_images,)`.
    pub truth: Vec<usize>,
}

impl FalseAlarms {
    /// Of a model that gives every object a probability.
    ///
    /// NaN where both objects have probability 0, which [`consistency`](super::consistency) refuses.
    ///
    /// - `probabilities`: `(n_images, n_objects)`.
    /// - `truth`: object in every image, `(n_images,)`.
    ///
    /// # Errors
    /// If there is not one known object per image, or a probability is negative or NaN.
    pub fn of_probabilities(
        probabilities: ArrayView2<'_, f64>,
        truth: &[usize],
    ) -> Result<FalseAlarms> {
        let (n_images, n_objects) = probabilities.dim();
        let refuse = |problem: String, remedy: &str| {
            Err(Error::data("probabilities of objects", problem, remedy))
        };
        if truth.len() != n_images || truth.iter().any(|&object| object >= n_objects) {
            return refuse(
                format!(
                    "{n_images} images have {} truths, or one beyond the {n_objects} objects",
                    truth.len()
                ),
                "give one object per image, counted from 0",
            );
        }
        let strange = |p: &f64| !(*p >= 0.0 && p.is_finite());
        if let Some(place) = probabilities.iter().position(strange) {
            let image = place / n_objects.max(1);
            return refuse(
                format!("row {image} has one that is negative or no number"),
                "check the readout",
            );
        }
        let rates = Array2::from_shape_fn((n_images, n_objects), |(image, object)| {
            let (p, of_truth) = (
                probabilities[[image, object]],
                probabilities[[image, truth[image]]],
            );
            match object == truth[image] {
                true => f64::NAN,
                false => p / (p + of_truth),
            }
        });
        Ok(FalseAlarms {
            rates,
            truth: truth.to_vec(),
        })
    }

    /// Of people, from some of their trials.
    ///
    /// - `chosen`: numbers of trials; each counts as often as it is named.
    ///
    /// # Panics
    /// If a trial is not there.
    #[track_caller]
    pub fn of_trials(trials: &Trials, chosen: &[usize]) -> FalseAlarms {
        let shape = (trials.images.len(), trials.objects.len());
        let (mut taken, mut offered) = (Array2::<f64>::zeros(shape), Array2::<f64>::zeros(shape));
        for &number in chosen {
            let trial = trials.trials[number];
            let cell = [trial.image, trial.distractor];
            offered[cell] += 1.0;
            taken[cell] += f64::from(u8::from(trial.choice == trial.distractor));
        }
        FalseAlarms {
            // 0 / 0 where never offered; the truth is no distractor.
            rates: taken / offered,
            truth: trials.truth.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::behaviour::trials::Trial;
    use ndarray::array;

    #[test]
    fn a_model_chooses_between_two_by_their_probabilities() {
        let p = array![[0.6, 0.2, 0.2], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]];
        let found = FalseAlarms::of_probabilities(p.view(), &[0, 1, 0]).unwrap();
        assert!(found.rates[[0, 0]].is_nan() && found.rates[[1, 1]].is_nan());
        assert_eq!(found.rates[[0, 1]], 0.25);
        assert_eq!((found.rates[[1, 0]], found.rates[[1, 2]]), (0.0, 0.5));
        assert!(found.rates[[2, 1]].is_nan());
        assert_eq!(found.rates[[2, 2]], 1.0);
    }

    #[test]
    fn people_are_counted() {
        let trial = |image, distractor, choice| Trial {
            image,
            distractor,
            choice,
        };
        let trials = Trials {
            path: "t.csv".into(),
            images: vec!["a".into(), "b".into()],
            objects: vec!["x".into(), "y".into(), "z".into()],
            truth: vec![0, 2],
            trials: vec![
                trial(0, 1, 1),
                trial(0, 1, 0),
                trial(0, 1, 0),
                trial(1, 0, 2),
                trial(0, 1, 0),
            ],
        };
        let found = FalseAlarms::of_trials(&trials, &[0, 1, 2, 3, 4]).rates;
        assert_eq!((found[[0, 1]], found[[1, 0]]), (0.25, 0.0));
        assert_eq!(found.iter().filter(|rate| rate.is_nan()).count(), 4);
        assert_eq!(FalseAlarms::of_trials(&trials, &[0]).rates[[0, 1]], 1.0);
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let p = array![[0.6, 0.4]];
        assert!(FalseAlarms::of_probabilities(p.view(), &[2]).is_err());
        assert!(FalseAlarms::of_probabilities(p.view(), &[0, 1]).is_err());
        for wrong in [f64::NAN, -0.1, f64::INFINITY] {
            let p = array![[0.6, wrong]];
            assert!(FalseAlarms::of_probabilities(p.view(), &[0]).is_err());
        }
    }
}
