//! A readout of one layer, by names of images and objects.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use super::labels::Labels;
use super::probabilities::Probabilities;
use super::readout::{Labelled, Penalty, Readout};
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

/// A layer that has learned.
#[derive(Debug)]
pub struct Fit<'a> {
    lesson: Lesson<'a>,
    /// Row of every image in `features`; learned ones come first.
    rows: HashMap<String, usize>,
    features: Features,
    readout: Readout,
}

impl<'a> Fit<'a> {
    /// Teaches a layer.
    ///
    /// - `asked`: images whose probabilities will be wanted, beside those that are learned.
    ///
    /// # Errors
    /// If an image has no features (it is named), a value is not finite, memory does not suffice, or nothing can be
    /// learned.
    pub fn of_layer(
        layer: &Layer,
        lesson: Lesson<'a>,
        asked: &[String],
        memory: Memory,
        stop: &AtomicBool,
    ) -> Result<Fit<'a>> {
        let mut images = lesson.labels.names(lesson.learned);
        let mut rows: HashMap<String, usize> = images.iter().cloned().zip(0..).collect();
        for image in asked {
            if !rows.contains_key(image) {
                rows.insert(image.clone(), images.len());
                images.push(image.clone());
            }
        }
        let features = layer.features(&images, Want::Values, memory, stop)?;
        let fitted: Vec<usize> = (0..lesson.learned.len()).collect();
        let classes = lesson.labels.truths(lesson.learned);
        let known = Labelled {
            images: &fitted,
            classes: &classes,
            n_classes: lesson.labels.objects.len(),
        };
        let readout = Readout::fit(&features, known, lesson.penalty)?;
        Ok(Fit {
            lesson,
            rows,
            features,
            readout,
        })
    }

    /// Number of the layer's units.
    pub fn n_units(&self) -> usize {
        self.features.n_units()
    }

    /// Probabilities of all objects in these images.
    ///
    /// # Panics
    /// If an image was neither learned nor asked for.
    #[track_caller]
    pub fn probabilities(&self, images: &[String]) -> Probabilities {
        let rows: Vec<usize> = images.iter().map(|image| self.rows[image]).collect();
        Probabilities {
            images: images.to_vec(),
            objects: self.lesson.labels.objects.clone(),
            values: self.readout.probabilities(&rows),
        }
    }

    /// Weights on units, with which the readout is used elsewhere.
    ///
    /// # Errors
    /// If they do not fit into memory.
    pub fn weights(&self, memory: Memory) -> Result<Weights> {
        let labels = self.lesson.labels;
        let n_weights = self.features.n_units() * labels.objects.len();
        let bytes = (n_weights * size_of::<f64>()) as u64;
        memory.require(bytes, "the readout", "weights of all units on all objects")?;
        let learned: Vec<usize> = (0..self.lesson.learned.len()).collect();
        let mut errors = self.readout.probabilities(&learned);
        let classes = labels.truths(self.lesson.learned);
        for (mut row, class) in errors.rows_mut().into_iter().zip(classes) {
            row[class] -= 1.0;
        }
        let optimum = Optimum {
            objects: &labels.objects,
            learned: &learned,
            errors,
            intercept: self.readout.intercept(),
            c: self.lesson.penalty.c,
        };
        Ok(Weights::at(optimum, &self.features))
    }
}
