//! A model's probabilities against what people did, as the score of a benchmark.

use std::path::Path;

use ndarray::ArrayView2;

use super::answers::Answers;
use super::choices::FalseAlarms;
use super::consistency::{Mean, consistency};
use super::kappa::error_consistency;
use super::labels::Labels;
use super::object_time::{CEILING, Outcome};
use super::probabilities::Probabilities;
use super::signature::Signature;
use super::trials::Trials;
use crate::brainscore::metric::{Measured, normalised, number};
use crate::brainscore::normalise::Normalise;
use crate::brainscore::result::{Row, Scored};
use crate::error::{Error, Result};

/// How a model and people are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Consistency of signatures.
    Signature(Signature),
    /// Errors on the same images.
    ErrorConsistency,
}

impl Comparison {
    /// Its name in results.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Comparison::Signature(signature) => signature.key(),
            Comparison::ErrorConsistency => "error_consistency",
        }
    }

    /// How scores are normalised.
    #[must_use]
    pub fn normalise(self) -> Normalise {
        match self {
            Comparison::Signature(_) => Normalise::Sqrt,
            Comparison::ErrorConsistency => Normalise::Ratio,
        }
    }
}

/// What people did.
#[derive(Debug, Clone, PartialEq)]
pub enum People {
    /// Between two objects, for a signature.
    Trials(Trials, Signature),
    /// Each by themselves, for error consistency.
    Answers(Answers),
}

impl People {
    /// Reads a CSV file of trials.
    ///
    /// # Errors
    /// As [`Trials::read`] and [`Answers::read`].
    pub fn read(path: &Path, comparison: Comparison) -> Result<People> {
        Ok(match comparison {
            Comparison::Signature(signature) => People::Trials(Trials::read(path)?, signature),
            Comparison::ErrorConsistency => People::Answers(Answers::read(path)?),
        })
    }

    /// Names of the images that they saw, ascending.
    #[must_use]
    pub fn images(&self) -> &[String] {
        match self {
            People::Trials(trials, _) => &trials.images,
            People::Answers(answers) => &answers.images,
        }
    }

    /// Names of the objects among which they chose, ascending.
    #[must_use]
    pub fn objects(&self) -> &[String] {
        match self {
            People::Trials(trials, _) => &trials.objects,
            People::Answers(answers) => &answers.objects,
        }
    }

    /// Number of the object in every image, `(n_images,)`.
    #[must_use]
    pub fn truth(&self) -> &[usize] {
        match self {
            People::Trials(trials, _) => &trials.truth,
            People::Answers(answers) => &answers.truth,
        }
    }

    /// The file, for errors.
    fn path(&self) -> &Path {
        match self {
            People::Trials(trials, _) => &trials.path,
            People::Answers(answers) => &answers.path,
        }
    }

    /// Checks what a model is to learn against what people saw.
    ///
    /// # Errors
    /// If an object has no label, or an image holds another object than the labels tell.
    pub fn check(&self, labels: &Labels) -> Result<()> {
        let (images, objects) = (self.images(), self.objects());
        if let Some(object) = objects
            .iter()
            .find(|object| !labels.objects.contains(object))
        {
            let problem = format!(
                "has no image of the object `{object}` of `{}`",
                self.path().display()
            );
            let remedy = "add images with it, or leave its trials out";
            return Err(Error::file(&labels.path, problem, remedy));
        }
        for (image, &object) in labels.images.iter().zip(&labels.truth) {
            let (told, place) = (&labels.objects[object], images.binary_search(image));
            let shown = place.map(|place| &objects[self.truth()[place]]);
            if let Some(shown) = shown.ok().filter(|shown| *shown != told) {
                let problem = format!(
                    "has the image `{image}` with `{told}` in it, and `{}` with `{shown}`",
                    self.path().display()
                );
                return Err(Error::file(&labels.path, problem, "correct one of the two"));
            }
        }
        Ok(())
    }

    /// How many of their images a model learns, too.
    ///
    /// - `learned`: places in the labels.
    #[must_use]
    pub fn n_learned(&self, labels: &Labels, learned: &[usize]) -> usize {
        let was_seen = |image: &usize| self.images().binary_search(&labels.images[*image]).is_ok();
        learned.iter().filter(|image| was_seen(image)).count()
    }

