//! How consistent a model's behaviour is with people's, as a share of how consistent people are (SPEC 2.12, step 5).
//!
//! ```text
//! raw_k       Pearson's r of the model's signature and that of one random half of the trials
//! ceiling_k   Pearson's r of the two halves' signatures
//! score       mean over repetitions k of raw_k / √ceiling_k       error: standard deviation (n)
//! ```
//!
//! The registry's two repetitions draw from one stream seeded 0: a permutation of the trials each, whose first half
//! (rounded down) is compared with the model. Score and ceiling see the same halves.
//
// DEVIATION: cells that one half lacks are left out of a ceiling, and images and objects that a half lacks count as such
// cells; the registry stops at either. Where it does not stop, the numbers are the same.

use ndarray::{Array1, Array2};

use super::choices::FalseAlarms;
use super::signature::Signature;
use super::trials::Trials;
use crate::brainscore::normalise::Normalise;
use crate::error::{Error, Result};
use crate::stats::correlation;
use crate::stats::legacy_random::LegacyRandom;

/// Random halves of the registry.
pub const N_REPETITIONS: usize = 2;
/// Seed of their stream.
pub const SEED: u32 = 0;

/// A mean over repetitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean; NaN if any repetition is.
    pub value: f64,
    /// Standard deviation (n) over repetitions.
    pub error: f64,
}

impl Mean {
    /// Of these; NaN of none.
    pub fn of(values: &[f64]) -> Mean {
        let values = Array1::from(values.to_vec());
        Mean {
            value: values.mean().unwrap_or(f64::NAN),
            error: values.std(0.0),
        }
    }
}

/// Consistency of a model with people.
#[derive(Debug, Clone, PartialEq)]
pub struct Consistency {
    /// `raw_k`, `(n_repetitions,)`.
    pub raws: Vec<f64>,
    /// `ceiling_k`, `(n_repetitions,)`.
    pub ceilings: Vec<f64>,
    /// `raw_k / √ceiling_k`, `(n_repetitions,)`; NaN where the ceiling is not positive.
    pub ceiled: Vec<f64>,
}

impl Consistency {
    /// The correlation as it is.
    pub fn raw(&self) -> Mean {
        Mean::of(&self.raws)
    }

    /// What people reach.
    pub fn ceiling(&self) -> Mean {
        Mean::of(&self.ceilings)
    }

    /// The score.
    pub fn score(&self) -> Mean {
        Mean::of(&self.ceiled)
    }
}

/// Compares a model with people.
///
/// - `model`: its false alarms for the images and objects of `trials`, in their order.
///
/// # Errors
/// If images, objects or truths differ; or the model has no value where people have one, as where it gives the truth
/// and a distractor probability 0, or `∞ − ∞` in a d′.
pub fn consistency(
    model: &FalseAlarms,
    trials: &Trials,
    signature: Signature,
) -> Result<Consistency> {
    let shape = (trials.images.len(), trials.objects.len());
    if model.rates.dim() != shape || model.truth != trials.truth {
        return Err(Error::data(
            "behavioural consistency",
            format!(
                "the model's choices are of {:?} images and objects or have other truths than the trials, of {shape:?}",
                model.rates.dim()
            ),
            "ask the model for the images and objects of the trials, in ascending order of their names",
        ));
    }
    let of_model = signature.of(model);
    let mut found = Consistency {
        raws: Vec::new(),
        ceilings: Vec::new(),
        ceiled: Vec::new(),
    };
    for [one, other] in halves(trials.trials.len(), N_REPETITIONS, SEED) {
        let of_people = |half: &[usize]| signature.of(&FalseAlarms::of_trials(trials, half));
        let (one, other) = (of_people(&one), of_people(&other));
        if let Some(cell) = lacking(&of_model, &one) {
            return Err(without(&signature.name_of(cell, trials)));
        }
        let raw = correlate(&of_model, &one);
        let ceiling = correlate(&one, &other);
        found.raws.push(raw);
        found.ceilings.push(ceiling);
        found
            .ceiled
            .push(Normalise::Sqrt.apply(raw, 0.0, ceiling).value);
    }
    Ok(found)
}

/// Random halves of `n` trials: of an odd number the second has one more.
pub fn halves(n: usize, n_repetitions: usize, seed: u32) -> Vec<[Vec<usize>; 2]> {
    let mut random = LegacyRandom::seed(seed);
    let half = |_| {
        let mut first = random.permutation(n);
        let second = first.split_off(n / 2);
        [first, second]
    };
    (0..n_repetitions).map(half).collect()
}

/// The first cell of a signature that people have and a model lacks.
fn lacking(model: &Array2<f64>, people: &Array2<f64>) -> Option<(usize, usize)> {
    let mut cells = model.indexed_iter().zip(people);
    let found = cells.find(|((_, model), people)| model.is_nan() && !people.is_nan());
    found.map(|((cell, _), _)| cell)
}

