//! What is asked of the stage: a network, its layers, images, and where the features go.

use std::path::PathBuf;

use super::engine::Engine;
use super::layers::Layer;
use super::onnx::Layout;
use super::preprocess::Degrees;
use super::stimuli::Stimulus;
use crate::settings::{Preprocess, Units};
use crate::study::memory::Memory;
use crate::work::Shard;
use crate::work::claims::Worker;

/// Everything that determines the features, and how they are computed.
pub struct Job<'a> {
    /// The network.
    pub engine: &'a dyn Engine,
    /// Its input.
    pub input: Layout,
    /// What is written of it.
    pub layers: Vec<Layer>,
    /// Which of the engine's results each layer is.
    pub outputs: Vec<usize>,
    /// Pixels to input.
    pub preprocess: Preprocess,
    /// Visual angle of the model's input and of the images.
    pub degrees: Option<Degrees>,
    /// Which units are kept.
    pub units: Units,
    /// Seed of their choice.
    pub seed: u32,
    /// `trained`, `shuffle:<seed>` or `init:<seed>`.
    pub weights: String,
    /// Fingerprint of the model.
    pub model_digest: String,
    /// Name of its file.
    pub model_file: String,
    /// Images per forward pass.
    pub batch: usize,
    /// Bound for the model and all forward passes together.
    pub memory: Memory,
    /// Bytes of the loaded model and the program itself.
    pub model_bytes: u64,
}

/// Which images, and where their features go.
pub struct Place<'a> {
    /// All images of the split.
    pub stimuli: &'a [Stimulus],
    /// Folder in which the layers' folders are.
    pub folder: PathBuf,
    /// Part of the images.
    pub shard: Shard,
    /// Compute again what is there.
    pub force: bool,
    /// Only count what is missing.
    pub dry_run: bool,
    /// How images are claimed where several processes share the folder.
    pub claims: Option<Claims<'a>>,
    /// Stay until the images that others hold are done, too.
    pub wait: bool,
}

/// Claims of blocks of images.
#[derive(Clone)]
pub struct Claims<'a> {
    /// Who claims.
    pub worker: &'a Worker,
    /// What all units begin with: `extract/<split>/<net>`.
    pub prefix: String,
}
