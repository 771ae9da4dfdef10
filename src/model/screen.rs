//! Gratings on a network's field of view: what `brainscore::properties` asks a layer.
//!
//! ```text
//! gray levels, d degrees wide ──▶ the middle of them, or gray around them: what the network sees ──▶ its input ──▶ layer
//! ```

use ndarray::{Array2, ArrayD, ArrayView2, Axis, concatenate};
use rayon::prelude::*;

use crate::brainscore::properties::experiment::Shown;
use crate::brainscore::properties::receptive_field;
use crate::brainscore::properties::stimuli;
use crate::error::{Error, Result};
use crate::extract::image::Pixels;
use crate::extract::network::{N_COLOURS, Network};
use crate::extract::preprocess::Degrees;
use crate::extract::resident::Watched;
use crate::study::memory::Memory;

/// The one layer that is looked at.
const LAYER: usize = 0;

/// A network that is shown gratings.
pub struct Screen<'a> {
    network: &'a Network,
    /// Visual angle that the network's input covers.
    degrees: f64,
    /// Images of a pass.
    n_in_pass: usize,
    /// Passes at once.
    n_passes: usize,
    /// Shape of the layer for one image.
    shape: Vec<usize>,
}

impl<'a> Screen<'a> {
    /// Measures a pass, and how many of them the memory allows at once beside the map of receptive fields.
    ///
    /// - `network`: with one layer.
    /// - `degrees`: visual angle that its whole input covers.
    /// - `n_in_pass`: images of a pass; as many as the network takes where that is fixed, and no more than there are
    ///   gratings in the first set.
    ///
    /// # Errors
    /// If the network cannot be run, or the memory is too small.
    pub fn new(
        network: &'a Network,
        degrees: f64,
        n_in_pass: usize,
        memory: Memory,
    ) -> Result<Screen<'a>> {
        let gratings = stimuli::Set::ReceptiveField.gratings();
        // A network that takes more at a time gets a full batch (`Network::pass`).
        let n_in_pass = network.input.batch.unwrap_or(n_in_pass);
        let n_in_pass = n_in_pass.clamp(1, gratings.len());
        let mut screen = Screen {
            network,
            degrees,
            n_in_pass,
            n_passes: 1,
            shape: Vec::new(),
        };
        memory.require(
            network.bytes + screen.input_bytes(),
            format!("network `{}`", network.file),
            &format!("the model and {n_in_pass} images of a pass (`--batch`)"),
        )?;
        let images = stimuli::draw(&gratings[..n_in_pass]);
        let watched = Watched::start();
        let shown = images.outer_iter().collect::<Vec<_>>();
        let output = screen.pass(&shown, stimuli::DEGREES)?;
        screen.shape = output.shape()[1..].to_vec();
        // The responses of a pass are there twice while those of several are put together.
        let per_pass = watched.growth(&[output.clone(), output]);
        let others = receptive_field::BYTES_PER_UNIT * screen.n_units() as u64;
        screen.n_passes = network.passes_at_once(per_pass, others, memory)?;
        Ok(screen)
    }

    /// Bytes of a pass's images: drawn, in colour, and as the input in single precision, which is there twice.
    fn input_bytes(&self) -> u64 {
        let input = &self.network.input;
        let drawn = (1 + N_COLOURS) * stimuli::SIDE * stimuli::SIDE;
        let of_input = 2 * N_COLOURS * input.height * input.width * size_of::<f32>();
        let n_in_input = input.batch.unwrap_or(self.n_in_pass);
        (self.n_in_pass * drawn + n_in_input * of_input) as u64
    }

    /// Images that are best shown at once.
    #[must_use]
    pub fn images_at_once(&self) -> usize {
        self.n_in_pass * self.n_passes
    }

    /// Shape of the layer for one image, such as channels × height × width.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Units of the layer.
    #[must_use]
    pub fn n_units(&self) -> usize {
        self.shape.iter().product()
    }

    /// Responses of the layer, row by row, `(n_images, n_units)`.
    ///
    /// # Errors
    /// If the network cannot be run, or gives another shape than before.
    pub fn show(&self, shown: Shown<'_>) -> Result<Array2<f32>> {
        let images: Vec<ArrayView2<'_, u8>> = shown.pixels.outer_iter().collect();
        let passes: Vec<Array2<f32>> = images
            .par_chunks(self.n_in_pass)
            .map(|some| {
                let output = self.pass(some, shown.degrees)?;
                let shape = (some.len(), output.len() / some.len());
                let output = output.as_standard_layout().into_owned();
                Ok(output
                    .into_shape_with_order(shape)
                    .expect("the same entries"))
            })
            .collect::<Result<_>>()?;
        let views: Vec<_> = passes.iter().map(|pass| pass.view()).collect();
        concatenate(Axis(0), &views).map_err(|_| {
            let remedy = "export it so that a layer has one shape for all images";
            let problem = "gives a layer of another shape for each image";
            Error::data(format!("network `{}`", self.network.file), problem, remedy)
        })
    }

    /// The layer's activations, `(n_images, …)`.
    fn pass(&self, images: &[ArrayView2<'_, u8>], degrees: usize) -> Result<ArrayD<f32>> {
        let degrees = Degrees {
            model: self.degrees,
            image: degrees as f64,
        };
        let pixels: Vec<Pixels> = images.iter().map(|&image| coloured(image)).collect();
        let results = self.network.pass(&pixels, Some(degrees))?;
        Ok(self.network.of_layer(LAYER, &results))
    }
}

/// Gray levels as colours.
fn coloured(image: ArrayView2<'_, u8>) -> Pixels {
    let (height, width) = image.dim();
    let mut rgb = vec![0; 3 * height * width];
    let pixels = rgb.as_chunks_mut::<3>().0.iter_mut();
    pixels
        .zip(image)
        .for_each(|(pixel, &level)| *pixel = [level; 3]);
    Pixels { width, height, rgb }
}
