//! The image input of a model: its size, and where the colours are.

use std::path::Path;

use super::graph::{Graph, shape_text};
use crate::error::{Error, Result};
use crate::nearest::quoted;

/// Height and width of the images where the model leaves them free.
const FREE_SIDE: usize = 224;

/// Red, green and blue.
const N_COLOURS: usize = 3;

/// Most images that a model may fix as its batch.
const MOST_FIXED: usize = 4096;

/// Most pixels of a call, as of an image file: more is taken for damage, and memory would be taken for them.
const MOST_PIXELS: usize = crate::extract::image::MOST_PIXELS;

/// The image input: shape, and where the colours are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Name of the input.
    pub input: String,
    /// Images per call, where the model fixes that.
    pub batch: Option<usize>,
    /// Height of the images in pixels.
    pub height: usize,
    /// Width of the images in pixels.
    pub width: usize,
    /// Colours are the last axis (TensorFlow), not the second (PyTorch, Caffe).
    pub colours_last: bool,
}

impl Layout {
    /// Shape of the input for so many images.
    #[must_use]
    pub fn shape(&self, n_images: usize) -> Vec<usize> {
        let (height, width) = (self.height, self.width);
        if self.colours_last {
            vec![n_images, height, width, N_COLOURS]
        } else {
            vec![n_images, N_COLOURS, height, width]
        }
    }
}

impl Graph {
    /// The image input.
    ///
    /// - `side`: height and width in pixels where the model leaves them free; 224 by default.
    ///
    /// # Errors
    ///
    /// If the model does not take exactly one float tensor of RGB images, or fixes another size than `side`.
    pub fn layout(&self, path: &Path, side: Option<(usize, usize)>) -> Result<Layout> {
        let remedy = "bhscore feeds one batch of RGB images: export the network with an input of \
                      1 × 3 × height × width, single precision";
        let [input] = self.inputs.as_slice() else {
            let names = quoted(self.inputs.iter().map(|input| input.name.as_str()));
            let problem = format!("takes {} inputs ({names})", self.inputs.len());
            return Err(Error::file(path, problem, remedy));
        };
        let wrong = || {
            let what = if input.is_float {
                ""
            } else {
                ", not of floats"
            };
            let shape = shape_text(&input.shape);
            let problem = format!("takes `{}` of shape {shape}{what}", input.name);
            Error::file(path, problem, remedy)
        };
        let [batch, a, b, c] = input.shape[..] else {
            return Err(wrong());
        };
        let colours_last = match (a, c) {
            (Some(3), _) | (None, None) => false,
            (_, Some(3)) => true,
            _ => return Err(wrong()),
        };
        let fits = batch.is_none_or(|batch| (1..=MOST_FIXED).contains(&batch));
        if !input.is_float || !fits {
            return Err(wrong());
        }
        let fixed = if colours_last { (a, b) } else { (b, c) };
        let wanted = side.unwrap_or((FREE_SIDE, FREE_SIDE));
        let (height, width) = (fixed.0.unwrap_or(wanted.0), fixed.1.unwrap_or(wanted.1));
        if side.is_some_and(|side| side != (height, width)) || height == 0 || width == 0 {
            let problem = format!("takes images of {height} × {width} pixels only");
            return Err(Error::file(path, problem, "leave `--size` out"));
        }
        let n_pixels = [batch.unwrap_or(1), height, width]
            .into_iter()
            .try_fold(1, usize::checked_mul);
        if n_pixels.is_none_or(|n| n > MOST_PIXELS) {
            return Err(wrong());
        }
        Ok(Layout {
            input: input.name.clone(),
            batch,
            height,
            width,
            colours_last,
        })
    }
}
