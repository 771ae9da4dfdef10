//! An ONNX file as its manifest describes it, run on pictures.

use std::path::Path;

use ndarray::{ArrayD, Axis, concatenate};
use rayon::prelude::*;

use super::images::Picture;
use super::manifest::{Behaviour, Manifest};
use super::subject::{Activations, Output, Subject};
use crate::error::{Error, Result};
use crate::extract::engine::Choice;
use crate::extract::layers::{Layer, layers};
use crate::extract::network::{self, Loading};
use crate::extract::onnx::{Layout, Model, Weights};
use crate::settings::Extract;

/// A loaded network and the pictures it is shown.
pub struct Network {
    network: network::Network,
    pictures: Vec<Picture>,
    n_parameters: u64,
    /// Of the layers, as in the manifest; they are the first of the network's.
    names: Vec<String>,
    /// Readout and logits, where the network has them: name as in the manifest, number among the network's layers.
    behaviour: Behaviour<(String, usize)>,
    /// Why readout and logits are not among the outputs.
    unknown: Behaviour<String>,
}

impl Network {
    /// Loads the network.
    ///
    /// - `path`: the ONNX file, for messages.
    ///
    /// # Errors
    /// All that is wrong: images of another size, layers that are not there, operators that cannot be run.
    pub fn load(
        model: Model,
        path: &Path,
        manifest: &Manifest,
        pictures: Vec<Picture>,
    ) -> Result<Network, Vec<String>> {
        let mut loading = loading(&model, path, manifest)?;
        let names = Names::new(&model, path, manifest);
        let (behaviour, unknown) = manifest.behaviour(|name| {
            let layer = names.find(name)?;
            loading.layers.push(layer);
            Ok((name.to_owned(), loading.layers.len() - 1))
        });
        let n_parameters = model.graph().n_parameters();
        let loaded = network::Network::load(model, loading, None);
        let names = manifest.layers.iter().map(|layer| layer.name.clone());
        Ok(Network {
            network: loaded.map_err(|error| vec![error.to_string()])?,
            pictures,
            n_parameters,
            names: names.collect(),
            behaviour,
            unknown,
        })
    }

    /// Results of the engine for some pictures, in as few passes as the network allows: `(n_images, …)` each.
    fn run(&self, pictures: &[Picture]) -> Result<Vec<ArrayD<f32>>> {
        let size = self.network.input.batch.unwrap_or(pictures.len());
        let passes: Vec<Vec<ArrayD<f32>>> = pictures
            .chunks(size)
            .map(|some| self.network.pass(some.iter().map(|one| &one.pixels), None))
            .collect::<Result<_>>()?;
        joined(&passes)
    }

    /// Results under their names.
    fn named(&self, results: &[ArrayD<f32>]) -> Activations {
        let n_images = results.first().map_or(0, |result| result.shape()[0]);
        let output = |(name, at): (&String, usize)| Output {
            name: name.clone(),
            values: self.network.of_layer(at, results),
        };
        let names = self.pictures[..n_images].iter().map(|one| one.name.clone());
        let [readout, logits] = self
            .behaviour
            .each_ref()
            .map(|found| found.as_ref().map(|(name, at)| output((name, *at))));
        Activations {
            images: names.collect(),
            layers: self.names.iter().zip(0..).map(output).collect(),
            readout,
            logits,
        }
    }
}

impl Subject for Network {
    fn n_images(&self) -> usize {
        self.pictures.len()
    }

    fn together(&self, n_images: usize) -> Result<Activations> {
        Ok(self.named(&self.run(&self.pictures[..n_images])?))
    }

    fn one_by_one(&self, n_images: usize) -> Result<Option<Activations>> {
        let passes: Vec<Vec<ArrayD<f32>>> = self.pictures[..n_images]
            .par_chunks(1)
            .map(|one| self.run(one))
            .collect::<Result<_>>()?;
        Ok(Some(self.named(&joined(&passes)?)))
    }

