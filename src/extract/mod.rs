//! The stage `extract`: from images and a network to features.
//!
//! ```text
//! file ──image──▶ RGB pixels ──preprocess──▶ input ──engine──▶ layers ──stage──▶ data/features/…
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`stimuli`] | which image files, under which names |
//! | [`image`] | image files → RGB pixels, resized exactly as by the original |
//! | [`preprocess`] | pixels → a network's input |
//! | [`onnx`] | model files: what is in them, copies with other outputs or weights |
//! | [`engine`] | what runs a network |
//! | [`layers`] | which tensors are the layers |
//! | [`units`] | a layer's tensor → the values that are written |
//! | [`recipe`] | `extract.json`, how a layer's features were made |
//! | [`network`] | a loaded network: single passes in memory |
//! | [`job`] | what is asked of the stage |
//! | [`caught`] | panics of other programs' code, made errors |
//! | `block` | what a process claims at a time |
//! | `target` | a layer's folder: what is there and what is missing |
//! | `published` | finished features on their way to the disk |
//! | `watch` | what looks wrong in features |
//! | [`resident`] | memory of a model and a forward pass, measured |
//! | [`survey`] | how many images have their features |
//! | [`stage`] | the loop: workers, batches, publishing |

mod block;
pub mod caught;
pub mod engine;
pub mod image;
pub mod job;
pub mod layers;
pub mod network;
pub mod onnx;
pub mod preprocess;
mod published;
pub mod recipe;
pub mod resident;
pub mod stage;
pub mod stimuli;
pub mod survey;
mod target;
pub mod units;
mod watch;