    /// Compares a layer with them: a row of results, and why it has no number if it has none.
    ///
    /// - `model`: the layer's probabilities.
    ///
    /// # Errors
    /// If the model lacks an image or object.
    pub fn row(&self, layer: &str, model: &Probabilities) -> Result<(Row, Option<String>)> {
        let probabilities = model.select(self.images(), self.objects())?;
        let no_number = |p: &f64| !(*p >= 0.0 && p.is_finite());
        let mut cells = probabilities.indexed_iter();
        if let Some(((image, object), p)) = cells.find(|(_, p)| no_number(p)) {
            let (image, object) = (&self.images()[image], &self.objects()[object]);
            let reason = format!("image `{image}` has {p} as the probability of `{object}`");
            return Ok(self.without_number(layer, &reason));
        }
        Ok(match self.compare(probabilities.view()) {
            Ok(measured) => {
                let reason = self.undefined(&measured.score);
                let reason = reason.map(|reason| format!("layer `{layer}`: {reason}"));
                (measured.row(layer, None), reason)
            }
            Err(error) => self.without_number(layer, &error.to_string()),
        })
    }

    /// The row of a layer that cannot be compared, and why it cannot.
    #[must_use]
    pub fn without_number(&self, layer: &str, reason: &str) -> (Row, Option<String>) {
        let nothing = nothing(self.images().len()).row(layer, None);
        (nothing, Some(format!("layer `{layer}`: {reason}")))
    }

    /// Why a layer has no score, if it has none.
    fn undefined(&self, score: &Scored) -> Option<&'static str> {
        if score.ceiled.is_some() {
            return None;
        }
        if score.raw.is_some() {
            return Some(
                "there is no ceiling: people are too few, or agree no more than by chance",
            );
        }
        Some(match self {
            People::Trials(..) => "nothing is defined: model or people have the same d′ everywhere",
            People::Answers(_) => {
                "nothing is defined: all answers of the model or of people are right, or wrong"
            }
        })
    }

    /// - `probabilities`: of these images and objects, `(n_images, n_objects)`.
    fn compare(&self, probabilities: ArrayView2<'_, f64>) -> Result<Measured> {
        let n_images = self.images().len();
        match self {
            People::Trials(trials, signature) => {
                let alarms = FalseAlarms::of_probabilities(probabilities, &trials.truth)?;
                let found = consistency(&alarms, trials, *signature)?;
                let (ceiling, score) = (found.ceiling(), found.score());
                let mut measured = raw(found.raw(), n_images);
                measured.score.ceiling = number(ceiling.value);
                measured.score.ceiling_error = number(ceiling.error);
                measured.score.ceiled = number(score.value);
                measured.score.ceiled_error = number(score.error);
                measured.per_split = found.raws;
                Ok(measured)
            }
            People::Answers(answers) => {
                let found = error_consistency(answers.with_model(probabilities).view());
                let ceiling = error_consistency(answers.between_people().view());
                let mut measured = raw(found, n_images);
                let (bound, error) = (ceiling.value, Some(ceiling.error));
                measured.score = normalised(measured.score, bound, error, Normalise::Ratio);
                Ok(measured)
            }
        }
    }
}

/// Why a model without time has no solution times, which is no mistake.
pub const NO_TIME: &str =
    "responses are the same at all times: there is none at which an image is solved";

/// Object-solution times as a row of results, and why it has no number if it has none.
///
/// - `n_images`: images in training and test.
#[must_use]
pub fn of_times(layer: &str, found: &Outcome, n_images: usize) -> (Row, Option<String>) {
    let Outcome::Scored(scores) = found else {
        return (nothing(n_images).row(layer, None), Some(NO_TIME.to_owned()));
    };
    let found = Mean {
        value: scores.raw,
        error: scores.error,
    };
    let mut measured = raw(found, n_images);
    measured.score = normalised(measured.score, CEILING, None, Normalise::Ratio);
    measured.per_split = scores.per_split.to_vec();
    let reason = "a split has too few images that model and monkeys both solve";
    let undefined = measured.score.raw.is_none();
    (
        measured.row(layer, None),
        undefined.then(|| reason.to_owned()),
    )
}

/// A score without ceiling.
fn raw(found: Mean, n_images: usize) -> Measured {
    Measured::from(Scored {
        raw: number(found.value),
        error: number(found.error),
        n_stimuli: n_images,
        ..Scored::default()
    })
}

fn nothing(n_images: usize) -> Measured {
    Measured::from(Scored {
        n_stimuli: n_images,
        ..Scored::default()
    })
}
