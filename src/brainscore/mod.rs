//! The Brain-Score family over local files: how well a network's layers predict recordings, site by site.
//!
//! | file | holds |
//! |---|---|
//! | [`result`] | what `score` leaves of one model and benchmark in `results/brainscore/` |
//! | [`folder`] | all of that folder |
//! | [`tree`] | benchmarks below regions below averages: means, coverage, ranks |

pub mod folder;
pub mod result;
pub mod tree;
