//! Measured test fMRI, averaged per stimulus as `encode-predict` does it.

use std::path::Path;

use ndarray::{Array2, Axis};

use crate::bh::EncodingAccuracies;
use crate::error::{Error, Result};
use crate::io::bdata::BData;
use crate::io::features::Layer;
use crate::io::record::Record;
use crate::settings::{Network, Settings};
use crate::study::brain::{Samples, Stimuli};
use crate::work::layout::Split;
use crate::work::{Item, Layout, Stage};

/// Mean test patterns of every subject and ROI that has accuracies.
#[derive(Clone, Debug)]
pub struct Measured {
    /// `[subject][roi]`; `None` where there are no accuracies.
    patterns: Vec<Vec<Option<Patterns>>>,
}

/// Mean patterns of one subject's ROI.
#[derive(Clone, Debug)]
struct Patterns {
    /// Names of the stimuli, sorted: the rows of `values`.
    stimuli: Vec<String>,
    /// Mean over presentations, `(n_stimuli, n_voxels)`, all voxels of the ROI.
    values: Array2<f64>,
}

impl Measured {
    /// Reads the fMRI tables of a study, one after the other.
    ///
    /// # Errors
    /// If a table cannot be read, or its images are numbered and the test features that say which they are
    /// do not have them.
    pub fn read(
        layout: &Layout,
        settings: &Settings,
        network: &Network,
        accuracies: &EncodingAccuracies,
    ) -> Result<Self> {
        let mut patterns = Vec::with_capacity(accuracies.subjects.len());
        for (subject, name) in accuracies.subjects.iter().enumerate() {
            let path = layout.fmri(settings, Split::Test, name);
            let has = |roi: usize| accuracies.n_voxels(subject, roi).is_some();
            if !(0..accuracies.rois.len()).any(has) {
                patterns.push(vec![None; accuracies.rois.len()]);
                continue;
            }
            let table = BData::read(&path)?;
            let mut rois = Vec::with_capacity(settings.rois.len());
            for (index, roi) in settings.rois.iter().enumerate() {
                if !has(index) {
                    rois.push(None);
                    continue;
                }
                let item = Item {
                    stage: Stage::EncodePredict,
                    net: network.dir.clone(),
                    layer: network.layers[0].clone(),
                    subject: name.clone(),
                    roi: roi.name.clone(),
                };
                let label_key = label_key(layout, settings, &item)?;
                let samples = Samples::select(&table, &path, roi, &label_key)?;
                let features = layout.features(Split::Test, &item.net, &item.layer);
                rois.push(Some(Patterns {
                    stimuli: names(&samples.stimuli, &features)?,
                    values: samples.mean_patterns(),
                }));
            }
            patterns.push(rois);
        }
        Ok(Self { patterns })
    }

    /// Mean responses to `images`, `(images.len(), n_voxels)`, of all voxels of a ROI; `None` if one of the
    /// images was not shown, or there are no accuracies of the ROI.
    pub fn responses(&self, subject: usize, roi: usize, images: &[String]) -> Option<Array2<f64>> {
        let patterns = self.patterns[subject][roi].as_ref()?;
        let rows: Option<Vec<usize>> = (images.iter())
            .map(|image| patterns.stimuli.binary_search(image).ok())
            .collect();
        Some(patterns.values.select(Axis(0), &rows?))
    }
}

/// The column that told `encode-predict` which image was shown: the record says it, else the settings.
fn label_key(layout: &Layout, settings: &Settings, item: &Item) -> Result<String> {
    let record = Record::read(&layout.record_folder(item))?;
    let recorded = record
        .as_ref()
        .and_then(|record| record.settings["label_key"].as_str());
    Ok(recorded.unwrap_or(&settings.encoding.label_key).to_owned())
}

/// Names of the stimuli; those that are known by number only are ranks among the files in `features`.
fn names(stimuli: &Stimuli, features: &Path) -> Result<Vec<String>> {
    let ranks = match stimuli {
        Stimuli::Names { names, .. } => return Ok(names.clone()),
        Stimuli::Ranks(ranks) => ranks,
    };
    let layer = Layer::open(features)?;
    let name = |rank: &usize| {
        layer.labels().get(rank - 1).cloned().ok_or_else(|| {
            Error::file(
                features,
                format!(
                    "has {} images, the test fMRI shows image {rank}",
                    layer.labels().len()
                ),
                "complete the layer's feature files",
            )
        })
    };
    ranks.iter().map(name).collect()
}
