//! One subject's mean responses to the stimuli, ROI by ROI: what is decoded when a brain takes the place of a
//! network.
//!
//! A response is the mean over all presentations of a stimulus, however many there were: 5 of a training and
//! 24 of a test image in the published data. Stimuli that were shown more often have less noise; they do not
//! weigh more for that when their means are the targets.

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::io::bdata::BData;
use crate::study::Context;
use crate::study::brain::{Extent, Samples, Stimuli};
use crate::work::layout::Split;

/// Mean responses of one subject.
pub struct Responses {
    /// Name of the subject.
    pub subject: String,
    /// To the training stimuli.
    pub training: Means,
    /// To the test stimuli.
    pub test: Means,
}

/// Mean responses to one set of stimuli.
pub struct Means {
    /// The stimuli that were shown, sorted.
    pub stimuli: Stimuli,
    /// Of every ROI in hierarchy order, `(n_stimuli, n_voxels)`.
    pub rois: Vec<Array2<f64>>,
}

impl Responses {
    /// Reads both tables of a subject.
    ///
    /// - `held`: bytes that the memory bound must allow besides.
    ///
    /// # Errors
    /// If a table cannot be read, lacks a ROI, both differ in voxels, or memory does not suffice.
    pub fn read(context: &Context, subject: &str, held: u64) -> Result<Responses> {
        let training = Means::read(context, Split::Training, subject, held)?;
        let test = Means::read(context, Split::Test, subject, held + training.bytes())?;
        for (roi, (training, test)) in
            (context.settings.rois.iter()).zip(training.rois.iter().zip(&test.rois))
        {
            if training.ncols() != test.ncols() {
                return Err(Error::file(
                    context.layout.fmri(&context.settings, Split::Test, subject),
                    format!(
                        "ROI `{}` has {} voxels, the training fMRI {}",
                        roi.name,
                        test.ncols(),
                        training.ncols()
                    ),
                    "use training and test fMRI of the same voxels",
                ));
            }
        }
        Ok(Responses {
            subject: subject.to_owned(),
            training,
            test,
        })
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.training.bytes() + self.test.bytes()
    }
}

impl Means {
    fn read(context: &Context, split: Split, subject: &str, held: u64) -> Result<Means> {
        let settings = &context.settings;
        let path = context.layout.fmri(settings, split, subject);
        let label_key = &settings.decoding.label_key;
        let table = BData::read(&path)?;
        let table_bytes = bytes(table.n_samples() * table.n_columns());
        let mut stimuli = Stimuli::Ranks(Vec::new());
        let mut rois: Vec<Array2<f64>> = Vec::with_capacity(settings.rois.len());
        for roi in &settings.rois {
            let extent = Extent::measure(&table, &path, roi, label_key)?;
            let means = bytes(extent.n_stimuli * extent.n_voxels);
            let done: u64 = rois.iter().map(|roi| bytes(roi.len())).sum();
            context.memory.require(
                held + done + table_bytes + extent.bytes() + means,
                format!("ROI `{}` of `{subject}`", roi.name),
                "the mean responses of all subjects",
            )?;
            let samples = Samples::select(&table, &path, roi, label_key)?;
            rois.push(samples.mean_patterns());
            stimuli = samples.stimuli;
        }
        Ok(Means { stimuli, rois })
    }

    fn bytes(&self) -> u64 {
        bytes(self.rois.iter().map(Array2::len).sum())
    }
}

fn bytes(n_numbers: usize) -> u64 {
    (n_numbers * size_of::<f64>()) as u64
}
