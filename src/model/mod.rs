//! Models that are handed to others: a manifest, what it names, whether that is as it says, and one file of all.
//!
//! ```text
//! model.toml ──manifest──▶ checks ──finding──▶ table or JSON
//! model.toml + files ──pack──▶ FILE.zip ──archive──▶ a temporary folder ──checks──▶ the same findings
//! ```
//!
//! | file | holds |
//! |---|---|
//! | [`manifest`] | `model.toml`, checked |
//! | `section` | a table of a TOML file: its keys, and all that is wrong with them |
//! | [`finding`] | what each of the fourteen checks found |
//! | [`checks`] | the checks, in their order |
//! | [`source`] | the files of a model, and their fingerprint |
//! | [`images`] | pictures that are drawn for the checks |
//! | [`subject`] | what the checks look at: activations of images |
//! | [`network`] | an ONNX file as a manifest describes it, run on pictures |
//! | [`folders`] | features that come without a network |
//! | [`bibtex`] | whether references can be read |
//! | [`archive`] | zip files with one root folder, and nothing outside of it |
//! | [`pack`] | a checked model as one zip file |
//!
//! Not here: scoring a model by its manifest.

pub mod archive;
pub mod bibtex;
pub mod checks;
pub mod finding;
pub mod folders;
pub mod images;
pub mod manifest;
pub mod network;
pub mod pack;
mod section;
pub mod source;
pub mod subject;
