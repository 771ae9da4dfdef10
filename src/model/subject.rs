//! What the checks look at: something that gives activations of layers for images.

use ndarray::ArrayD;

use crate::error::Result;

/// Activations of one output: a layer, or what behaviour is read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Its name as in the manifest.
    pub name: String,
    /// Activations, `(n_images, …)`.
    pub values: ArrayD<f32>,
}

impl Output {
    /// Number of units.
    #[must_use]
    pub fn n_units(&self) -> usize {
        self.values.shape()[1..].iter().product()
    }
}

/// Activations of images.
#[derive(Debug, Clone, PartialEq)]
pub struct Activations {
    /// Names of the images, `(n_images,)`.
    pub images: Vec<String>,
    /// The declared layers, in their order.
    pub layers: Vec<Output>,
    /// What choices are read from, where there is such a layer.
    pub readout: Option<Output>,
    /// Class scores, where there are.
    pub logits: Option<Output>,
}

impl Activations {
    /// Layers, then what behaviour is read from.
    pub fn outputs(&self) -> impl Iterator<Item = &Output> {
        let behaviour = self.readout.iter().chain(&self.logits);
        self.layers.iter().chain(behaviour)
    }
}

/// A model as the checks see it.
pub trait Subject {
    /// Number of images that activations are there of.
    fn n_images(&self) -> usize;

    /// Activations of the first images, all in one pass where passes are made.
    ///
    /// # Errors
    /// If they cannot be computed or read.
    fn together(&self, n_images: usize) -> Result<Activations>;

    /// The same, each image by itself; none where nothing is computed.
    ///
    /// # Errors
    /// If they cannot be computed.
    fn one_by_one(&self, n_images: usize) -> Result<Option<Activations>>;

    /// Names that `[behaviour]` gives and the model does not know, with the reason: readout, logits.
    fn unknown(&self) -> [Option<&str>; 2];

    /// Declared layers that are the same as one before them: the two names, and what they are.
    fn repeated(&self) -> Vec<(String, String, String)> {
        Vec::new()
    }

    /// Parameters of the network; none without one.
    fn n_parameters(&self) -> Option<u64>;
}
