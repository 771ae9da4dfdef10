//! How hierarchically brain-like is a deep network? (skeleton; the map is written at the end)
#![warn(missing_docs)]

pub mod bh;
pub mod error;
pub mod io;
pub mod report;
pub mod stats;

pub use error::{Error, Result};
