//! A layer's folder: what is there, what is missing, and whether it may be added to.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, ArrayViewD};
use rayon::prelude::*;
use serde_json::json;

use super::job::{Job, Place};
use super::layers::Layer;
use super::recipe::{FILE_NAME, Fingerprint, Origin, Recipe};
use super::stimuli::Stimulus;
use super::units::Kept;
use crate::error::{Error, Result};
use crate::io::atomic;
use crate::io::inside;
use crate::io::record;
use crate::settings::Transform;

/// One layer's folder.
pub struct Target {
    /// The layer.
    pub layer: Layer,
    /// Its folder.
    pub folder: PathBuf,
    /// Whether another program wrote what is there.
    pub is_foreign: bool,
    /// Shape and kept units, known after the first forward pass.
    pub kept: Option<Kept>,
    /// Whether each image of the list is to be written.
    lacking: Vec<bool>,
    /// Images whose features no longer hold.
    stale: HashSet<String>,
    /// What `extract.json` is to say.
    origin: Origin,
    /// What it says.
    found: Option<Origin>,
}

impl Target {
    /// Whether the features of an image are to be written.
    pub fn lacks(&self, position: usize) -> bool {
        self.lacking[position]
    }

    /// File of an image.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.mat"))
    }

    /// An image's values as they are written.
    pub fn of_image(&self, activations: ArrayViewD<'_, f32>) -> ArrayD<f32> {
        let kept = self.kept.as_ref().expect("known since the first pass");
        kept.of_image(activations, self.layer.transform)
    }

    /// Removes features that no longer hold, before others take their place.
    pub fn clear(&self) -> Result<()> {
        remove(&self.folder, &self.stale)
    }

    /// Takes the shape of the first result, and says in `extract.json` what is about to be written.
    pub fn settle(&mut self, output: &[usize], job: &Job, stimuli: &[Stimulus]) -> Result<()> {
        let kept = Kept::of(&output[1..], job.units, job.seed);
        self.origin.shape.clone_from(&kept.shape);
        self.origin.unit_index.clone_from(&kept.index);
        self.kept = Some(kept);
        if !stimuli
            .iter()
            .enumerate()
            .any(|(position, _)| self.lacks(position))
        {
            return Ok(());
        }
        if let Some(found) = &self.found {
            if found.shape != self.origin.shape {
                let problem = format!(
                    "says units of shape {:?}, but the model gives {:?}",
                    found.shape, self.origin.shape
                );
                let remedy = "extract the layer again with `--force`";
                return Err(Error::file(self.folder.join(FILE_NAME), problem, remedy));
            }
            // The first machine's engine and processor stay.
            self.origin.engine.clone_from(&found.engine);
            self.origin.processor.clone_from(&found.processor);
            self.origin.program.clone_from(&found.program);
            self.origin.model_file.clone_from(&found.model_file);
        }
        if self.found.as_ref() != Some(&self.origin) {
            atomic::write(self.folder.join(FILE_NAME), &self.origin.encode())?;
        }
        Ok(())
    }
}

/// Looks at the folders of all layers.
///
/// # Errors
///
/// If features of another recipe are in the way and not to be overwritten.
pub fn targets(job: &Job, place: &Place) -> Result<Vec<Target>> {
    let found: Vec<Option<Origin>> = job
        .network
        .layers
        .iter()
        .map(|layer| {
            let folder = place.folder.join(&layer.name);
            inside::check(&place.folder, &folder)?;
            match Origin::read(&folder) {
                Err(_) if place.force => Ok(None),
                other => other,
            }
        })
        .collect::<Result<_>>()?;
    let known = found.iter().flatten().map(|origin| &origin.images);
    let images = fingerprints(place.stimuli, known.max_by_key(|known| known.len()));
    job.network
        .layers
        .iter()
        .zip(found)
        .map(|(layer, found)| target(job, place, layer, found, &images))
        .collect()
}

