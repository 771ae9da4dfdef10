//! Decoded and true activations of a study, layer by layer, from its files.

use ndarray::Axis;

use super::images::Predictions;
use super::source::{Source, check_accuracies, other};
use crate::bh::{DecodingAccuracies, places};
use crate::error::Result;
use crate::io::features::{Features, Layer};
use crate::settings::Network;
use crate::work::layout::Split;
use crate::work::{Item, Layout, Stage};

/// Where the activations behind accuracies lie.
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'a> {
    /// Paths of the study.
    pub layout: &'a Layout,
    /// The network.
    pub network: &'a Network,
    /// Its accuracies, which say what was decoded.
    pub accuracies: &'a DecodingAccuracies,
}

impl Source for Decoded<'_> {
    fn missing(&self) -> Option<String> {
        let folders = self.items().flat_map(|item| {
            let truth = self.layout.features(Split::Test, &item.net, &item.layer);
            [self.layout.decoded_features(&item), truth]
        });
        let missing = folders.into_iter().find(|folder| !folder.is_dir());
        missing.map(|folder| self.layout.relative(&folder))
    }

    fn read(&self, layer: usize, subject: usize) -> Result<(Vec<String>, Predictions)> {
        let name = &self.network.layers[layer];
        let folder = self.layout.features(Split::Test, &self.network.dir, name);
        let truth = Layer::open(&folder)?.read(None, &|_| {})?;
        let mut images: Option<Vec<String>> = None;
        let mut decoded = Vec::with_capacity(self.accuracies.rois.len());
        for (roi, accuracies) in self.accuracies.values[layer][subject].iter().enumerate() {
            let Some(accuracies) = accuracies else {
                decoded.push(None);
                continue;
            };
            let item = self.item(layer, subject, roi);
            let found = Layer::open(self.layout.decoded_features(&item))?.read(None, &|_| {})?;
            if images.get_or_insert_with(|| found.labels.clone()) != &found.labels {
                return Err(other(&item, "images than those of the other ROIs"));
            }
            check(&item, &found, &truth, accuracies)?;
            decoded.push(Some(found.values));
        }
        let images = images.unwrap_or_default();
        let rows = rows_of(&images, &truth).unwrap_or_default();
        let predictions = Predictions {
            group: layer,
            truth: truth.values.select(Axis(0), &rows),
            predicted: decoded,
        };
        Ok((images, predictions))
    }
}

impl Decoded<'_> {
    fn items(&self) -> impl Iterator<Item = Item> {
        places(&self.accuracies.values).map(|(layer, subject, roi)| self.item(layer, subject, roi))
    }

    fn item(&self, layer: usize, subject: usize, roi: usize) -> Item {
        Item {
            stage: Stage::DecodePredict,
            net: self.network.dir.clone(),
            layer: self.network.layers[layer].clone(),
            subject: self.accuracies.subjects[subject].clone(),
            roi: self.accuracies.rois[roi].clone(),
        }
    }
}

/// Row of each image in the true features; `None` if one is not there.
fn rows_of(images: &[String], truth: &Features) -> Option<Vec<usize>> {
    (images.iter())
        .map(|image| truth.labels.binary_search(image).ok())
        .collect()
}

fn check(item: &Item, decoded: &Features, truth: &Features, accuracies: &[f32]) -> Result<()> {
    let Some(rows) = rows_of(&decoded.labels, truth) else {
        return Err(other(item, "images than the test features"));
    };
    let truth = truth.values.select(Axis(0), &rows);
    if decoded.values.dim() != truth.dim() || accuracies.len() != truth.ncols() {
        return Err(other(
            item,
            "units than the test features or the accuracies",
        ));
    }
    check_accuracies(item, decoded.values.view(), truth.view(), accuracies)
}