    fn unknown(&self) -> [Option<&str>; 2] {
        let [readout, logits] = &self.unknown;
        [readout.as_deref(), logits.as_deref()]
    }

    fn repeated(&self) -> Vec<(String, String, String)> {
        let layers = &self.network.layers[..self.names.len()];
        let is_same = |a: &Layer, b: &Layer| a.tensor == b.tensor && a.transform == b.transform;
        let repeated = |(at, layer): (usize, &Layer)| {
            let first = layers[..at]
                .iter()
                .position(|other| is_same(other, layer))?;
            let (first, name) = (self.names[first].clone(), self.names[at].clone());
            // One name twice is told by check 7.
            (first != name).then(|| (first, name, layer.tensor.clone()))
        };
        layers.iter().enumerate().filter_map(repeated).collect()
    }

    fn n_parameters(&self) -> Option<u64> {
        Some(self.n_parameters)
    }
}

/// Results of several passes as those of one.
fn joined(passes: &[Vec<ArrayD<f32>>]) -> Result<Vec<ArrayD<f32>>> {
    let n_results = passes.first().map_or(0, Vec::len);
    let of_all = |at: usize| {
        let views: Vec<_> = passes.iter().map(|pass| pass[at].view()).collect();
        concatenate(Axis(0), &views).map_err(|_| {
            let remedy = "export it so that a layer has one shape for all images";
            Error::data(
                "the network",
                "gives a layer of another shape for each image",
                remedy,
            )
        })
    };
    (0..n_results).map(of_all).collect()
}

/// How a manifest's network is loaded, with its layers in their order.
///
/// - `path`: the ONNX file, for messages.
///
/// # Errors
/// All that is wrong: images of another size, layers that are not there.
pub fn loading(model: &Model, path: &Path, manifest: &Manifest) -> Result<Loading, Vec<String>> {
    let mut problems = Vec::new();
    let input = layout(model, path, manifest).map_err(|problem| problems.push(problem));
    let names = Names::new(model, path, manifest);
    let mut layers = Vec::new();
    for layer in &manifest.layers {
        match names.find(&layer.name) {
            Ok(layer) => layers.push(layer),
            Err(error) => problems.push(error.to_string()),
        }
    }
    let (Ok(input), []) = (input, problems.as_slice()) else {
        return Err(problems);
    };
    Ok(Loading {
        input,
        preprocess: manifest.preprocess.clone(),
        layers,
        weights: Weights::Trained,
        engine: Choice::Rten,
    })
}

/// The image input, in the manifest's size.
fn layout(model: &Model, path: &Path, manifest: &Manifest) -> Result<Layout, String> {
    let graph = model.graph();
    let own = graph
        .layout(path, None)
        .map_err(|error| error.to_string())?;
    let Some(size) = manifest.size else {
        return Ok(own);
    };
    graph.layout(path, Some(size)).map_err(|_| {
        let (height, width) = (own.height, own.width);
        format!(
            "`input.size` is [{}, {}], but the network takes [{height}, {width}]",
            size.0, size.1
        )
    })
}

/// What the manifest's names mean in a model.
struct Names<'a> {
    model: &'a Model,
    path: &'a Path,
    settings: Extract,
}

impl<'a> Names<'a> {
    fn new(model: &'a Model, path: &'a Path, manifest: &Manifest) -> Names<'a> {
        let mut settings = Extract::default();
        for layer in &manifest.layers {
            if let Some(tensor) = &layer.tensor {
                settings.tensors.insert(layer.name.clone(), tensor.clone());
            }
            if let Some(transform) = layer.transform {
                settings.transforms.insert(layer.name.clone(), transform);
            }
        }
        Names {
            model,
            path,
            settings,
        }
    }

    fn find(&self, name: &str) -> Result<Layer> {
        let names = [name.to_owned()];
        let found = layers(&names, &self.settings, None, self.model.graph(), self.path)?;
        Ok(found.into_iter().next().expect("one layer for one name"))
    }
}
