//! Training of CORnet (Kubilius et al. 2018, 2019) at toy scale: the four networks, SGD, and files that `extract`
//! reads. Only in builds with the cargo feature `train`.
//!
//! ```text
//! image folder ──batches──▶ images ──forward──▶ loss ──▶ gradients ──sgd──▶ weights ──▶ checkpoint, ONNX
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `architecture` | the four networks, written once over abstract operations |
//! | [`weights`] | names, shapes, first values of all parameters |
//! | [`forward`] | the operations as tensors with gradients |
//! | [`graph`] | the operations as an ONNX file |
//! | [`sgd`] | stochastic gradient descent and its schedule |
//! | [`folder`] | images by class |
//! | [`crop`] | random resized crops |
//! | [`batches`] | images on their way to the network, decoded ahead |
//! | [`step`] | one step of training, and validation |
//! | [`checkpoint`] | files to go on from, and weights by PyTorch's names |
//! | [`progress`] | what is recorded of a training |
//! | [`trainer`] | the loop |
//!
//! The same seed gives the same bytes, whatever the number of threads and interruptions: every random draw belongs
//! to a named stream of the seed, an epoch and an image. Between processors the last digits differ.

mod architecture;
pub mod batches;
pub mod checkpoint;
pub mod crop;
pub mod folder;
pub mod forward;
pub mod graph;
pub mod progress;
pub mod sgd;
pub mod step;
pub mod trainer;
pub mod weights;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Feed-forward: a convolution and a pooling per area.
    Z,
    /// Recurrent; within a step each area sees what the one below has just become.
    R,
    /// Recurrent; each area sees what the one below was a step before.
    RT,
    /// Bottlenecks with skips, repeated.
    S,
}

impl Kind {
    /// Steps that an image takes to IT: in the first only V1 sees it, and in RT it goes one area further in each.
    #[must_use]
    pub fn fewest_times(self) -> usize {
        match self {
            Kind::Z | Kind::S => 1,
            Kind::R => 2,
            Kind::RT => 4,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CORnet-{self:?}")
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        match text.to_ascii_uppercase().as_str() {
            "Z" => Ok(Kind::Z),
            "R" => Ok(Kind::R),
            "RT" => Ok(Kind::RT),
            "S" => Ok(Kind::S),
            _ => Err("the models are Z, R, RT and S".to_owned()),
        }
    }
}

/// What fixes a network but for its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Which of the four.
    pub kind: Kind,
    /// Steps of R and RT; Z and S have their own.
    pub times: usize,
    /// Classes that the decoder tells apart.
    pub n_classes: usize,
    /// Height and width of the images in pixels.
    pub imsize: usize,
}

/// Steps of R and RT in the original.
pub const TIMES: usize = 5;

/// Height and width of images in the original.
pub const IMSIZE: usize = 224;
