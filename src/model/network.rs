//! An ONNX file as its manifest describes it, run on pictures.

use std::path::Path;

use ndarray::{ArrayD, Axis, Slice, concatenate};
use rayon::prelude::*;

use super::images::Picture;
use super::manifest::Manifest;
use super::subject::{Activations, Output, Subject};
use crate::error::{Error, Result};
use crate::extract::engine::{Choice, Engine};
use crate::extract::layers::{Layer, layers};
use crate::extract::onnx::{Layout, Model};
use crate::extract::preprocess;
use crate::settings::{Extract, Preprocess, Transform};

/// Colours of a picture.
const N_COLOURS: usize = 3;

/// A loaded network and the pictures it is shown.
pub struct Network {
    engine: Box<dyn Engine>,
    layout: Layout,
    preprocess: Preprocess,
    pictures: Vec<Picture>,
    n_parameters: u64,
    layers: Vec<Wanted>,
    readout: Option<Wanted>,
    logits: Option<Wanted>,
    /// Why readout and logits are not among the outputs.
    unknown: [Option<String>; 2],
}

/// An output and where it is among the engine's results.
struct Wanted {
    name: String,
    at: usize,
    transform: Transform,
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
        let mut problems = Vec::new();
        let layout = layout(&model, path, manifest).map_err(|problem| problems.push(problem));
        let names = Names::new(&model, path, manifest);
        let mut found = Vec::new();
        for layer in &manifest.layers {
            match names.find(&layer.name) {
                Ok(layer) => found.push(layer),
                Err(error) => problems.push(error.to_string()),
            }
        }
        let (Ok(layout), []) = (layout, problems.as_slice()) else {
            return Err(problems);
        };
        let mut unknown = [None, None];
        let mut behaviour = [None, None];
        for (at, name) in [&manifest.readout, &manifest.logits]
            .into_iter()
            .enumerate()
        {
            match name.as_ref().map(|name| names.find(name)).transpose() {
                Ok(layer) => behaviour[at] = layer,
                Err(error) => unknown[at] = Some(error.to_string()),
            }
        }
        let mut tensors = Vec::new();
        let mut wanted = |layer: Layer, name: &str| {
            let known = tensors.iter().position(|tensor| *tensor == layer.tensor);
            let at = known.unwrap_or_else(|| {
                tensors.push(layer.tensor);
                tensors.len() - 1
            });
            let (name, transform) = (name.to_owned(), layer.transform);
            Wanted {
                name,
                at,
                transform,
            }
        };
        let declared = found.into_iter().zip(&manifest.layers);
        let layers = declared
            .map(|(found, layer)| wanted(found, &layer.name))
            .collect();
        let [readout, logits] = behaviour;
        let readout = readout
            .zip(manifest.readout.as_ref())
            .map(|(layer, name)| wanted(layer, name));
        let logits = logits
            .zip(manifest.logits.as_ref())
            .map(|(layer, name)| wanted(layer, name));
        let n_parameters = model.graph().n_parameters();
        let engine = model.with_outputs(&tensors).and_then(|model| {
            let threads = rayon::current_num_threads();
            Choice::Rten.load(model, &layout.input, &tensors, threads)
        });
        Ok(Network {
            engine: engine.map_err(|error| vec![error.to_string()])?,
            layout,
            preprocess: manifest.preprocess.clone(),
            pictures,
            n_parameters,
            layers,
            readout,
            logits,
            unknown,
        })
    }

    /// Results of the engine for some pictures, in as few passes as the network allows: `(n_images, …)` each.
    fn run(&self, pictures: &[Picture]) -> Result<Vec<ArrayD<f32>>> {
        let size = self.layout.batch.unwrap_or(pictures.len());
        let passes: Vec<Vec<ArrayD<f32>>> = pictures
            .chunks(size)
            .map(|some| self.pass(some, size))
            .collect::<Result<_>>()?;
        joined(&passes)
    }

    /// One pass; what is missing to a full batch is black.
    fn pass(&self, pictures: &[Picture], size: usize) -> Result<Vec<ArrayD<f32>>> {
        let (height, width) = (self.layout.height, self.layout.width);
        let mut values: Vec<f32> = pictures
            .iter()
            .flat_map(|one| {
                preprocess::tensor(&one.pixels, &self.preprocess, None, (height, width))
            })
            .collect();
        values.resize(size * N_COLOURS * height * width, 0.0);
        let images = ArrayD::from_shape_vec(vec![size, N_COLOURS, height, width], values)
            .expect("as many values as the pictures have");
        let images = match self.layout.colours_last {
            true => images.permuted_axes(vec![0, 2, 3, 1]),
            false => images,
        };
        let outputs = self.engine.run(images.view())?;
        let of_output = |(at, output): (usize, ArrayD<f32>)| {
            if output.shape().first() != Some(&size) || output.is_empty() {
                return Err(self.without_images(at, output.shape(), size));
            }
            let mut output = output;
            output.slice_axis_inplace(Axis(0), Slice::from(..pictures.len()));
            Ok(output)
        };
        outputs.into_iter().enumerate().map(of_output).collect()
    }

    fn without_images(&self, at: usize, shape: &[usize], n_images: usize) -> Error {
        let behaviour = self.readout.iter().chain(&self.logits);
        let mut wanted = self.layers.iter().chain(behaviour);
        let name = wanted.find(|one| one.at == at).map_or("", |one| &one.name);
        Error::data(
            format!("layer `{name}`"),
            format!("has the shape {shape:?} for {n_images} images"),
            "choose a layer whose first axis is the images, with units",
        )
    }

    /// Results under their names.
    fn named(&self, results: &[ArrayD<f32>]) -> Activations {
        let n_images = results.first().map_or(0, |result| result.shape()[0]);
        let output = |wanted: &Wanted| Output {
            name: wanted.name.clone(),
            values: match wanted.transform {
                Transform::None => results[wanted.at].clone(),
                Transform::Abs => results[wanted.at].mapv(f32::abs),
            },
        };
        let names = self.pictures[..n_images].iter().map(|one| one.name.clone());
        Activations {
            images: names.collect(),
            layers: self.layers.iter().map(output).collect(),
            readout: self.readout.as_ref().map(output),
            logits: self.logits.as_ref().map(output),
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