fn without(cell: &str) -> Error {
    Error::data(
        "behavioural consistency",
        format!(
            "the model has no d′ of {cell}, where people have one: probabilities of 0, or 0 and 1 in one difference"
        ),
        "take a readout that gives every object a probability above 0",
    )
}

/// Pearson's r over the cells that both have.
pub fn correlate(one: &Array2<f64>, other: &Array2<f64>) -> f64 {
    let cells = one.iter().zip(other);
    let both = cells.filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let (a, b): (Vec<f64>, Vec<f64>) = both.unzip();
    let column = |values: Vec<f64>| Array1::from(values).insert_axis(ndarray::Axis(1));
    correlation::columns(column(a).view(), column(b).view())[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brainscore::behaviour::golden;
    use crate::brainscore::behaviour::trials::Trial;
    use ndarray::array;

    #[test]
    fn published_signatures_correlate_as_published() {
        let [model, people] = golden().map(|alarms| Signature::I2n.of(&alarms));
        assert_eq!(lacking(&model, &people), None);
        let found = correlate(&model, &people);
        assert!((found + 0.23592585930066448).abs() < 1e-13, "{found}");
    }

    /// Trials of people who choose by these probabilities.
    fn people(probabilities: &Array2<f64>, truth: &[usize], each: usize) -> Trials {
        let (n_images, n_objects) = probabilities.dim();
        let mut random = LegacyRandom::seed(5);
        let mut trials = Vec::new();
        for image in 0..n_images {
            for distractor in (0..n_objects).filter(|&object| object != truth[image]) {
                for _ in 0..each {
                    let p = probabilities[[image, distractor]];
                    let share = p / (p + probabilities[[image, truth[image]]]);
                    let choice = match random.random_sample() < share {
                        true => distractor,
                        false => truth[image],
                    };
                    trials.push(Trial {
                        image,
                        distractor,
                        choice,
                    });
                }
            }
        }
        let names = |n: usize| (0..n).map(|number| format!("{number:04}")).collect();
        Trials {
            path: "t.csv".into(),
            images: names(n_images),
            objects: names(n_objects),
            truth: truth.to_vec(),
            trials,
        }
    }

    #[test]
    fn the_model_that_people_follow_reaches_the_ceiling() {
        let truth: Vec<usize> = (0..60).map(|image| image % 4).collect();
        let mut random = LegacyRandom::seed(1);
        let p = Array2::from_shape_fn((60, 4), |(image, object)| {
            let own = if object == truth[image] { 1.0 } else { 0.0 };
            (own + 0.8 * random.standard_normal()).exp()
        });
        let model = FalseAlarms::of_probabilities(p.view(), &truth).unwrap();
        let trials = people(&p, &truth, 40);
        for signature in Signature::ALL {
            let found = consistency(&model, &trials, signature).unwrap();
            let score = found.score();
            assert!((score.value - 1.0).abs() < 0.08, "{signature} {score:?}");
            assert!(
                found.ceiling().value > 0.4 && found.raws.len() == 2,
                "{signature} {found:?}"
            );
        }
        // A model that sees other images.
        let other = Array2::from_shape_fn((60, 4), |(image, object)| p[[59 - image, object]]);
        let other = FalseAlarms::of_probabilities(other.view(), &truth).unwrap();
        let found = consistency(&other, &trials, Signature::I2n).unwrap();
        assert!(found.score().value.abs() < 0.3);
    }

    #[test]
    fn models_that_do_not_fit_are_refused() {
        let truth = vec![0, 1, 0, 1];
        let p = array![[0.6, 0.4], [0.3, 0.7], [0.9, 0.1], [0.2, 0.8]];
        let trials = people(&p, &truth, 20);
        let certain = array![[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]];
        let certain = FalseAlarms::of_probabilities(certain.view(), &truth).unwrap();
        let text = consistency(&certain, &trials, Signature::I2)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("no d′ of image `0000` against `0001`"),
            "{text}"
        );
        let text = consistency(&certain, &trials, Signature::O1);
        let text = text.unwrap_err().to_string();
        assert!(text.contains("no d′ of object `0000`, where"), "{text}");
        let fewer = FalseAlarms::of_probabilities(p.slice(ndarray::s![..3, ..]), &truth[..3]);
        assert!(consistency(&fewer.unwrap(), &trials, Signature::I2).is_err());
    }

    #[test]
    fn halves_are_numpys() {
        // r = RandomState(0); a, b = list(range(7)), list(range(7)); r.shuffle(a); r.shuffle(b)
        let found = halves(7, 2, 0);
        assert_eq!(found[0], [vec![6, 2, 1], vec![3, 0, 5, 4]]);
        assert_eq!(found[1], [vec![1, 0, 6], vec![3, 4, 2, 5]]);
    }
}
