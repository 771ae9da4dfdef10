//! How hierarchically brain-like is a deep network? The Brain Hierarchy (BH) score of Nonaka,
//! Majima, Aoki & Kamitani (2021, *iScience*), from a study folder to a number.
//!
//! # The pipeline
//!
//! ```text
//! fMRI + features ──decode-train──▶ decoders ──decode-predict──▶ decoding accuracy ──compute──▶ BH score
//! fMRI + features ──encode-train──▶ encoders ──encode-predict──▶ encoding accuracy ──compute──▶ BH score
//! ```
//!
//! Stages meet on disk only, so each can be run, resumed and shared among machines alone.
//!
//! # Where to find what
//!
//! Modules in the order of the data; imports point up this list only (a test keeps that true).
//!
//! | module | holds |
//! |---|---|
//! | [`error`] | the error type: cause, file or item, remedy |
//! | [`nearest`] | the known name nearest to a misspelt one |
//! | [`settings`] | `settings.json`: as written, checked, resolved |
//! | [`io`] | file formats: MATLAB v5 and v7.3, bdpy tables, records; whole files or none |
//! | [`stats`] | moments, correlation, ranks, significance, NumPy's legacy generator |
//! | [`ridge`] | fast L2-regularised linear regression with voxel selection |
//! | [`work`] | items, plan, paths, the loop all stages share, claims of those who share a folder |
//! | [`study`] | a subject's ROI and a layer's units, standardised; decoders on disk |
//! | [`extract`] | the stage `extract`: images and a network → features |
//! | `cornet` | training of CORnet at toy scale (cargo feature `train`) |
//! | [`decode`] | the stages `decode-train` and `decode-predict` |
//! | [`encode`] | the stages `encode-train` and `encode-predict` |
//! | [`bh`] | accuracies → BH score |
//! | [`ceilings`] | what scores of a study can be at best: noise ceilings, another brain's score |
//! | [`brainscore`] | Brain-Score over local files: predictivity, similarity, ceilings, benchmark tree |
//! | [`model`] | models that are handed to others: manifest, checks, archive |
//! | [`relate`] | two tables by model name: correlations, groups |
//! | [`report`] | tables, figures, the results page |
//! | [`synth`] | the demo study, whose ground truth is known |
//!
//! Start reading at [`decode::train`] for the computation, at [`work::stage`] for how runs are
//! resumed, and at [`bh`] for the score.
//!
//! # Dimensions
//!
//! Spelled the same everywhere: `n_samples` (fMRI samples: presentations of stimuli), `n_stimuli`
//! (different images), `n_voxels`, `n_selected` (voxels a unit's decoder uses), `n_units`,
//! `n_layers`, `n_rois`, `n_subjects`. Units of a layer of shape `C × H × W` are kept in
//! column-major order (first axis fastest), the order of MATLAB files on disk.

pub mod bh;
pub mod brainscore;
pub mod ceilings;
#[cfg(feature = "train")]
pub mod cornet;
pub mod decode;
pub mod encode;
pub mod error;
pub mod extract;
pub mod io;
pub mod model;
pub mod nearest;
pub mod relate;
pub mod report;
pub mod ridge;
pub mod settings;
pub mod stats;
pub mod study;
pub mod synth;
pub mod work;

pub use error::{Error, Result};

/// Program name and version, as records and results carry it.
pub const PROGRAM: &str = concat!("bhscore ", env!("CARGO_PKG_VERSION"));
