//! A model by its manifest, for commands that run it: nothing may be wrong with what they need.

use std::path::{Path, PathBuf};

use super::checks::files::hash;
use super::checks::layers::repeated;
use super::checks::meta::problem_of_degrees;
use super::finding::Status;
use super::manifest::{Manifest, Source, locate};
use super::network::loading;
use super::source;
use crate::error::{Error, Result};
use crate::extract::network::{Network, require_memory};
use crate::extract::onnx::Model;
use crate::extract::resident::resident_bytes;
use crate::study::memory::Memory;

/// A manifest without problems, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// Path of the manifest.
    pub path: PathBuf,
    /// What it says.
    pub manifest: Manifest,
    /// SHA-256 of the file.
    pub sha256: String,
}

impl Submission {
    /// Reads a manifest.
    ///
    /// - `path`: the file, or its folder.
    ///
    /// # Errors
    /// All that is wrong with it, or a source that is not where it may be.
    pub fn read(path: &Path) -> Result<Submission> {
        let path = locate(path);
        let reading = Manifest::read(&path);
        let mut problems = reading.problems;
        if let Some(manifest) = &reading.manifest {
            let place = source::problem_of_path(super::root(&path), manifest.source.path());
            problems
                .extend(place.map(|place| format!("`source.{}`: {place}", manifest.source.key())));
            problems.extend(repeated(manifest));
            let angle = manifest.visual_degrees.and_then(problem_of_degrees);
            problems.extend(angle.map(|angle| format!("`input.visual_degrees`: {angle}")));
        }
        let (Some(manifest), true) = (reading.manifest, problems.is_empty()) else {
            return Err(Error::Settings { path, problems });
        };
        let name = PathBuf::from(path.file_name().unwrap_or_default());
        let sha256 = source::sha256(super::root(&path), Path::new(""), &[name])?;
        Ok(Submission {
            path,
            manifest,
            sha256,
        })
    }

    /// The network or the folder of features.
    #[must_use]
    pub fn source(&self) -> PathBuf {
        super::root(&self.path).join(self.manifest.source.path())
    }

    /// Makes sure that the source's files are those that the manifest was written for, if it says which.
    ///
    /// - `model`: the network, if it has one.
    ///
    /// # Errors
    /// If files have another fingerprint than `source.sha256`, or cannot be read.
    pub fn verify(&self, model: Option<&Model>) -> Result<()> {
        if self.manifest.sha256.is_none() {
            return Ok(());
        }
        let root = super::root(&self.path);
        let (files, mut problems) = source::files(root, &self.manifest.source, model)?;
        if problems.is_empty() {
            let verdict = hash(root, &self.manifest, &files);
            let is_other = verdict.status == Status::Failed;
            problems.extend(is_other.then(|| format!("`source.sha256`: {}", verdict.message)));
        }
        if problems.is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        Err(Error::Settings { path, problems })
    }

    /// Loads the network with some of its layers, in the manifest's order.
    ///
    /// - `wanted`: whether a layer, by its name in the manifest, is to be computed.
    ///
    /// # Errors
    /// If the model has no network, the network has no such layers, or does not fit into the memory.
    pub fn network(&self, wanted: impl Fn(&str) -> bool, memory: Memory) -> Result<Network> {
        if let Source::Features(_) = &self.manifest.source {
            let problem = "has features of fixed images and no network to run";
            let remedy = "give a model of kind `base` or `brain`, or features of these images";
            return Err(Error::file(&self.path, problem, remedy));
        }
        let path = self.source();
        let before = resident_bytes();
        let model = Model::read(&path)?;
        self.verify(Some(&model))?;
        require_memory(&model, memory)?;
        let mut loading = loading(&model, &path, &self.manifest).map_err(|problems| {
            let path = self.path.clone();
            Error::Settings { path, problems }
        })?;
        let names = self.manifest.layers.iter().map(|layer| wanted(&layer.name));
        let mut names = names.collect::<Vec<_>>().into_iter();
        loading.layers.retain(|_| names.next().unwrap_or(false));
        Network::load(model, loading, before)
    }
}
