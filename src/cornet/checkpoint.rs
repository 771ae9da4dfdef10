//! Files to go on from, and weights by PyTorch's names. Both are safetensors.
//!
//! | tensor | holds |
//! |---|---|
//! | `module.V1.conv.weight`, … | the state dictionary of the original |
//! | `module.V1.norm1.running_mean`, … | buffers of batch norms |
//! | `velocity.V1.conv.weight`, … | directions of the last step; in checkpoints only |
//!
//! A checkpoint's header has one entry more, `bhscore`: JSON with the network, the place within the training and
//! what the place means (version 1). Random draws need no state: each belongs to the seed, an epoch and an image.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use super::Network;
use super::sgd::Velocity;
use super::weights::{Parameter, VARIANCE, Weights};
use crate::error::{Error, Result};
use crate::io::ordinary;

/// Version of the header entry.
const VERSION: u32 = 1;
/// Key of the header entry.
const ENTRY: &str = "bhscore";
/// What PyTorch puts before all names when several devices train.
const MODULE: &str = "module.";
/// Before the names of directions.
const VELOCITY: &str = "velocity.";
/// Ending of the number of batches that a batch norm has seen.
const COUNT: &str = ".num_batches_tracked";
/// Bytes of a single float.
const FLOAT: usize = 4;

/// How far a training is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Epochs that are over, validation included.
    pub epoch: usize,
    /// Batches of the present one that are over.
    pub batch: usize,
    /// Steps from the beginning.
    pub n_steps: u64,
}

/// What must be the same for a position to mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Of order and crops.
    pub seed: u64,
    /// Images of a step.
    pub batch_size: usize,
    /// Fingerprint of the training images.
    pub images: String,
}

/// All that a training needs to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Parameters and running statistics.
    pub weights: Weights,
    /// Directions of the last step.
    pub velocity: Velocity,
    /// How far it is.
    pub position: Position,
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    network: Network,
    position: Position,
    course: Course,
}

/// A checkpoint as bytes.
#[must_use]
pub fn checkpoint(network: &Network, course: &Course, state: &State) -> Vec<u8> {
    let header = Header {
        version: VERSION,
        network: *network,
        position: state.position,
        course: course.clone(),
    };
    let header = serde_json::to_string(&header).expect("the header is plain data");
    let mut tensors = state_dictionary(&state.weights, state.position.n_steps);
    for (name, values) in &state.velocity {
        let bytes = bytes(values);
        let name = format!("{VELOCITY}{name}");
        tensors.push((name, Dtype::F32, vec![values.len()], bytes));
    }
    file(&tensors, Some([(ENTRY.to_owned(), header)].into()))
}

/// The weights alone, for PyTorch: `load_state_dict` of the original takes them.
#[must_use]
pub fn weights_only(state: &State) -> Vec<u8> {
    file(
        &state_dictionary(&state.weights, state.position.n_steps),
        None,
    )
}

type Entry = (String, Dtype, Vec<usize>, Vec<u8>);

