//! A readout of one layer, by names of images and objects.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use super::labels::Labels;
use super::logistic;
use super::probabilities::Probabilities;
use super::readout::{Labelled, Penalty, Readout};
use super::span;
use super::weights::{Optimum, Weights};
use crate::brainscore::features::Features;
use crate::brainscore::layer::{Layer, Want};
use crate::error::Result;
use crate::study::memory::Memory;

/// What is learned.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a> {
    /// Images and objects.
    pub labels: &'a Labels,
    /// Places in `labels` of the images that are learned; each object has one
    /// ([`Labels::told`], [`Labels::random`]).
    pub learned: &'a [usize],
    /// How strongly weights are penalised.
    pub penalty: Penalty,
}

/// A layer that is to learn.
#[derive(Debug)]
pub struct Pupil<'a> {
    lesson: Lesson<'a>,
    /// Row of every image in `features`; learned ones come first.
    rows: HashMap<String, usize>,
    features: Features,
}

/// A layer that has learned.
#[derive(Debug)]
pub struct Fit<'a> {
    pupil: Pupil<'a>,
    readout: Readout,
}

impl<'a> Pupil<'a> {
    /// Reads a layer.
    ///
    /// - `asked`: images whose probabilities will be wanted, beside those that are learned.
    ///
    /// # Errors
    /// If the lesson is none for any layer, an image has no features (it is named), a value is not finite, or memory
    /// does not suffice.
    pub fn of_layer(
        layer: &Layer,
        lesson: Lesson<'a>,
        asked: &[String],
        memory: Memory,
        stop: &AtomicBool,
    ) -> Result<Pupil<'a>> {
        let (n_learned, n_classes) = (lesson.learned.len(), lesson.labels.objects.len());
        let classes = lesson.labels.truths(lesson.learned);
        logistic::check(n_learned, &classes, n_classes, lesson.penalty.c)?;
        let mut images = lesson.labels.names(lesson.learned);
        let mut rows: HashMap<String, usize> = images.iter().cloned().zip(0..).collect();
        for image in asked {
            if !rows.contains_key(image) {
                rows.insert(image.clone(), images.len());
                images.push(image.clone());
            }
        }
        let features = layer.features(&images, Want::Values, memory, stop)?;
        let bytes = features.bytes() + span::bytes(images.len(), n_learned, features.n_units());
        let item = format!("layer `{}`", layer.name);
        memory.require(bytes, item, "its readout")?;
        Ok(Pupil {
            lesson,
            rows,
            features,
        })
    }

    /// Teaches the layer.
    ///
    /// # Errors
    /// If nothing can be learned from these features.
    pub fn learn(self) -> Result<Fit<'a>> {
        let fitted: Vec<usize> = (0..self.lesson.learned.len()).collect();
        let classes = self.lesson.labels.truths(self.lesson.learned);
        let known = Labelled {
            images: &fitted,
            classes: &classes,
            n_classes: self.lesson.labels.objects.len(),
        };
        let readout = Readout::fit(&self.features, known, self.lesson.penalty)?;
        Ok(Fit {
            pupil: self,
            readout,
        })
    }
}

impl Fit<'_> {
    /// Number of the layer's units.
    pub fn n_units(&self) -> usize {
        self.pupil.features.n_units()
    }

    /// Probabilities of all objects in these images.
    ///
    /// # Panics
    /// If an image was neither learned nor asked for.
    #[track_caller]
    pub fn probabilities(&self, images: &[String]) -> Probabilities {
        let rows: Vec<usize> = images.iter().map(|image| self.pupil.rows[image]).collect();
        Probabilities {
            path: None,
            images: images.to_vec(),
            objects: self.pupil.lesson.labels.objects.clone(),
            values: self.readout.probabilities(&rows),
        }
    }

    /// Weights on units, with which the readout is used elsewhere.
    ///
    /// # Errors
    /// If they do not fit into memory.
    pub fn weights(&self, memory: Memory) -> Result<Weights> {
        let Pupil {
            lesson, features, ..
        } = &self.pupil;
        let labels = lesson.labels;
        let n_weights = features.n_units() * labels.objects.len();
        let bytes = (n_weights * size_of::<f64>()) as u64;
        memory.require(bytes, "the readout", "weights of all units on all objects")?;
        let learned: Vec<usize> = (0..lesson.learned.len()).collect();
        let mut errors = self.readout.probabilities(&learned);
        let classes = labels.truths(lesson.learned);
        for (mut row, class) in errors.rows_mut().into_iter().zip(classes) {
            row[class] -= 1.0;
        }
        let optimum = Optimum {
            objects: &labels.objects,
            learned: &learned,
            errors,
            intercept: self.readout.intercept(),
            c: lesson.penalty.c,
        };
        Ok(Weights::at(optimum, features))
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests may")]
mod tests {
    use super::*;
    use crate::brainscore::noise;
    use crate::io::{npy, table::Table};
    use std::path::Path;

    /// What a readout of a layer with so many units of 40 images, all learned, says with this memory.
    fn told(n_units: usize, bytes: u64) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        std::fs::write(&path, npy::encode(&noise(40, n_units, 1))).unwrap();
        let rows: String = (1..=40)
            .map(|image| format!("{image},o{}\n", image % 2))
            .collect();
        let text = format!("stimulus_id,object_name\n{rows}");
        let table = Table::parse(Path::new("l.csv"), text.as_bytes()).unwrap();
        let labels = Labels::of_table(&table).unwrap();
        let learned: Vec<usize> = (0..40).collect();
        let lesson = Lesson {
            labels: &labels,
            learned: &learned,
            penalty: Penalty::default(),
        };
        let layer = Layer::array("x", &path, None).unwrap();
        let stop = AtomicBool::new(false);
        let found = Pupil::of_layer(&layer, lesson, &[], Memory { bytes }, &stop);
        found.map(|_| ()).map_err(|error| error.to_string()).err()
    }

    #[test]
    fn memory_is_asked_for_before_anything_is_multiplied() {
        // Six arrays of 40 × 40 products, and the values.
        let wide = 8 * (6 * 40 * 40 + 40 * 50);
        // Four of 40 × 10 units, three of 10 × 10 products, and the values.
        let narrow = 8 * (4 * 40 * 10 + 3 * 10 * 10 + 40 * 10);
        for (n_units, bytes) in [(50, wide), (10, narrow)] {
            let text = told(n_units, bytes - 1).unwrap();
            assert!(
                text.contains("layer `x`: needs 1M of memory for its readout"),
                "{text}"
            );
            assert_eq!(told(n_units, bytes), None);
        }
    }
}
