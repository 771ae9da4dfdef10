//! What is asked of the stage: a network, its layers, images, and where the features go.

use std::path::PathBuf;

use super::network::Network;
use super::preprocess::Degrees;
use super::stimuli::Stimulus;
use crate::settings::Units;
use crate::study::memory::Memory;
use crate::work::Shard;
use crate::work::claims::Worker;

/// Everything that determines the features, and how they are computed.
pub struct Job<'a> {
    /// The network, all layers of which are written.
    pub network: &'a Network,
    /// Visual angle of the model's input and of the images.
    pub degrees: Option<Degrees>,
    /// Which units are kept.
    pub units: Units,
    /// Seed of their choice.
    pub seed: u32,
    /// Images per forward pass.
    pub batch: usize,
    /// Bound for the model and all forward passes together.
    pub memory: Memory,
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