fn target(
    job: &Job,
    place: &Place,
    layer: &Layer,
    found: Option<Origin>,
    images: &BTreeMap<String, Fingerprint>,
) -> Result<Target> {
    let folder = place.folder.join(&layer.name);
    let recipe = recipe(job, layer);
    let there = features(&folder)?;
    let is_foreign = found.is_none() && !there.is_empty() && !place.force;
    let difference = found
        .as_ref()
        .and_then(|found| recipe.difference(&found.recipe));
    let mut origin = Origin::new(job.network.engine.name(), job.network.file.clone(), recipe);
    let mut found = found;
    let stale: HashSet<String> = if let Some(difference) = difference {
        if !place.force {
            let problem = format!("holds features that were made with {difference}");
            let remedy = "give the network another folder (`dir` in the settings, or `--out`), or overwrite \
                          them with `--force`";
            return Err(Error::file(folder, problem, remedy));
        }
        // Nothing of the old recipe may stay beside the new one.
        found = None;
        there.iter().cloned().collect()
    } else if is_foreign {
        HashSet::new()
    } else if place.force {
        let part = place
            .shard
            .part((0..place.stimuli.len()).collect::<Vec<_>>());
        let names = part.iter().map(|&at| place.stimuli[at].name.clone());
        names.filter(|name| there.contains(name)).collect()
    } else {
        let recorded = found.as_ref().map(|found| &found.images);
        let changed = |name: &String| {
            let old = recorded.and_then(|images| images.get(name));
            let new = images.get(name);
            matches!((old, new), (Some(old), Some(new)) if old.digest != new.digest)
        };
        there.iter().filter(|name| changed(name)).cloned().collect()
    };
    let is_there = |name: &String| there.contains(name) && !stale.contains(name);
    origin.images = found
        .as_ref()
        .map(|found| found.images.clone())
        .unwrap_or_default();
    origin.images.extend(images.clone());
    let lacking = place
        .stimuli
        .iter()
        .map(|image| !is_foreign && !is_there(&image.name))
        .collect();
    Ok(Target {
        layer: layer.clone(),
        lacking,
        stale,
        folder,
        is_foreign,
        kept: None,
        origin,
        found,
    })
}

fn recipe(job: &Job, layer: &Layer) -> Recipe {
    let transform = match layer.transform {
        Transform::None => "none",
        Transform::Abs => "abs",
    };
    Recipe {
        model: job.network.digest.clone(),
        weights: job.network.weights.clone(),
        tensor: layer.tensor.clone(),
        transform: transform.to_owned(),
        preprocess: json!(job.network.preprocess),
        size: [job.network.input.height, job.network.input.width],
        degrees: job.degrees.map(|degrees| [degrees.model, degrees.image]),
        units: job.units.to_string(),
        seed: job.seed,
    }
}

/// Names of the images whose features are there.
fn features(folder: &Path) -> Result<HashSet<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(Error::io("list", folder)(error)),
    };
    let mut names = HashSet::new();
    for entry in entries {
        let name = entry.map_err(Error::io("list", folder))?.file_name();
        let name = name.to_string_lossy();
        if let Some(name) = name
            .strip_suffix(".mat")
            .filter(|name| !name.starts_with('.'))
        {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

fn remove<'a>(folder: &Path, names: impl IntoIterator<Item = &'a String>) -> Result<()> {
    for name in names {
        let path = folder.join(format!("{name}.mat"));
        match fs::remove_file(&path) {
            // Another machine may have been faster.
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::io("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Fingerprints of the images; a file whose stamp is known is not read. One that cannot be read has none, and
/// fails when its turn comes.
fn fingerprints(
    stimuli: &[Stimulus],
    known: Option<&BTreeMap<String, Fingerprint>>,
) -> BTreeMap<String, Fingerprint> {
    let one = |image: &Stimulus| {
        let stamp = record::stamp(&image.path).ok()?;
        let old = known.and_then(|known| known.get(&image.name));
        let digest = match old.filter(|old| old.stamp == stamp) {
            Some(old) => old.digest.clone(),
            None => record::digest_file(&image.path).ok()?,
        };
        Some((image.name.clone(), Fingerprint { stamp, digest }))
    };
    stimuli.par_iter().filter_map(one).collect()
}
