//! `model.toml`: what a model is, where it comes from, which tensors are its layers (SPEC: 4.2).
//!
//! ```toml
//! [model]
//! id = "cornet_s"                   # letters, digits, `.`, `_` and `-`
//! kind = "base"                     # base: layers; brain: layers that are committed to regions; features: no network
//! version = 1
//! [source]
//! onnx = "cornet_s.onnx"            # relative to this file; for kind features: features = "features"
//! sha256 = "…"                      # see `source`
//! [input]                           # not for kind features
//! size = [224, 224]                 # height and width; those of the network if left out
//! channels = "rgb"                  # rgb, bgr
//! resize = "bilinear-square"        # bicubic or bilinear; -square, or -crop to `shorter_side` and the centre
//! scale = 255                       # what pixel values are divided by
//! mean = [0.485, 0.456, 0.406]
//! std = [0.229, 0.224, 0.225]
//! visual_degrees = 8
//! [[layers]]                        # in the order of the hierarchy
//! name = "V1.output-t0"
//! depth = 1                         # never less than that of the layer before
//! transform = "none"                # none, abs
//! tensor = "/V1/output/Relu"        # where the model knows it by another name
//! [commit]                          # region → layer; needed for kind brain
//! V1 = "V1.output-t0"
//! [time]                            # layer → start and end in milliseconds
//! "V1.output-t0" = [50, 100]
//! [behaviour]
//! readout = "decoder.avgpool-t0"
//! logits = "decoder.linear"
//! [meta]
//! params = 53416616
//! family = "CORnet"
//! training = "ImageNet-1k"
//! license = "GPL-3.0"
//! bibtex = """…"""
//! ```
//!
//! Values that are left out and have a default are those of torchvision's networks. What values mean (whether a file
//! is there, whether an angle is possible) is the business of [`checks`](super::checks).

mod sections;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::section;
use crate::error::Result;
use crate::settings::Transform;
use crate::settings::preprocess::Preprocess;

/// Name of the file.
pub const FILE_NAME: &str = "model.toml";

/// What a model brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A network whose layers are compared with recordings.
    Base,
    /// A network with a layer for each region.
    Brain,
    /// Features of images, without a network.
    Features,
}

impl Kind {
    const WORDS: [(&str, Kind); 3] = [
        ("base", Kind::Base),
        ("brain", Kind::Brain),
        ("features", Kind::Features),
    ];
}

/// Where activations come from, relative to the manifest's folder and as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An ONNX file.
    Onnx(String),
    /// A folder with a folder of `<image>.mat` files for each layer, as `extract` writes them.
    Features(String),
}

impl Source {
    /// The path as written.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Source::Onnx(path) | Source::Features(path) => path,
        }
    }

    /// Its key in the section `source`.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Source::Onnx(_) => "onnx",
            Source::Features(_) => "features",
        }
    }
}

/// A layer as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Its place in the hierarchy.
    pub depth: Option<f64>,
    /// What is done to its activations; by its name if not told.
    pub transform: Option<Transform>,
    /// Tensor, node or module of the model, where that has another name.
    pub tensor: Option<String>,
}

/// What is known about a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Meta {
    /// Number of parameters.
    pub params: Option<u64>,
    /// Family of networks, such as `CORnet`.
    pub family: Option<String>,
    /// What it was trained on.
    pub training: Option<String>,
    /// License of the weights.
    pub license: Option<String>,
    /// Papers to cite.
    pub bibtex: Option<String>,
}

/// A manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The model's name.
    pub id: String,
    /// What it brings.
    pub kind: Kind,
    /// Version of the model, from 1; scores of different versions are not compared.
    pub version: u64,
    /// Where activations come from.
    pub source: Source,
    /// Fingerprint of the source as hexadecimal text.
    pub sha256: Option<String>,
    /// Height and width of the input in pixels, where given.
    pub size: Option<(usize, usize)>,
    /// Pixels to input.
    pub preprocess: Preprocess,
    /// Visual angle that the whole input covers.
    pub visual_degrees: Option<f64>,
    /// Layers, lowest first; at least one.
    pub layers: Vec<Layer>,
    /// Region → layer.
    pub commit: BTreeMap<String, String>,
    /// Layer → start and end of its time bin in milliseconds.
    pub time: BTreeMap<String, (f64, f64)>,
    /// Layer or tensor that behaviour is read from.
    pub readout: Option<String>,
    /// Layer or tensor of the class scores.
    pub logits: Option<String>,
    /// What is known about it.
    pub meta: Meta,
}

/// Something for each of what behaviour is read from: readout, logits.
pub type Behaviour<T> = [Option<T>; 2];

/// What came of reading a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The manifest; none if something that every check needs is missing.
    pub manifest: Option<Manifest>,
    /// All that is wrong with it.
    pub problems: Vec<String>,
}

/// The manifest that a path means: the file, or the one in the folder.
#[must_use]
pub fn locate(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.join(FILE_NAME),
        false => path.to_owned(),
    }
}

impl Manifest {
    /// Reads a manifest with everything that is wrong with it.
    #[must_use]
    pub fn read(path: &Path) -> Reading {
        match section::read(path) {
            Ok(table) => sections::manifest(&table),
            Err(problem) => Reading {
                manifest: None,
                problems: vec![problem],
            },
        }
    }

    /// Looks up what behaviour is read from; second, why something that is named was not found.
    pub fn behaviour<T>(
        &self,
        mut find: impl FnMut(&str) -> Result<T>,
    ) -> (Behaviour<T>, Behaviour<String>) {
        let (mut found, mut unknown) = ([None, None], [None, None]);
        for (at, name) in [&self.readout, &self.logits].into_iter().enumerate() {
            match name.as_ref().map(|name| find(name)).transpose() {
                Ok(some) => found[at] = some,
                Err(error) => unknown[at] = Some(error.to_string()),
            }
        }
        (found, unknown)
    }

    /// The id of the manifest in a file; none if it cannot be told.
    #[must_use]
    pub fn id_in(path: &Path) -> Option<String> {
        let table = section::read(path).ok()?;
        let id = table.get("model")?.as_table()?.get("id")?;
        id.as_str().map(str::to_owned)
    }
}
