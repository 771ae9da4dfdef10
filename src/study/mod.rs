//! A study's data as the stages need them: a ROI's voxels and a layer's units, standardised.
//!
//! | file | holds |
//! |---|---|
//! | [`scale`] | mean and standard deviation per column, and which columns cannot be used |
//! | [`brain`] | one subject's ROI: training samples for the solver, test patterns per stimulus |
//! | [`units`] | one layer's unit activations |
//! | [`decoder`] | a trained decoder on disk, ours or the original's |
//! | [`context`] | what every stage needs to know: paths, settings, memory |
//! | [`store`] | what a stage keeps from item to item, within the memory bound |
//! | [`draft`] | a first `settings.json`, from what lies in the folder |
//! | [`ahead`] | a layer that is read while another is at work |
//! | [`memory`] | how many bytes the working arrays may take |
//!
//! Decoding and encoding both build on these; neither stage knows the other.

pub mod ahead;
pub mod brain;
pub mod context;
pub mod decoder;
pub mod draft;
pub mod memory;
pub mod scale;
pub mod store;
pub mod units;

pub use context::Context;

/// Whether a stage keeps to the method or to the original's files bit for bit, defects included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// What the method means: constant voxels are left out, images are matched by name.
    #[default]
    Corrected,
    /// What the original does also where that is a defect (`--compat`).
    Compat,
}