fn state_dictionary(weights: &Weights, n_steps: u64) -> Vec<Entry> {
    let all = weights.parameters.iter().chain(&weights.buffers);
    let floats = all.map(|(name, parameter)| {
        let (shape, bytes) = (parameter.shape.clone(), bytes(&parameter.values));
        (format!("{MODULE}{name}"), Dtype::F32, shape, bytes)
    });
    let counts = weights.buffers.keys().filter_map(|name| {
        let name = format!("{MODULE}{}{COUNT}", name.strip_suffix(VARIANCE)?);
        Some((name, Dtype::I64, vec![], n_steps.to_le_bytes().to_vec()))
    });
    floats.chain(counts).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn file(tensors: &[Entry], header: Option<HashMap<String, String>>) -> Vec<u8> {
    let views = tensors.iter().map(|(name, kind, shape, bytes)| {
        let view = TensorView::new(*kind, shape.clone(), bytes);
        (
            name.as_str(),
            view.expect("bytes are as many as the shape says"),
        )
    });
    serialize(views, header).expect("names and shapes are plain data")
}

/// Reads a checkpoint, or weights alone, which are a beginning: position zero and no direction.
///
/// - `course`: of the training that is to go on.
///
/// # Errors
///
/// If the file cannot be read, is damaged, is of another network, or stands within a course of other images, another
/// seed or other batches.
pub fn read(path: &Path, network: &Network, course: &Course) -> Result<State> {
    let content = ordinary::read(path).map_err(Error::io("read", path))?;
    let damaged = |cause: String| {
        let remedy = "give another checkpoint (`--restore-path`)";
        Error::file(
            path,
            format!("is not a checkpoint, or damaged ({cause})"),
            remedy,
        )
    };
    let (_, metadata) =
        SafeTensors::read_metadata(&content).map_err(|error| damaged(error.to_string()))?;
    let tensors = SafeTensors::deserialize(&content).map_err(|error| damaged(error.to_string()))?;
    let entry = metadata.metadata().as_ref().and_then(|all| all.get(ENTRY));
    let header: Option<Header> = (entry.map(|text| serde_json::from_str(text)).transpose())
        .map_err(|error| damaged(error.to_string()))?;
    if let Some(header) = &header {
        check(path, header, network, course)?;
    }
    let source = Source { path, tensors };
    let mut weights = Weights::zeros(network);
    for (name, parameter) in weights.parameters.iter_mut().chain(&mut weights.buffers) {
        source.fill(name, parameter, network)?;
    }
    let velocity = match header {
        Some(_) => source.velocity(&weights)?,
        None => BTreeMap::new(),
    };
    Ok(State {
        weights,
        velocity,
        position: header.map_or_else(Position::default, |header| header.position),
    })
}

fn check(path: &Path, header: &Header, network: &Network, course: &Course) -> Result<()> {
    let (theirs, ours) = (&header.network, network);
    let refuse = |problem: String, remedy: &str| Err(Error::file(path, problem, remedy));
    if header.version != VERSION {
        let problem = format!("is of version {}, not {VERSION}", header.version);
        return refuse(problem, "use the program that wrote it");
    }
    if theirs.kind != ours.kind {
        let problem = format!("is of {}, not {}", theirs.kind, ours.kind);
        return refuse(problem, "give that model (`--model`), or another file");
    }
    if theirs != ours {
        let of = |n: &Network| {
            let (times, classes, imsize) = (n.times, n.n_classes, n.imsize);
            format!("{times} steps, {classes} classes and images of {imsize} pixels")
        };
        let problem = format!("is of {}, not {}", of(theirs), of(ours));
        return refuse(problem, "give the options and images that it was made with");
    }
    if header.course != *course {
        let theirs = &header.course;
        let problem = if theirs.images != course.images {
            "was trained on other images".to_owned()
        } else {
            format!(
                "was trained with seed {} and batches of {}",
                theirs.seed, theirs.batch_size
            )
        };
        let remedy = "give the options and images that it was made with; its weights alone, in the file named \
                      after the network beside it, may be trained further in any way";
        return refuse(problem, remedy);
    }
    Ok(())
}

/// A file that is read, and its name for messages.
struct Source<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
}

impl Source<'_> {
    fn fill(&self, name: &str, parameter: &mut Parameter, network: &Network) -> Result<()> {
        let found = (self.tensors.tensor(&format!("{MODULE}{name}")))
            .or_else(|_| self.tensors.tensor(name));
        let kind = network.kind;
        let remedy = "give a file of this network";
        let Ok(found) = found else {
            let problem = format!("is not of {kind}: it has no `{name}`");
            return Err(Error::file(self.path, problem, remedy));
        };
        if found.shape() != parameter.shape || found.dtype() != Dtype::F32 {
            let problem = format!(
                "has `{name}` as {:?} of {:?}; {kind} with {} classes has {:?} of F32",
                found.shape(),
                found.dtype(),
                network.n_classes,
                parameter.shape
            );
            return Err(Error::file(self.path, problem, remedy));
        }
        parameter.values = floats(found.data());
        Ok(())
    }

    fn velocity(&self, weights: &Weights) -> Result<Velocity> {
        let mut velocity = BTreeMap::new();
        for (name, parameter) in &weights.parameters {
            // Before the first step there is none.
            if let Ok(found) = self.tensors.tensor(&format!("{VELOCITY}{name}")) {
                let values = floats(found.data());
                if values.len() != parameter.values.len() {
                    let problem = format!("has {} values in `{VELOCITY}{name}`", values.len());
                    let remedy = "give another checkpoint (`--restore-path`)";
                    return Err(Error::file(self.path, problem, remedy));
                }
                velocity.insert(name.clone(), values);
            }
        }
        Ok(velocity)
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let words = bytes.as_chunks::<FLOAT>().0.iter();
    words.map(|word| f32::from_le_bytes(*word)).collect()
}
