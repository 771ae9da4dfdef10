//! Decoded and true activations of a study, layer by layer, from its files.

use ndarray::Axis;

use super::images::Activations;
use crate::bh::DecodingAccuracies;
use crate::error::{Error, Result};
use crate::io::features::{Features, Layer};
use crate::settings::Network;
use crate::stats::correlation;
use crate::work::layout::Split;
use crate::work::{Item, Layout, Stage};

/// Decoded features are stored in single precision, accuracies were taken before that: they agree to 1e-6.
/// More than this is another run, or another order of images.
const MAX_DIFFERENCE: f64 = 1e-3;

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

impl Decoded<'_> {
    /// The first folder that is missing, relative to the study; `None` if all are there.
    pub fn missing(&self) -> Option<String> {
        let folders = self.items().flat_map(|item| {
            let truth = self.layout.features(Split::Test, &item.net, &item.layer);
            [self.layout.decoded_features(&item), truth]
        });
        let missing = folders.into_iter().find(|folder| !folder.is_dir());
        missing.map(|folder| self.layout.relative(&folder))
    }

    /// Activations of one layer and subject, and the names of the test images, the rows.
    ///
    /// # Errors
    /// If a file cannot be read, decoded and true features differ in images or units, or the accuracies are
    /// not theirs.
    pub fn read(&self, layer: usize, subject: usize) -> Result<(Vec<String>, Activations)> {
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
            check_accuracies(&item, &found, &truth, accuracies)?;
            decoded.push(Some(found.values));
        }
        let images = images.unwrap_or_default();
        let rows = rows_of(&images, &truth).unwrap_or_default();
        let truth = truth.values.select(Axis(0), &rows);
        let activations = Activations {
            layer,
            truth,
            decoded,
        };
        Ok((images, activations))
    }

    fn items(&self) -> impl Iterator<Item = Item> {
        let values = self.accuracies.values.iter().enumerate();
        values.flat_map(move |(layer, subjects)| {
            (subjects.iter().enumerate()).flat_map(move |(subject, rois)| {
                (rois.iter().enumerate())
                    .filter(|(_, accuracies)| accuracies.is_some())
                    .map(move |(roi, _)| self.item(layer, subject, roi))
            })
        })
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

fn check_accuracies(
    item: &Item,
    decoded: &Features,
    truth: &Features,
    accuracies: &[f32],
) -> Result<()> {
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
    let found = correlation::columns(decoded.values.view(), truth.view());
    let differ =
        |(found, expected): (&f64, &f32)| (found - f64::from(*expected)).abs() > MAX_DIFFERENCE;
    match found
        .iter()
        .zip(accuracies)
        .filter(|&pair| differ(pair))
        .count()
    {
        0 => Ok(()),
        n => Err(Error::data(
            format!("decoded features `{item}`"),
            format!(
                "{n} of {} units correlate otherwise than `accuracy.mat` says",
                found.len()
            ),
            "run `bhscore decode-predict --force` for the network",
        )),
    }
}

fn other(item: &Item, than: &str) -> Error {
    Error::data(
        format!("decoded features `{item}`"),
        format!("have other {than}"),
        "run `bhscore decode-predict --force` for the network",
    )
}
