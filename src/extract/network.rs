//! A loaded network: what it takes, which of its results are layers, and single passes in memory.

use std::path::Path;

use ndarray::{ArrayD, Axis, Slice};

use super::engine::{Choice, Engine};
use super::image::{Pixels, Remark};
use super::layers::Layer;
use super::onnx::{Layout, Model, Weights};
use super::preprocess::{self, Degrees};
use super::resident::{PROGRAM, resident_bytes};
use crate::error::{Error, Result};
use crate::settings::{Preprocess, Transform};
use crate::study::memory::Memory;

/// How often the model is in memory while it is loaded: its file, the weights, and for some networks a second
/// form of them (measured with AlexNet: 2.0, ResNet-18: 3.1).
const COPIES_OF_MODEL: u64 = 3;

/// Colours of a picture.
pub const N_COLOURS: usize = 3;

/// A network that can be run.
pub struct Network {
    /// What runs it.
    pub engine: Box<dyn Engine>,
    /// Its input.
    pub input: Layout,
    /// Pixels to input.
    pub preprocess: Preprocess,
    /// What is wanted of it.
    pub layers: Vec<Layer>,
    /// Which of the engine's results each layer is.
    pub outputs: Vec<usize>,
    /// `trained`, `shuffle:<seed>` or `init:<seed>`.
    pub weights: String,
    /// Fingerprint of the model.
    pub digest: String,
    /// Name of its file.
    pub file: String,
    /// Bytes of the loaded model and the program itself.
    pub bytes: u64,
    /// Weight tensors that a control of [`weights`](Self::weights) left alone.
    pub untouched: Vec<String>,
}

/// How a network is loaded.
#[derive(Debug, Clone)]
pub struct Loading {
    /// Its input.
    pub input: Layout,
    /// Pixels to input.
    pub preprocess: Preprocess,
    /// What is wanted of it.
    pub layers: Vec<Layer>,
    /// Its weights, or a control.
    pub weights: Weights,
    /// What runs it.
    pub engine: Choice,
}

impl Network {
    /// Loads a model that was read.
    ///
    /// - `before`: bytes that the process had before the model was read, where known.
    ///
    /// # Errors
    /// If the engine cannot run it.
    pub fn load(model: Model, loading: Loading, before: Option<u64>) -> Result<Network> {
        let size = model.size();
        let file = model.path().file_name();
        let file = file.map_or(String::new(), |name| name.to_string_lossy().into_owned());
        let digest = model.digest().to_owned();
        let (tensors, outputs) = distinct(&loading.layers);
        let (model, untouched) = model.with_weights(loading.weights)?;
        let model = model.with_outputs(&tensors)?;
        let threads = rayon::current_num_threads();
        let input = &loading.input.input;
        let engine = loading.engine.load(model, input, &tensors, threads)?;
        let loaded = resident_bytes().zip(before);
        let loaded = loaded.map_or(0, |(now, before)| now.saturating_sub(before));
        Ok(Network {
            engine,
            input: loading.input,
            preprocess: loading.preprocess,
            layers: loading.layers,
            outputs,
            weights: loading.weights.to_string(),
            digest,
            file,
            bytes: loaded.max(size) + PROGRAM,
            untouched,
        })
    }

    /// A file as a part of the input, `(3, height, width)`, with what is to be said of it.
    ///
    /// # Errors
    /// As [`preprocess::read`].
    pub fn read(&self, path: &Path, degrees: Option<Degrees>) -> Result<(Vec<f32>, Vec<Remark>)> {
        let size = (self.input.height, self.input.width);
        preprocess::read(path, &self.preprocess, degrees, size)
    }

    /// An image as a part of the input, `(3, height, width)`.
    #[must_use]
    pub fn tensor(&self, pixels: &Pixels, degrees: Option<Degrees>) -> Vec<f32> {
        let size = (self.input.height, self.input.width);
        preprocess::tensor(pixels, &self.preprocess, degrees, size)
    }

    /// What an image that cannot be read is in the input.
    pub(super) fn nothing(&self) -> impl Iterator<Item = f32> + use<> {
        std::iter::repeat_n(0.0, N_COLOURS * self.input.height * self.input.width)
    }

