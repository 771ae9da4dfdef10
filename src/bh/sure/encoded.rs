//! Encoded and measured test fMRI of a study, ROI by ROI, from its files.

use std::borrow::Cow;

use ndarray::{Array2, Axis};

use super::images::Predictions;
use super::measured::Measured;
use super::source::{Source, check_accuracies, other};
use crate::bh::{EncodingAccuracies, places};
use crate::error::Result;
use crate::io::features::Layer;
use crate::settings::{Network, Settings};
use crate::work::layout::Split;
use crate::work::{Item, Layout, Stage};

/// Where the responses behind accuracies lie.
#[derive(Clone, Debug)]
pub struct Encoded<'a> {
    layout: &'a Layout,
    network: &'a Network,
    /// Of all voxels in the files.
    accuracies: &'a EncodingAccuracies,
    /// Of those that the score took.
    limited: Cow<'a, EncodingAccuracies>,
    /// The first file or folder that is missing, or what was measured.
    measured: std::result::Result<Measured, String>,
}

impl<'a> Encoded<'a> {
    /// Reads the measured fMRI, if there is all that it takes.
    ///
    /// - `accuracies`: of all voxels in the files.
    /// - `limit`: voxels per subject and ROI that the score took at most ([`EncodingAccuracies::limited`]).
    ///
    /// # Errors
    /// If an fMRI table is there but cannot be read, or layers differ in their number of voxels.
    pub fn open(
        layout: &'a Layout,
        settings: &Settings,
        network: &'a Network,
        accuracies: &'a EncodingAccuracies,
        limit: Option<usize>,
    ) -> Result<Self> {
        let mut encoded = Self {
            layout,
            network,
            accuracies,
            limited: accuracies.limited(limit)?,
            measured: Err(String::new()),
        };
        let folders = encoded.items().map(|item| layout.encoded_fmri(&item));
        let subjects = accuracies.subjects.iter().enumerate();
        let used = subjects.filter(|(subject, _)| {
            (0..accuracies.rois.len()).any(|roi| accuracies.n_voxels(*subject, roi).is_some())
        });
        let tables = used.map(|(_, subject)| layout.fmri(settings, Split::Test, subject));
        let missing = (folders.filter(|folder| !folder.is_dir()))
            .chain(tables.filter(|table| !table.is_file()))
            .next();
        encoded.measured = match missing {
            Some(path) => Err(layout.relative(&path)),
            None => Ok(Measured::read(layout, settings, network, accuracies)?),
        };
        Ok(encoded)
    }

    /// Accuracies of the voxels that the score took.
    pub fn accuracies(&self) -> &EncodingAccuracies {
        &self.limited
    }

    /// Encoded responses of one layer, of the voxels that the score took, with the names of the images.
    fn layer(&self, item: &Item, place: Place, all: &Images) -> Result<Array2<f32>> {
        let found = Layer::open(self.layout.encoded_fmri(item))?.read(None, &|_| {})?;
        if found.labels != all.names {
            return Err(other(item, "images than those of the other layers"));
        }
        if found.values.ncols() != all.n_voxels {
            return Err(other(item, "voxels than the test fMRI"));
        }
        Ok(self.taken(found.values, place))
    }

    /// The columns of the voxels that the score took.
    fn taken(&self, values: Array2<f32>, place: Place) -> Array2<f32> {
        match self.limited.positions(place.subject, place.roi) {
            Some(positions) => values.select(Axis(1), positions),
            None => values,
        }
    }

    fn items(&self) -> impl Iterator<Item = Item> {
        places(&self.accuracies.values)
            .map(|(layer, subject, roi)| self.item(layer, Place { subject, roi }))
    }

    fn item(&self, layer: usize, place: Place) -> Item {
        Item {
            stage: Stage::EncodePredict,
            net: self.network.dir.clone(),
            layer: self.network.layers[layer].clone(),
            subject: self.accuracies.subjects[place.subject].clone(),
            roi: self.accuracies.rois[place.roi].clone(),
        }
    }
}

/// A ROI of a subject.
#[derive(Clone, Copy)]
struct Place {
    subject: usize,
    roi: usize,
}

/// What all layers must agree in.
struct Images {
    names: Vec<String>,
    /// Voxels in the files.
    n_voxels: usize,
}

impl Source for Encoded<'_> {
    fn missing(&self) -> Option<String> {
        self.measured.as_ref().err().cloned()
    }

    fn read(&self, roi: usize, subject: usize) -> Result<(Vec<String>, Predictions)> {
        let place = Place { subject, roi };
        let of_layer = |layer: usize| self.limited.values[layer][subject][roi].as_deref();
        let n_layers = self.accuracies.layers.len();
        let Some(first) = (0..n_layers).find(|&layer| of_layer(layer).is_some()) else {
            let nothing = Predictions {
                group: roi,
                truth: Array2::zeros((0, 0)),
                predicted: vec![None; n_layers],
            };
            return Ok((Vec::new(), nothing));
        };
        let first = self.item(first, place);
        let names = Layer::open(self.layout.encoded_fmri(&first))?
            .labels()
            .to_vec();
        let measured = self.measured.as_ref().ok();
        let Some(truth) = measured.and_then(|all| all.responses(subject, roi, &names)) else {
            return Err(other(&first, "images than the test fMRI"));
        };
        let images = Images {
            n_voxels: truth.ncols(),
            names,
        };
        let truth = self.taken(from_first(truth), place);
        let mut predicted = Vec::with_capacity(n_layers);
        for layer in 0..n_layers {
            let Some(accuracies) = of_layer(layer) else {
                predicted.push(None);
                continue;
            };
            let item = self.item(layer, place);
            if self.accuracies.n_voxels(subject, roi) != Some(images.n_voxels) {
                return Err(other(&item, "voxels in the test fMRI than accuracies"));
            }
            let found = self.layer(&item, place, &images)?;
            check_accuracies(&item, found.view(), truth.view(), accuracies)?;
            predicted.push(Some(found));
        }
        let predictions = Predictions {
            group: roi,
            truth,
            predicted,
        };
        Ok((images.names, predictions))
    }
}

/// The columns less their first values, in single precision: responses may be small changes of large
/// numbers. Correlations are the same, and constant columns stay constant.
fn from_first(mut values: Array2<f64>) -> Array2<f32> {
    for mut column in values.columns_mut() {
        if let Some(first) = column.first().copied() {
            column -= first;
        }
    }
    values.mapv(|value| value as f32)
}
