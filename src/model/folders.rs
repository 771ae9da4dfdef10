//! Features that come without a network: a folder of `<image>.mat` files for each layer, as `extract` writes them.

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis, ShapeBuilder, concatenate};

use super::manifest::{Behaviour, Manifest};
use super::subject::{Activations, Output, Subject};
use crate::error::{Error, Result};
use crate::io::features::{self, VARIABLE};
use crate::io::mat;

/// Folders of features that have the same images.
pub struct Folders {
    images: Vec<String>,
    layers: Vec<Folder>,
    readout: Option<Folder>,
    logits: Option<Folder>,
    /// Why readout and logits are not among the outputs.
    unknown: Behaviour<String>,
}

struct Folder {
    name: String,
    path: PathBuf,
}

impl Folder {
    fn new(root: &Path, name: &str) -> Folder {
        Folder {
            name: name.to_owned(),
            path: root.join(name.replace('/', ":")),
        }
    }

    fn images(&self) -> Result<Vec<String>> {
        Ok(features::Layer::open(&self.path)?.labels().to_vec())
    }

    /// Activations of some images, `(n_images, …)`.
    fn read(&self, images: &[String]) -> Result<Output> {
        let of_image = |image: &String| -> Result<ArrayD<f32>> {
            let path = self.path.join(format!("{image}.mat"));
            let array = mat::read_f32(&path, VARIABLE)?;
            let wrong = || {
                let problem = format!("has the shape {:?}", array.shape);
                Error::file(
                    &path,
                    problem,
                    "save one image per file: 1 × units, or 1 × C × H × W",
                )
            };
            if array.shape.first() != Some(&1) || array.values.is_empty() {
                return Err(wrong());
            }
            let shape = array.shape.as_slice().f();
            ArrayD::from_shape_vec(shape, array.values.clone()).map_err(|_| wrong())
        };
        let all: Vec<ArrayD<f32>> = images.iter().map(of_image).collect::<Result<_>>()?;
        let views: Vec<_> = all.iter().map(|image| image.view()).collect();
        let values = concatenate(Axis(0), &views).map_err(|_| {
            let problem = "has images of different shapes";
            Error::file(&self.path, problem, "extract the layer again")
        })?;
        Ok(Output {
            name: self.name.clone(),
            values,
        })
    }
}

impl Folders {
    /// Looks at the folders of all layers.
    ///
    /// - `root`: the folder in which they are.
    ///
    /// # Errors
    /// All that is wrong: layers without a folder, or with other images than the first one.
    pub fn open(root: &Path, manifest: &Manifest) -> Result<Folders, Vec<String>> {
        let mut problems = Vec::new();
        let mut images: Option<(Vec<String>, &str)> = None;
        let mut layers = Vec::new();
        for layer in &manifest.layers {
            let folder = Folder::new(root, &layer.name);
            match (folder.images(), &images) {
                (Err(error), _) => problems.push(error.to_string()),
                (Ok(found), None) => images = Some((found, &layer.name)),
                (Ok(found), Some((known, first))) if found != *known => problems.push(format!(
                    "layer `{}` has other images than `{first}`: {} and {}",
                    layer.name,
                    found.len(),
                    known.len()
                )),
                _ => {}
            }
            layers.push(folder);
        }
        let Some((images, _)) = images.filter(|_| problems.is_empty()) else {
            return Err(problems);
        };
        let ([readout, logits], unknown) = manifest.behaviour(|name| {
            let folder = Folder::new(root, name);
            match folder.images()? == images {
                true => Ok(folder),
                false => Err(Error::file(
                    &folder.path,
                    "has other images than the layers",
                    "extract it for the same images",
                )),
            }
        });
        Ok(Folders {
            images,
            layers,
            readout,
            logits,
            unknown,
        })
    }
}

impl Subject for Folders {
    fn n_images(&self) -> usize {
        self.images.len()
    }

    fn together(&self, n_images: usize) -> Result<Activations> {
        let images = &self.images[..n_images];
        let read = |folder: &Folder| folder.read(images);
        Ok(Activations {
            images: images.to_vec(),
            layers: self.layers.iter().map(read).collect::<Result<_>>()?,
            readout: self.readout.as_ref().map(read).transpose()?,
            logits: self.logits.as_ref().map(read).transpose()?,
        })
    }

    fn one_by_one(&self, _: usize) -> Result<Option<Activations>> {
        Ok(None)
    }

    fn unknown(&self) -> [Option<&str>; 2] {
        let [readout, logits] = &self.unknown;
        [readout.as_deref(), logits.as_deref()]
    }

    fn n_parameters(&self) -> Option<u64> {
        None
    }
}