    /// The input of a pass.
    ///
    /// - `values`: images one after the other, `(n_images, 3, height, width)`; a model of a fixed batch gets a full
    ///   one.
    pub(super) fn batch(&self, mut values: Vec<f32>) -> ArrayD<f32> {
        let (height, width) = (self.input.height, self.input.width);
        let one = N_COLOURS * height * width;
        let n_images = self.input.batch.unwrap_or(values.len() / one);
        values.resize(n_images * one, 0.0);
        let images = ArrayD::from_shape_vec(vec![n_images, N_COLOURS, height, width], values)
            .expect("as many values as the images have");
        match self.input.colours_last {
            true => images.permuted_axes(vec![0, 2, 3, 1]),
            false => images,
        }
    }

    /// A pass: the engine's results, each `(n_images, …)`.
    pub(super) fn forward(&self, images: ArrayD<f32>) -> Result<Vec<ArrayD<f32>>> {
        let n_images = images.shape()[0];
        let outputs = self.engine.run(images.view())?;
        for (&at, layer) in self.outputs.iter().zip(&self.layers) {
            let output = &outputs[at];
            if output.shape().first() != Some(&n_images) || output.is_empty() {
                let problem = format!(
                    "gives the shape {:?} for {n_images} image{}",
                    output.shape(),
                    if n_images == 1 { "" } else { "s" }
                );
                let remedy = "choose a layer whose first axis is the images, with units";
                return Err(Error::data(
                    format!("layer `{}` (tensor `{}`)", layer.name, layer.tensor),
                    problem,
                    remedy,
                ));
            }
        }
        Ok(outputs)
    }

    /// The engine's results for some images, `(n_images, …)` each, in one pass.
    ///
    /// - `images`: one at least, not more than the network takes.
    ///
    /// # Errors
    /// If the network cannot be computed on them, or a layer has no axis of images.
    pub fn pass<'a>(
        &self,
        images: impl IntoIterator<Item = &'a Pixels>,
        degrees: Option<Degrees>,
    ) -> Result<Vec<ArrayD<f32>>> {
        let mut n_images = 0;
        let mut values = Vec::new();
        for pixels in images {
            n_images += 1;
            values.extend(self.tensor(pixels, degrees));
        }
        let mut outputs = self.forward(self.batch(values))?;
        for output in &mut outputs {
            output.slice_axis_inplace(Axis(0), Slice::from(..n_images));
        }
        Ok(outputs)
    }

    /// A layer among the results of a pass, transformed, `(n_images, …)`.
    #[must_use]
    pub fn of_layer(&self, layer: usize, results: &[ArrayD<f32>]) -> ArrayD<f32> {
        let values = &results[self.outputs[layer]];
        match self.layers[layer].transform {
            Transform::None => values.clone(),
            Transform::Abs => values.mapv(f32::abs),
        }
    }

    /// How many passes the memory allows at once.
    ///
    /// - `per_pass`: bytes that a pass takes.
    /// - `others`: bytes that are taken beside model and passes.
    ///
    /// # Errors
    /// If it does not allow one.
    pub fn passes_at_once(&self, per_pass: u64, others: u64, memory: Memory) -> Result<usize> {
        // The allocator keeps what the first pass has freed, and workers, in other threads, do not get it.
        let kept = self.bytes + others + per_pass;
        memory.require(
            kept + per_pass,
            format!("network `{}`", self.file),
            "the model and its forward passes",
        )?;
        let room = (memory.bytes - kept) / per_pass.max(1);
        let n_passes = usize::try_from(room).unwrap_or(usize::MAX);
        Ok(n_passes.min(self.engine.workers()).max(1))
    }
}

/// Refuses a model that cannot be loaded within the memory.
///
/// # Errors
/// If there is not enough.
pub fn require_memory(model: &Model, memory: Memory) -> Result<()> {
    memory.require(
        COPIES_OF_MODEL * model.size() + PROGRAM,
        format!("network `{}`", model.path().display()),
        "loading the model",
    )
}

/// The tensors of the layers, each once, and which one each layer is.
fn distinct(layers: &[Layer]) -> (Vec<String>, Vec<usize>) {
    let mut tensors: Vec<String> = Vec::new();
    let mut outputs = Vec::with_capacity(layers.len());
    for layer in layers {
        let at = tensors.iter().position(|tensor| *tensor == layer.tensor);
        outputs.push(at.unwrap_or(tensors.len()));
        if at.is_none() {
            tensors.push(layer.tensor.clone());
        }
    }
    (tensors, outputs)
}
