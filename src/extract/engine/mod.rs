//! What runs a network: images in, the activations of its layers out.
//!
//! | module | engine |
//! |---|---|
//! | `rten` | pure Rust, built in |
//! | `ort` | ONNX Runtime, loaded when the program runs (cargo feature `ort`) |
//!
//! Engines choose their kernels by the processor, and sums in another order differ in the last digits: compare
//! features of two machines or engines with a tolerance (1e-5 of a layer's largest activation), not bit by bit.

#[cfg(feature = "ort")]
mod ort;
mod rten;

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, ArrayViewD};

#[cfg(feature = "ort")]
pub use self::ort::Ort;
pub use self::rten::Rten;
use super::onnx::Model;
use crate::error::{Error, Result};

/// A loaded network with the tensors that are wanted of it.
pub trait Engine: Send + Sync {
    /// Program and version, for records.
    fn name(&self) -> String;

    /// How many calls of [`run`](Self::run) at once keep the processor busy.
    fn workers(&self) -> usize;

    /// One forward pass.
    ///
    /// - `images`: the batch, `(n_images, 3, height, width)`, or with colours last where the model wants it so.
    ///
    /// Returns each wanted tensor, in the order in which they were asked for; its first axis is `n_images`.
    ///
    /// # Errors
    ///
    /// If the network cannot be computed on these images, or a tensor is not of floats.
    fn run(&self, images: ArrayViewD<'_, f32>) -> Result<Vec<ArrayD<f32>>>;
}

/// Which engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// The one that is built in.
    #[default]
    Rten,
    /// ONNX Runtime, from this library or the system's.
    Ort(Option<PathBuf>),
}

impl Choice {
    /// Images per forward pass that are fast: ONNX Runtime uses all threads for one pass, and gains from
    /// larger ones; `rten` computes a pass per thread.
    #[must_use]
    pub fn batch(&self) -> usize {
        match self {
            Choice::Rten => 1,
            Choice::Ort(_) => 16,
        }
    }

    /// Loads a model.
    ///
    /// - `input`: name of the image input.
    /// - `tensors`: the wanted ones, each once; the model must declare them as outputs.
    ///
    /// # Errors
    ///
    /// If the engine is not there, or cannot run the model.
    pub fn load(
        &self,
        model: Model,
        input: &str,
        tensors: &[String],
        threads: usize,
    ) -> Result<Box<dyn Engine>> {
        match self {
            Choice::Rten => Ok(Box::new(Rten::load(model, input, tensors, threads)?)),
            #[cfg(feature = "ort")]
            Choice::Ort(library) => Ok(Box::new(Ort::load(
                library.as_deref(),
                model,
                input,
                tensors,
                threads,
            )?)),
            #[cfg(not(feature = "ort"))]
            Choice::Ort(_) => Err(Error::data(
                "engine `ort`",
                "is not in this build of bhscore",
                "build it with `cargo install --locked --path . --features ort`, or use `--engine rten`",
            )),
        }
    }
}

/// The model could not be loaded by an engine.
fn not_loaded(path: &Path, engine: &str, reason: &str) -> Error {
    Error::file(
        path,
        format!("cannot be run by {engine} ({reason})"),
        "export the network again with plain operators, or try the other engine (`--engine`)",
    )
}

/// The network failed on a batch.
fn not_run(path: &Path, engine: &str, reason: &str) -> Error {
    Error::file(
        path,
        format!("failed in {engine} ({reason})"),
        "check the size of the images (`bhscore inspect` shows what the model takes), or try the other engine (`--engine`)",
    )
}

/// A tensor that holds something else than floats.
fn not_floats(path: &Path, tensor: &str) -> Error {
    Error::file(
        path,
        format!("its tensor `{tensor}` holds no float32 values"),
        "choose a layer of activations; `bhscore inspect` lists them",
    )
}
