//! Images through a network to features.
//!
//! ```text
//! file ──image──▶ RGB pixels ──preprocess──▶ input tensor ──engine──▶ layers ──stage──▶ data/features/...
//! ```

pub mod image;
pub mod preprocess;
